//! What the main thread hears of, and how others tell it.

use std::sync::Arc;

use super::policy::{Button, NotificationSettings};
use super::session::TrayBackend;
use super::view::Facts;
use crate::control::Started;

/// One thing that happened.
pub enum Event {
    /// The agent begins: from now on it is shown.
    Began(Box<dyn TrayBackend + Send>),
    /// It can be asked.
    Started(Box<Started>),
    /// The agent stands otherwise than before.
    Facts(Box<Facts>),
    /// What the person wants to be told has changed.
    Settings(NotificationSettings),
    /// An item of the menu was clicked.
    Clicked(String),
    /// The icon was clicked.
    Activated,
    /// A button of a notification was pressed.
    Pressed(Button),
    /// What was asked for is done, or why it is not.
    Done(Result<(), String>),
    /// The agent has ended.
    Ended,
}

/// Tells the main thread; held by everybody else.
#[derive(Clone)]
pub struct Remote {
    send: Arc<dyn Fn(Event) + Send + Sync>,
}

impl Remote {
    pub(super) fn new(send: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self {
            send: Arc::new(send),
        }
    }

    /// Never blocks. After the main thread's end nothing happens.
    pub fn tell(&self, event: Event) {
        (self.send)(event);
    }

    /// Has the system's clicks told here.
    pub(super) fn hear_clicks(&self) {
        use tray_icon::menu::MenuEvent;
        use tray_icon::{MouseButton, MouseButtonState, TrayIconEvent};
        let remote = self.clone();
        MenuEvent::set_event_handler(Some(move |event: MenuEvent| {
            remote.tell(Event::Clicked(event.id.0))
        }));
        let remote = self.clone();
        TrayIconEvent::set_event_handler(Some(move |event: TrayIconEvent| {
            if let TrayIconEvent::Click {
                button: MouseButton::Left,
                button_state: MouseButtonState::Up,
                ..
            } = event
            {
                remote.tell(Event::Activated);
            }
        }));
    }
}
