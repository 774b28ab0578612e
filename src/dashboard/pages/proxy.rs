//! The API proxy: the addresses for clients, and the keys of the port.

use maud::html;

use super::Section;
use crate::control::overview::Overview;
use crate::control::verbs::KeyList;
use crate::control::{ClientFamily, Verb};
use crate::dashboard::context::PageContext;
use crate::dashboard::layout::Page;
use crate::dashboard::verdict::verdict;

pub(super) async fn page(context: &PageContext, overview: &Overview) -> Page {
    let keys = KeyList {}
        .run(&context.service, &PageContext::notes())
        .await;
    let content = html! {
        dl.facts {
            @for family in ClientFamily::ALL {
                dt { (family.label()) }
                dd { (context.copyable(&family.base_url(&overview.status.base_url))) }
            }
        }
        @if let Ok(keys) = keys { ul { @for key in keys { li { (key.name) } } } }
    };
    Page::new(Section::Proxy, verdict(context, overview), content)
}
