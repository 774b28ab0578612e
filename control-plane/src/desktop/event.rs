//! The events of the main thread, and the handle by which other threads send them.

use std::sync::Arc;

use super::policy::{Button, NotificationSettings};
use super::session::TrayBackend;
use crate::control::Started;
use crate::control::overview::Overview;
use crate::control::today::Totals;
use crate::language::Said;

/// One thing that happened.
pub enum Event {
    /// The agent is starting: the icon is shown from now on.
    AgentStarting(Box<dyn TrayBackend + Send>),
    /// The agent answers verbs.
    AgentStarted(Box<Started>),
    /// The agent's overview has changed.
    Overview(Box<Overview>),
    /// What was today has changed; `None` where it is not known.
    Today(Option<Box<Totals>>),
    /// The notification settings have changed.
    Settings(NotificationSettings),
    /// A menu item was clicked, by its id.
    MenuClicked(String),
    IconClicked,
    /// A button of a notification was pressed.
    ButtonPressed(Button),
    /// An action has ended; the error says why it failed.
    ActionDone(Result<(), Said>),
    AgentEnded,
}

/// Sends events to the main thread; all other threads hold one.
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

    /// Never blocks. After the main thread's end it does nothing.
    pub fn send(&self, event: Event) {
        (self.send)(event);
    }

    /// Forwards the system's clicks as events.
    pub(super) fn forward_clicks(&self) {
        use tray_icon::menu::MenuEvent;
        use tray_icon::{MouseButton, MouseButtonState, TrayIconEvent};
        let remote = self.clone();
        MenuEvent::set_event_handler(Some(move |event: MenuEvent| {
            remote.send(Event::MenuClicked(event.id.0))
        }));
        let remote = self.clone();
        TrayIconEvent::set_event_handler(Some(move |event: TrayIconEvent| {
            if let TrayIconEvent::Click {
                button: MouseButton::Left,
                button_state: MouseButtonState::Up,
                ..
            } = event
            {
                remote.send(Event::IconClicked);
            }
        }));
    }
}
