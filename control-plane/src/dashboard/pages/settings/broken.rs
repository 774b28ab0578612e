//! A `config.toml` that cannot be used: where and why. Nothing is saved into it from here.

use maud::{Markup, html};

use crate::control::{ConfigError, Problem, config_text, without_user_info};
use crate::dashboard::context::PageContext;
use crate::dashboard::sentences::marked;
use crate::language::InLanguage as _;

pub(super) fn verdict(context: &PageContext, error: &ConfigError) -> String {
    match error.line() {
        Some(line) => context.text.config_not_used_line(line),
        None => context.text.config_not_used().to_owned(),
    }
}

pub(super) fn content(context: &PageContext, error: &ConfigError) -> Markup {
    let home = context.service.home();
    let text = config_text(home).unwrap_or_default();
    let problems = match error {
        ConfigError::Invalid(problems) => problems.0.as_slice(),
        _ => &[],
    };
    html! {
        div.notice.bad role="alert" { p { (context.text.last_valid_stays()) } }
        @if problems.is_empty() { p { (marked(&error.text(context.language()))) } }
        @for problem in problems { (place(context, &text, problem)) }
        p { (context.text.mend_the_file()) " " (context.copyable(&home.config_file().display().to_string())) }
    }
}

/// The line with those beside it, and a mark below the column.
fn place(context: &PageContext, text: &str, problem: &Problem) -> Markup {
    let Some(place) = problem.place else {
        return html! { p { (marked(&problem.text(context.language()))) } };
    };
    let around = text
        .lines()
        .enumerate()
        .filter(|(at, _)| at.abs_diff(place.line - 1) <= 1);
    html! {
        section.sheet {
            h3 { (context.text.line_and_column(place.line, place.column)) }
            p { @if !problem.path.is_empty() { code { (problem.path) } ": " } (marked(problem.message.text(context.language()))) }
            pre { @for (at, line) in around {
                @let shown: String = without_user_info(line).chars().take(200).collect();
                (format!("{:>4} ", at + 1)) @if at + 1 == place.line { mark { (shown) } } @else { (shown) } "\n"
            } }
        }
    }
}
