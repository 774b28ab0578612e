//! The tray and the notifications: what a person sees of the agent without looking for it.
//!
//! The main thread owns the icon and handles one [`Event`] after another; everybody else holds a
//! [`Remote`]. What is shown is a pure function of a [`View`], and what a click asks for is an
//! [`Action`] that the [`TrayBackend`] has done. Nothing here waits for anybody, decides about
//! accounts, or knows how a verb is done.

mod clipboard;
mod event;
mod event_loop;
mod facts;
mod host;
mod icon;
mod menu;
mod menu_diff;
mod native_menu;
mod notify;
mod policy;
mod session;
mod tray;
mod view;
mod words;

pub use event::{Event, Remote};
pub use event_loop::EventLoop;
pub use host::{Visibility, visibility};
pub use menu::{Action, Copied};
pub use notify::announce;
pub use policy::{NotificationSettings, Topic};
pub use session::TrayBackend;
pub use view::{AutostartView, Facts};
