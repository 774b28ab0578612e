//! The tray and the notifications.
//!
//! The main thread owns the icon and handles one [`Event`] after another; other threads hold a
//! [`Remote`]. What is shown is a pure function of a `View`; a click means an [`Action`], which the
//! [`TrayBackend`] performs. Nothing here blocks, decides about accounts, or knows how a verb is
//! done.

mod clipboard;
mod event;
mod event_loop;
mod german;
mod host;
mod icon;
mod menu;
mod menu_diff;
mod native_menu;
mod notify;
mod policy;
mod session;
mod texts;
mod tray;
mod view;
mod words;

pub use event::{Event, Remote};
pub use event_loop::EventLoop;
pub use host::visibility;
pub use menu::{Action, Copyable};
pub use notify::announce;
pub use policy::{NotificationSettings, Topic};
pub use session::TrayBackend;
pub use view::AutostartView;
