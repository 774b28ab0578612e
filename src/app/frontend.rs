//! Where the agent is seen: in the tray, or nowhere.

use std::sync::Arc;

#[cfg(feature = "desktop")]
use super::tray_bridge::TrayBridge;
use crate::control::{ControlService, Started};
use crate::dashboard::TrayNote;

/// Where the agent is seen.
pub(super) enum Frontend<'a> {
    /// Nowhere: only its start is reported.
    Headless(&'a mut dyn FnMut(&Started)),
    /// In the tray, where the session has one.
    #[cfg(feature = "desktop")]
    Desktop(TrayBridge),
}

#[cfg_attr(
    not(feature = "desktop"),
    allow(
        unused_variables,
        clippy::needless_pass_by_value,
        reason = "the tray uses them"
    )
)]
impl Frontend<'_> {
    /// Lets the frontend call verbs from now on.
    pub(super) fn attach(&self, service: &Arc<ControlService>) {
        match self {
            Self::Headless(_) => {}
            #[cfg(feature = "desktop")]
            Self::Desktop(tray) => tray.attach(service),
        }
    }

    /// Reports how the start came out. `service` is this agent's; `None` where another one runs.
    pub(super) fn started(&mut self, service: Option<&Arc<ControlService>>, started: Started) {
        match self {
            Self::Headless(on_start) => on_start(&started),
            #[cfg(feature = "desktop")]
            Self::Desktop(tray) => tray.started(service, started),
        }
    }

    /// What there is to say about the tray, asked whenever the dashboard shows it.
    pub(super) fn tray_note(&self) -> TrayNote {
        match self {
            Self::Headless(_) => |_| None,
            #[cfg(feature = "desktop")]
            Self::Desktop(_) => |language| crate::desktop::visibility().advice(language),
        }
    }

    /// Shows every change of the agent's state. Never ready.
    pub(super) async fn publish(&self, service: &ControlService) {
        match self {
            Self::Headless(_) => {}
            #[cfg(feature = "desktop")]
            Self::Desktop(tray) => tray.publish(service).await,
        }
        std::future::pending().await
    }
}
