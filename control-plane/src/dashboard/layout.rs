//! The frame of every page: its head, the navigation, the verdict, and the foot.

use std::time::Duration;

use maud::{DOCTYPE, Markup, html};

use super::context::PageContext;
use super::pages::Section;
use super::sentences::{marked, sentence};
use super::texts::Texts;
use crate::control::ControlError;
use crate::control::overview::Overview;
use crate::language::Language;
use crate::modes::Theme;

/// A page without its frame.
pub(super) struct Page {
    pub(super) section: Section,
    /// What is true now, as a sentence: the page's first line.
    pub(super) verdict: String,
    /// Beside the verdict: what can be done with the whole.
    pub(super) action: Option<Markup>,
    pub(super) content: Markup,
    /// When the page loads again where no script looks after it: it waits for something.
    pub(super) refresh_after: Option<Duration>,
    /// Whether a form was not carried out.
    pub(super) is_failed: bool,
    /// Whether it says that what was asked for is not there.
    pub(super) is_missing: bool,
    /// What its head has besides.
    pub(super) head: Option<Markup>,
}

impl Page {
    pub(super) fn new(section: Section, verdict: impl Into<String>, content: Markup) -> Self {
        Self {
            section,
            verdict: verdict.into(),
            action: None,
            content,
            refresh_after: None,
            is_failed: false,
            is_missing: false,
            head: None,
        }
    }
}

/// The whole document.
pub(super) fn document(context: &PageContext, overview: &Overview, page: &Page) -> Markup {
    let text = context.text;
    html! {
        (DOCTYPE)
        html lang=(context.language().tag()) data-theme=[theme(context.theme)] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                @if let Some(pause) = page.refresh_after {
                    noscript { meta http-equiv="refresh" content=(pause.as_secs()); }
                }
                title { (title(context, overview, page)) }
                link rel="icon" type="image/svg+xml" href=(context.link("icon.svg"));
                link rel="stylesheet" href=(context.link("style.css"));
                script src=(context.link("script.js")) defer {}
                @if let Some(head) = &page.head { (head) }
            }
            body {
                a.skip href="#content" { (text.skip_to_content()) }
                header.site { div {
                    a.brand href=(context.link("")) {
                        img src=(context.link("icon.svg")) alt="" width="24" height="24"; "Aerostat"
                    }
                    (navigation(context, overview, page.section))
                } }
                main #content {
                    div.top {
                        h1 aria-live="polite" { (marked(&page.verdict)) }
                        @if let Some(action) = &page.action { (action) }
                    }
                    (page.content)
                }
                (foot(context, overview))
                (key_help(text))
            }
        }
    }
}

/// `data-theme`, where the system does not decide.
fn theme(theme: Theme) -> Option<&'static str> {
    match theme {
        Theme::System => None,
        Theme::Light | Theme::Dark => Some(theme.name()),
    }
}

/// The state comes first: a tab shows little more.
fn title(context: &PageContext, overview: &Overview, page: &Page) -> String {
    let name = page.section.name(context.text);
    let needs = overview.status.attention.len();
    let agent = &overview.status.agent;
    if agent
        .port()
        .is_none_or(crate::status::PortStatus::is_stopped)
    {
        format!("{} · {name} · Aerostat", context.text.state_stopped())
    } else if needs > 0 {
        format!("({needs}) {name} · Aerostat")
    } else {
        format!("{name} · Aerostat")
    }
}

fn navigation(context: &PageContext, overview: &Overview, current: Section) -> Markup {
    let needs = overview.status.attention.len();
    html! {
        nav.site aria-label=(context.text.pages()) { ul {
            @for section in Section::ALL {
                li { a href=(context.link(section.path()))
                    aria-current=[(section == current).then_some("page")] {
                    (section.name(context.text))
                    @if section == Section::Accounts && needs > 0 {
                        span.count title=(context.text.need_you(needs)) { (needs) }
                    }
                } }
            }
        } }
    }
}

