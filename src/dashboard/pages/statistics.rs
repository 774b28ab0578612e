//! Token statistics: sums by day, hour, model, account, client, key and provider.

use maud::html;

use super::Section;
use crate::control::Verb;
use crate::control::stats::By;
use crate::control::verbs::Stats;
use crate::dashboard::context::PageContext;
use crate::dashboard::layout::{Page, failure};

pub(super) async fn page(context: &PageContext) -> Page {
    let question = Stats {
        by: vec![By::Day],
        ..Stats::default()
    };
    let statistics = question.run(&context.service, &PageContext::notes()).await;
    let content = match &statistics {
        Err(error) => failure(context, error),
        Ok(statistics) => html! {
            div.table { table.blocks { tbody {
                @for row in &statistics.rows {
                    tr {
                        th scope="row" { (row.keys[0].as_deref().unwrap_or_default()) }
                        td.number { (context.count(row.requests)) }
                        td.number { (context.cost(&row.cost)) }
                    }
                }
            } } }
        },
    };
    Page::new(
        Section::Statistics,
        context.text.token_statistics(),
        content,
    )
}
