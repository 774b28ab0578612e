//! The tray and the notifications: what a person sees of the agent without looking for it.
//!
//! The main thread owns the icon and handles one [`Event`] after another; everybody else holds a
//! [`Remote`]. What is shown is a pure function of a [`View`], and what a click asks for is an
//! [`Action`] that the [`Office`] has done. Nothing here waits for anybody, decides about accounts,
//! or knows how a verb is done.

mod clipboard;
mod difference;
mod event;
mod facts;
mod host;
mod icon;
mod looping;
mod menu;
mod notify;
mod policy;
mod session;
mod shown;
mod tray;
mod view;
mod words;

pub use event::{Event, Remote};
pub use host::{Visibility, visibility};
pub use looping::EventLoop;
pub use menu::{Action, Copied};
pub use notify::announce;
pub use policy::{Settings, Topic};
pub use session::Office;
pub use view::{AutostartView, Facts};