fn foot(context: &PageContext, overview: &Overview) -> Markup {
    let text = context.text;
    let zone = context.zone.iana_name().unwrap_or("UTC");
    html! {
        footer.site {
            span { (text.times_are_in(zone)) }
            @if let Some(records) = &overview.status.records {
                span {
                    (text.records_take(bytes(context, records.bytes), bytes(context, records.bytes_max)))
                    @if let Some(oldest) = records.oldest {
                        ", " (text.records_since(context.time_text(oldest)))
                    }
                }
                @if records.problem.is_some() {
                    a.error href=(context.link("settings#records")) { (text.recording_has_stopped()) }
                }
                @if records.not_recorded > 0 {
                    span.error { (text.not_recorded(context.language().number(records.not_recorded))) }
                }
            }
            span { kbd { "/" } " " kbd { "j" } " " kbd { "k" } " " kbd { "?" } " " (text.keys_of_the_page()) }
            (context.form("sign-out", "inline", &html! { button.small { (text.sign_out()) } }))
        }
    }
}

fn bytes(context: &PageContext, bytes: u64) -> String {
    context.language().bytes(bytes)
}

/// What the keys do, opened by one of them where the script runs.
fn key_help(text: Texts) -> Markup {
    let keys = [
        ("/", text.key_filters()),
        ("j", text.key_next_row()),
        ("k", text.key_previous_row()),
        ("?", text.key_help()),
    ];
    html! {
        dialog #keys aria-label=(text.keys_title()) {
            h2 { (text.keys_title()) }
            dl.facts { @for (key, does) in keys { dt { kbd { (key) } } dd { (does) } } }
            form method="dialog" { button { (text.close()) } }
        }
    }
}

/// What stands above a page whose form was not carried out.
pub(super) fn failure(context: &PageContext, error: &ControlError) -> Markup {
    html! {
        div.notice.bad role="alert" {
            p { strong { (context.text.not_done()) ". " } (marked(context.error_text(error))) }
        }
    }
}

/// A page without what it is about, because the records cannot be read.
pub(super) fn unreadable(context: &PageContext, section: Section, error: &ControlError) -> Page {
    let content = html! { div.notice.bad role="alert" { p { (marked(&sentence(context.error_text(error)))) } } };
    Page::new(section, context.text.records_are_unreadable(), content)
}

/// A page without a session: it names nothing of the agent. `segment`: where the reader knows it.
fn bare(language: Language, segment: Option<&str>, title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(language.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · Aerostat" }
                @if let Some(segment) = segment { link rel="stylesheet" href={ "/" (segment) "/style.css" }; }
            }
            body { main #content { h1 { (title) } (content) } }
        }
    }
}

/// A page that opens an address by itself.
pub(super) fn redirect_to(url: &str) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="referrer" content="no-referrer";
                meta http-equiv="refresh" content={ "0;url=" (url) };
                title { "Aerostat" }
            }
            body { p { a href=(url) { (Texts(Language::English).open_the_dashboard()) } } }
        }
    }
}

/// For a browser without a session.
pub(super) fn no_session(text: Texts, segment: Option<&str>) -> Markup {
    let command = "aerostat open";
    bare(
        text.0,
        segment,
        "Aerostat",
        &html! { p { (text.opens_by_link()) " " (text.link_comes_from(command)) } },
    )
}

pub(super) fn signed_out(text: Texts, segment: &str) -> Markup {
    let command = "aerostat open";
    bare(
        text.0,
        Some(segment),
        text.signed_out(),
        &html! { p { (text.browser_signed_out(command)) } },
    )
}

pub(super) fn not_found(text: Texts, segment: &str) -> Markup {
    bare(
        text.0,
        Some(segment),
        "Aerostat",
        &html! { p { (text.nothing_here()) } p { a href={ "/" (segment) "/" } { (text.dashboard()) } } },
    )
}

/// An error of the listener itself, or a form that is not taken.
pub(super) fn error(text: Texts, segment: Option<&str>, message: &str) -> Markup {
    bare(text.0, segment, text.not_done(), &html! { p { (message) } })
}
