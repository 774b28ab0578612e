//! Where the agent is seen: in the tray, or nowhere.

use std::sync::Arc;

#[cfg(feature = "desktop")]
use super::tray_bridge::TrayBridge;
use crate::control::{ControlService, Started};
use crate::dashboard::TrayNote;

/// Where the agent is seen.
pub enum Frontend<'a> {
    /// Nowhere: what is given is told how it stands.
    Headless(&'a mut dyn FnMut(&Started)),
    /// In the tray, where the session has one.
    #[cfg(feature = "desktop")]
    Desktop(TrayBridge),
}

impl Frontend<'_> {
    pub(super) fn begin(&self, desk: &Arc<ControlService>) {
        match self {
            Self::Headless(_) => {
                let _ = desk;
            }
            #[cfg(feature = "desktop")]
            Self::Desktop(stage) => stage.begin(desk),
        }
    }

    /// `desk` is this agent's; there is none where another one runs.
    #[cfg_attr(
        not(feature = "desktop"),
        allow(clippy::needless_pass_by_value, reason = "the tray keeps it")
    )]
    pub(super) fn started(&mut self, desk: Option<&Arc<ControlService>>, started: Started) {
        match self {
            Self::Headless(on_start) => {
                let _ = desk;
                on_start(&started);
            }
            #[cfg(feature = "desktop")]
            Self::Desktop(stage) => stage.started(desk, started),
        }
    }

    /// What there is to say about the tray, asked whenever somebody wants to know.
    pub(super) fn tray_note(&self) -> TrayNote {
        match self {
            Self::Headless(_) => || None,
            #[cfg(feature = "desktop")]
            Self::Desktop(_) => || crate::desktop::visibility().advice(),
        }
    }

    /// Never ready.
    pub(super) async fn tell(&self, desk: &ControlService) {
        match self {
            Self::Headless(_) => {
                let _ = desk;
            }
            #[cfg(feature = "desktop")]
            Self::Desktop(stage) => stage.tell(desk).await,
        }
        std::future::pending().await
    }
}
