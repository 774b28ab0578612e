//! References to files that a provider stores, which only that provider can open.
//!
//! Every encoder of another dialect refuses them with the same message; they are never fetched.

use crate::canon::{Dialect, Located, Losses};
use crate::json::EscapedStr;

/// Refuses a reference to a file of another dialect's provider.
pub(super) fn refuse(losses: &mut Losses, id: &Located<EscapedStr>, dialect: Dialect) {
    losses.refuse(
        id.at,
        format!("names a file that only the {dialect} dialect's provider holds"),
    );
}
