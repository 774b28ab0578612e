//! Monitoring: the requests, the latest first.

use maud::html;

use super::Section;
use crate::control::Verb;
use crate::control::verbs::Log;
use crate::dashboard::context::PageContext;
use crate::dashboard::layout::{Page, failure};

pub(super) async fn page(context: &PageContext) -> Page {
    let log = Log::default();
    let listed = log.run(&context.service, &PageContext::notes()).await;
    let content = match &listed {
        Err(error) => failure(context, error),
        Ok(listed) => html! {
            div.table { table.dense.blocks { tbody {
                @for row in &listed.rows {
                    tr {
                        td { (context.exact_time(row.received_at)) }
                        td { (row.asked) }
                        td { (row.ending) }
                        td.why { @if let Some(why) = &row.why { (why) } }
                    }
                }
            } } }
        },
    };
    Page::new(Section::Monitoring, context.text.monitoring(), content)
}
