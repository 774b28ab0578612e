//! The first line of the dashboard: what is true of the whole now, as a sentence.

use super::context::PageContext;
use crate::control::overview::Overview;
use crate::status::{AgentStatus, BindFailure, BindFailureCause, PortOwner, PortStatus, Timestamp};

pub(super) fn verdict(context: &PageContext, overview: &Overview) -> String {
    let text = context.text;
    match &overview.status.agent {
        AgentStatus::NotRunning { .. } => text.stopped().to_owned(),
        AgentStatus::Running { port } => match port {
            PortStatus::Starting => text.starting().to_owned(),
            PortStatus::Stopped => text.stopped().to_owned(),
            PortStatus::Draining | PortStatus::Ending => text.stopping().to_owned(),
            PortStatus::Unavailable(failure) => port_failure(context, failure),
            PortStatus::Running { is_exposed, .. } => serving(context, overview, *is_exposed),
        },
    }
}

fn port_failure(context: &PageContext, failure: &BindFailure) -> String {
    let (text, port) = (context.text, failure.port);
    match &failure.cause {
        BindFailureCause::InUse { owner } => match owner {
            PortOwner::Program { name, pid } => {
                text.port_belongs_to(port, format_args!("{name} ({pid})"))
            }
            PortOwner::Aerostat => text.port_belongs_to(port, text.another_aerostat()),
            PortOwner::Unknown => text.port_is_taken(port),
        },
        BindFailureCause::Refused => text.port_is_refused(port),
    }
}

fn serving(context: &PageContext, overview: &Overview, is_exposed: bool) -> String {
    let text = context.text;
    if overview
        .accounts
        .iter()
        .all(crate::control::AccountFacts::is_offer)
    {
        return text.nothing_to_serve_with().to_owned();
    }
    let counts = overview.status.accounts.unwrap_or_default();
    if let Some(until) = counts.cooling_until {
        return text.no_account_until(context.time_text(until));
    }
    if counts.enabled > 0 && counts.can_serve == 0 {
        return text.no_account_can_serve().to_owned();
    }
    match counts.attention {
        0 => {}
        1 => return text.serving_one_needs_you().to_owned(),
        count => return text.serving_some_need_you(count),
    }
    if let Some((provider, until)) = resting_provider(overview) {
        return text.serving_slowly(provider, context.time_text(until));
    }
    if counts.can_serve < counts.enabled {
        return text.serving_partly(counts.can_serve, counts.enabled);
    }
    if is_exposed {
        return text.serving_network().to_owned();
    }
    text.serving().to_owned()
}

/// A provider none of whose accounts can serve for a while, and until when.
fn resting_provider(overview: &Overview) -> Option<(&str, Timestamp)> {
    let enabled = || overview.accounts.iter().filter(|account| account.enabled);
    enabled().find_map(|account| {
        let mut siblings = enabled().filter(|other| other.provider == account.provider);
        let until = siblings.try_fold(None::<Timestamp>, |earliest, sibling| {
            let until = sibling.status.until()?;
            let rests = !sibling.status.can_serve();
            rests.then(|| Some(earliest.map_or(until, |known| known.min(until))))
        })??;
        Some((account.provider.as_str(), until))
    })
}
