//! `open`: a link into the dashboard.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::control::dashboard_link::DashboardLink;
use crate::control::service::ControlService;
use crate::control::verb::{LOCAL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Open {
    /// Where the dashboard opens: `clients`. Its first page where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
}

impl Verb for Open {
    type Response = DashboardLink;
    const NAME: &'static str = "open";
    const TIME_LIMIT: Duration = LOCAL_LIMIT;
    const NEEDS: Needs = Needs::Agent;

    async fn run(self, service: &ControlService, _: &Notes) -> Result<DashboardLink, ControlError> {
        service.dashboard_link(self.page.as_deref())
    }
}
