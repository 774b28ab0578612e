//! All accounts with their live state, and the choice of one for each attempt.
//!
//! [`Pool::lease`] gives an account and takes it back with what the attempt taught. The choice itself is a pure function; what it
//! decides on is changed in short critical sections that no await ever lies in. The pool sees outcomes and readings, never a status
//! or a header, and it sends nothing.

mod clock;
mod refresh;
mod rest;
mod sign_in;
mod state;
mod view;
mod want;

pub use clock::Clock;
pub use refresh::{Claim, Granted, Keeper, KeeperError, Refreshed, Refresher};
pub use rest::{Cause, End, Rest};
pub use sign_in::{Hindrance, SignIn, SignInWhy};
pub use state::{Bound, InProcess, PoolState, ReadAt, Saved, Spent};
pub use view::{AccountView, BudgetView, State};
pub use want::{BadSessionKey, NoLease, PassedOver, SessionKey, Want, Why};
