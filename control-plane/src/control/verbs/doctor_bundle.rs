//! `doctor_bundle`: what helps another person to see what is wrong, without any secret that is known
//! here.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::failures::Failures;
use super::log::Log;
use super::provider_list::ProviderList;
use super::status::status;
use crate::config::file;
use crate::control::account;
use crate::control::doctor::bundle::{self, CollectedSections, Section};
use crate::control::doctor::served;
use crate::control::service::ControlService;
use crate::control::verb::{Needs, Verb};
use crate::control::wire::{ControlError, Notes};
use crate::host::recent_log::RECENT_LOG;

/// A keyring that asks its person, and some files.
const LIMIT: Duration = Duration::from_secs(40);
/// How many of the last failed requests are told.
const REQUESTS_MAX: usize = 30;
/// How far back failures are told.
const FAILURES_SINCE: &str = "7d";

#[derive(Debug, Serialize, Deserialize)]
pub struct DoctorBundle {
    /// What the caller has to say, to be cleaned of secrets as well.
    pub sections: Vec<Section>,
}

impl Verb for DoctorBundle {
    type Response = CollectedSections;
    const NAME: &'static str = "doctor_bundle";
    const TIME_LIMIT: Duration = LIMIT;
    // It opens the vault itself: a locked one is a finding.
    const NEEDS: Needs = Needs::Files;

    async fn run(
        self,
        service: &ControlService,
        _: &Notes,
    ) -> Result<CollectedSections, ControlError> {
        Ok(collect(service, self.sections).await)
    }
}

/// The caller's sections and those of this process, cleaned of what it knows.
async fn collect(service: &ControlService, mut sections: Vec<Section>) -> CollectedSections {
    served::prepare(service).await;
    let knows_all = served::knows_all(service);
    let notes = Notes::discard();
    let failures = Failures {
        since: Some(FAILURES_SINCE.to_owned()),
        until: None,
    };
    let log = Log {
        failed: true,
        since: Some(FAILURES_SINCE.to_owned()),
        rows_max: Some(REQUESTS_MAX),
        ..Log::default()
    };
    sections.extend([
        Section::json("status", Ok(status(service))),
        Section::json("accounts", Ok(account::list(&service.accounts))),
        Section::json("providers", ProviderList {}.run(service, &notes).await),
        Section::json("records", service.records_facts().await),
        Section::json(
            "failures of the last 7 days",
            failures.run(service, &notes).await,
        ),
        Section::json("last failed requests", log.run(service, &notes).await),
    ]);
    if knows_all {
        let text = file::text(&service.home).map_err(ControlError::caused_by);
        let text = text.unwrap_or_else(|error| format!("not available: {error}"));
        sections.push(Section::new("config.toml", text));
        if service.agent.is_some() {
            sections.push(Section::new(
                "log of the agent",
                RECENT_LOG.lines().join("\n"),
            ));
        }
    }
    let (sections, redactions) = bundle::cleaned(sections, served::known_secrets(service));
    CollectedSections {
        sections,
        redactions,
        knows_all,
    }
}
