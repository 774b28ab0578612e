//! What the desktop shows: the menu, the icon and the notifications are functions of a [`View`].

use std::time::SystemTime;

use super::menu::Copyable;
use super::texts::Texts;
use crate::control::AccountFacts;
use crate::control::overview::Overview;
use crate::control::today::Totals;
use crate::language::{Language, zoned};
use crate::status::{self, AccountStatus, Attention, NeedsUser, PortStatus};

/// The current time as the user's clock shows it, and the language in which all is said.
#[derive(Clone, Debug)]
pub(super) struct LocalTime {
    pub(super) time: SystemTime,
    pub(super) zone: jiff::tz::TimeZone,
    pub(super) language: Language,
}

impl LocalTime {
    pub(super) fn of_system(time: SystemTime, language: Language) -> Self {
        Self {
            time,
            zone: jiff::tz::TimeZone::system(),
            language,
        }
    }

    pub(super) fn texts(&self) -> Texts {
        Texts(self.language)
    }

    /// The same for those who say it in English.
    pub(super) fn in_english(&self) -> status::LocalTime {
        status::LocalTime {
            time: self.time,
            zone: self.zone.clone(),
        }
    }

    /// A moment in few words: `14:20`, `tomorrow 09:00`, `25 Nov 09:00`.
    pub(super) fn describe(&self, moment: SystemTime) -> String {
        let at = |time| zoned(time, &self.zone);
        let (Some(moment), Some(now)) = (at(moment), at(self.time)) else {
            return self.texts().later().to_owned();
        };
        if now.date().tomorrow().is_ok_and(|day| day == moment.date()) {
            return self.texts().tomorrow(moment.strftime("%H:%M"));
        }
        self.language.moment(&moment, now.date())
    }
}

/// What the agent reports, and what only the desktop knows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct View {
    pub(super) overview: Overview,
    /// `None` where nothing is recorded, or it cannot be read.
    pub(super) today: Option<Totals>,
    pub(super) autostart: AutostartView,
    /// Until when no notification is shown.
    pub(super) muted_until: Option<SystemTime>,
    /// What was put on the clipboard a moment ago.
    pub(super) copied: Option<Copyable>,
}

/// Whether the agent starts at login, as the system says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutostartView {
    On,
    Off,
    /// This system has nothing that starts programs at login.
    Unavailable,
}

impl View {
    /// Before the agent has reported anything.
    pub(super) fn starting(autostart: AutostartView) -> Self {
        Self {
            overview: Overview::default(),
            today: None,
            autostart,
            muted_until: None,
            copied: None,
        }
    }

    /// The API port. There always is one: the tray belongs to a running agent.
    pub(super) fn port(&self) -> &PortStatus {
        let port = self.overview.status.agent.port();
        port.unwrap_or(&PortStatus::Stopped)
    }

    /// In the order in which the pool lists them.
    pub(super) fn accounts(&self) -> &[AccountFacts] {
        &self.overview.accounts
    }

    /// How many accounts need the user.
    pub(super) fn attention_count(&self) -> usize {
        self.accounts()
            .iter()
            .filter(|account| account.needs_user())
            .count()
    }

    /// What needs the user, the most urgent first.
    pub(super) fn attention(&self) -> &[Attention] {
        &self.overview.status.attention
    }

    /// Until when no account can serve, where that ends by itself.
    pub(super) fn cooling_until(&self) -> Option<SystemTime> {
        self.overview.status.accounts?.cooling_until
    }
}

/// Whether the user has to sign in again.
pub(super) fn needs_sign_in(account: &AccountFacts) -> bool {
    matches!(
        account.shown_status(),
        AccountStatus::NeedsUser(NeedsUser::SignIn(_) | NeedsUser::AddressChanged { .. })
    )
}

/// How much of a quota window or of a budget is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct QuotaUsage {
    /// As people read it.
    pub(super) window: String,
    pub(super) used_percent: u8,
    pub(super) resets_at: Option<SystemTime>,
}

impl QuotaUsage {
    pub(super) fn is_used_up(&self) -> bool {
        self.used_percent >= 100
    }
}

/// The account's quota windows, as far as the provider reports them, and its budgets. A window that
/// has been reset since it was reported is unknown.
pub(super) fn quota_usage(account: &AccountFacts, now: SystemTime) -> Vec<QuotaUsage> {
    let mut usage = Vec::new();
    for quota in &account.quota {
        if let Some(used_percent) = quota.used_percent() {
            usage.push(QuotaUsage {
                window: quota.window.replace('_', " "),
                used_percent,
                resets_at: quota.resets_at,
            });
        }
    }
    usage.retain(|quota| quota.resets_at.is_none_or(|at| at > now));
    for budget in &account.budgets {
        usage.push(QuotaUsage {
            window: budget.budget.clone(),
            used_percent: budget.used_percent(),
            resets_at: Some(budget.resets_at),
        });
    }
    usage
}

