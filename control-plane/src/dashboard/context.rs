//! What a page is made with: the service, the reader's language and zone, and the links' beginning.

use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{Zoned, civil::Date};
use maud::{Markup, html};

use super::TrayNote;
use super::form::{Fields, escaped, query};
use super::last_figures::LastFigures;
use super::texts::Texts;
use crate::control::cost::CostFacts;
use crate::control::{ControlService, Notes};
use crate::language::{Language, zoned};
use crate::modes::Theme;
use crate::status::Timestamp;

/// The name of the field that proves that a form comes from a page of this session.
pub(super) const FORM_TOKEN: &str = "token";

/// What a page is made with.
#[derive(Clone)]
pub(super) struct PageContext {
    pub(super) service: Arc<ControlService>,
    pub(super) text: Texts,
    pub(super) theme: Theme,
    /// The zone of this machine, which is also the reader's.
    pub(super) zone: TimeZone,
    pub(super) now: Timestamp,
    pub(super) query: Fields,
    /// From the page that is asked for to the first one: `../` for each segment between them.
    pub(super) root: String,
    /// What every form of this session carries.
    pub(super) form_token: String,
    /// Says why the tray icon is not shown.
    pub(super) tray_note: TrayNote,
    pub(super) last_figures: Arc<LastFigures>,
}

impl PageContext {
    pub(super) fn language(&self) -> Language {
        self.text.0
    }

    /// The same at a later moment.
    pub(super) fn at(&self, now: Timestamp) -> Self {
        Self {
            now,
            ..self.clone()
        }
    }

    /// Verbs on pages have no place for notes.
    pub(super) fn notes() -> Notes {
        Notes::discard()
    }

    /// A link to a page or a form of ours: `accounts`, `accounts/add`, or the first page, which is
    /// empty. Names in it are escaped by [`PageContext::link_to`]. Links are relative: a page has
    /// hundreds.
    pub(super) fn link(&self, path: &str) -> String {
        match (self.root.as_str(), path) {
            ("", "") => "./".to_owned(),
            (root, path) => format!("{root}{path}"),
        }
    }

    /// A link to a page of something with a name: an account, a request.
    pub(super) fn link_to(&self, path: &str, name: &str) -> String {
        format!("{}{path}/{}", self.root, escaped(name))
    }

    /// A link with a query; pairs with an empty value are left out.
    pub(super) fn link_with<'q>(
        &self,
        path: &str,
        pairs: impl IntoIterator<Item = (&'q str, &'q str)>,
    ) -> String {
        format!("{}{path}{}", self.root, query(pairs))
    }

    /// A form that changes something. It carries the session's token.
    pub(super) fn form(&self, action: &str, class: &str, content: &Markup) -> Markup {
        html! {
            form class=(class) method="post" action=(self.link(action)) autocomplete="off" {
                input type="hidden" name=(FORM_TOKEN) value=(self.form_token);
                (content)
            }
        }
    }

    pub(super) fn zoned(&self, at: Timestamp) -> Option<Zoned> {
        zoned(at, &self.zone)
    }

    /// The day that it is now.
    pub(super) fn today(&self) -> Date {
        self.zoned(self.now).map_or(Date::ZERO, |now| now.date())
    }

    /// A moment for people, with the whole of it for programs: `13:51`, `29 Nov 13:51`.
    pub(super) fn time(&self, at: Timestamp) -> Markup {
        self.time_element(at, Language::moment)
    }

    /// The same with seconds.
    pub(super) fn exact_time(&self, at: Timestamp) -> Markup {
        self.time_element(at, Language::exact_moment)
    }

    /// The same without what is said when it is pointed at, for long lists.
    pub(super) fn brief_time(&self, at: Timestamp) -> Markup {
        let text = self.exact_time_text(at);
        let exact = self
            .zoned(at)
            .map(|at| at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string());
        html! { time datetime=[exact] { (text) } }
    }

    /// The same as plain text.
    pub(super) fn time_text(&self, at: Timestamp) -> String {
        let at = self.zoned(at);
        at.map_or_else(
            || self.text.unknown().to_owned(),
            |at| self.language().moment(&at, self.today()),
        )
    }

    /// The same with seconds.
    pub(super) fn exact_time_text(&self, at: Timestamp) -> String {
        let at = self.zoned(at);
        at.map_or_else(
            || self.text.unknown().to_owned(),
            |at| self.language().exact_moment(&at, self.today()),
        )
    }

    fn time_element(&self, at: Timestamp, write: fn(Language, &Zoned, Date) -> String) -> Markup {
        let Some(at) = self.zoned(at) else {
            return html! { (self.text.unknown()) };
        };
        let exact = at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
        html! { time datetime=(exact) title=(exact) { (write(self.language(), &at, self.today())) } }
    }

    /// A count, made short from 10,000 on, with the whole of it beside.
    pub(super) fn count(&self, count: u64) -> Markup {
        let (short, whole) = (
            self.language().compact(count),
            self.language().number(count),
        );
        if short == whole {
            html! { (whole) }
        } else {
            html! { span title=(whole) { (short) } }
        }
    }

    pub(super) fn unknown(&self) -> Markup {
        html! { span.unknown { (self.text.unknown()) } }
    }

    /// What something cost: unknown is not nothing, and a sum with a gap says so.
    pub(super) fn cost(&self, cost: &CostFacts) -> Markup {
        let text = self.cost_text(cost);
        match &cost.missing {
            Some(missing) => html! { span title=(missing) { (text) } },
            None => html! { (text) },
        }
    }

    pub(super) fn cost_text(&self, cost: &CostFacts) -> String {
        if cost.is_unknown {
            return self.text.unknown().to_owned();
        }
        if cost.is_free {
            return self.text.free().to_owned();
        }
        let amount = self.language().money(cost.micros);
        if cost.has_gap {
            self.text.at_least(amount)
        } else {
            amount
        }
    }

    /// A text that can be copied by a click, where the script runs.
    pub(super) fn copyable(&self, value: &str) -> Markup {
        html! {
            code { (value) } " "
            button.small type="button" hidden data-copy=(value) data-copied=(self.text.copied()) { (self.text.copy()) }
        }
    }
}
