//! The settings: what each is, what it does, and what it was before it was changed.

use maud::html;

use super::Section;
use crate::control::settings;
use crate::dashboard::context::PageContext;
use crate::dashboard::layout::Page;

pub(super) async fn page(context: &PageContext) -> Page {
    let settings = settings(context.service.home());
    let content = html! {
        @if let Ok(settings) = settings {
            dl.facts {
                @for setting in settings { dt { code { (setting.key) } } dd { code { (setting.value) } } }
            }
        }
    };
    Page::new(Section::Settings, context.text.settings(), content)
}