#[cfg(test)]
pub(super) mod samples {
    use crate::language::Said;
    use std::time::Duration;

    use super::*;
    use crate::control::QuotaFacts;
    use crate::control::account::{ReadingSource, Unit};
    use crate::status::{
        AgentStatus, BindFailure, BindFailureCause, CooldownCause, CredentialProblem,
        ExhaustedQuota, PortOwner, SignIn, SignInCause,
    };

    /// 2026-11-23 12:00:00 UTC.
    pub(in crate::desktop) fn noon() -> LocalTime {
        LocalTime {
            time: SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_435_200),
            zone: jiff::tz::TimeZone::UTC,
            language: Language::English,
        }
    }

    /// The same for who reads German.
    pub(in crate::desktop) fn mittag() -> LocalTime {
        LocalTime {
            language: Language::German,
            ..noon()
        }
    }

    pub(in crate::desktop) fn after(minutes: u64) -> SystemTime {
        noon().time + Duration::from_secs(60 * minutes)
    }

    pub(in crate::desktop) fn account(name: &str, status: AccountStatus) -> AccountFacts {
        AccountFacts {
            name: name.to_owned(),
            provider: "openai".to_owned(),
            enabled: status != AccountStatus::Disabled,
            status,
            added: true,
            ..AccountFacts::default()
        }
    }

    pub(in crate::desktop) fn cooling(detail: &str, minutes: u64) -> AccountStatus {
        AccountStatus::CoolingDown {
            until: after(minutes),
            cause: CooldownCause::RateLimit,
            models: Vec::new(),
            detail: Some(Said::quoted(detail)),
        }
    }

    pub(in crate::desktop) fn exhausted(detail: &str, minutes: u64) -> AccountStatus {
        AccountStatus::QuotaExhausted {
            until: after(minutes),
            quota: ExhaustedQuota::Provider(Some(Said::quoted(detail))),
        }
    }

    pub(in crate::desktop) fn signed_out() -> AccountStatus {
        AccountStatus::NeedsUser(NeedsUser::SignIn(SignIn {
            cause: SignInCause::GrantRefused,
            detail: None,
            since: noon().time,
        }))
    }

    pub(in crate::desktop) fn five_hour_quota(used_percent: u8, minutes: u64) -> QuotaFacts {
        QuotaFacts {
            window: "5-hour".to_owned(),
            unit: Unit::Requests,
            model: None,
            limit: Some(100),
            remaining: Some(100 - u64::from(used_percent)),
            resets_at: Some(after(minutes)),
            length_seconds: Some(5 * 60 * 60),
            source: ReadingSource::Header,
            read_at: noon().time,
        }
    }

    pub(in crate::desktop) fn open_port(port: u16, is_exposed: bool) -> PortStatus {
        PortStatus::Running {
            port,
            is_exposed,
            refused: None,
        }
    }

    pub(in crate::desktop) fn in_use(port: u16, owner: PortOwner) -> BindFailure {
        BindFailure {
            port,
            cause: BindFailureCause::InUse { owner },
            detail: format!("port {port} is in use by another process"),
        }
    }

    pub(in crate::desktop) fn program(name: &str, pid: u32) -> PortOwner {
        PortOwner::Program {
            name: name.to_owned(),
            pid,
        }
    }

    pub(in crate::desktop) fn refused_by_system(port: u16) -> PortStatus {
        PortStatus::Unavailable(BindFailure {
            port,
            cause: BindFailureCause::Refused,
            detail: format!("port {port} cannot be opened"),
        })
    }

    /// What stands for a provider's account while there is none.
    pub(in crate::desktop) fn offer(provider: &str) -> AccountFacts {
        let problem = CredentialProblem::NeedsKey {
            env: "LAB_KEY".to_owned(),
        };
        AccountFacts {
            added: false,
            provider: provider.to_owned(),
            ..account(
                provider,
                AccountStatus::NeedsUser(NeedsUser::Credential(problem)),
            )
        }
    }

    /// A healthy agent with one account.
    pub(in crate::desktop) fn running() -> View {
        let mut view = View::starting(AutostartView::Off);
        view.overview.accounts = vec![account("work", AccountStatus::Ready)];
        view.overview.settle();
        with_port(view, open_port(8045, false))
    }

    /// A healthy agent, with a change.
    pub(in crate::desktop) fn with(change: impl FnOnce(&mut Overview)) -> View {
        let mut view = running();
        change(&mut view.overview);
        view.overview.settle();
        view
    }

    /// The same view with the port in another state.
    pub(in crate::desktop) fn with_port(mut view: View, port: PortStatus) -> View {
        view.overview.status.agent = AgentStatus::Running { port };
        view.overview.settle();
        view
    }
}
