//! The section `dashboard`: how the pages look.

use serde::Deserialize;

use crate::modes::{LanguageChoice, Theme};

/// A setting is one field here and one row of [`super::keys::KEYS`], which holds its default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DashboardSettings {
    pub theme: Theme,
    pub language: LanguageChoice,
}
