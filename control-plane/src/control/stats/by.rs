//! By what statistics are told apart.

use serde::{Deserialize, Serialize};

use crate::store::records::Dimension;

/// By what statistics are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    Month,
    Day,
    Hour,
    /// The quarter of an hour.
    Quarter,
    Model,
    Account,
    /// The client's program.
    Client,
    Key,
    Provider,
}

impl By {
    /// The column's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Month => "month",
            Self::Day => "day",
            Self::Hour => "hour",
            Self::Quarter => "quarter",
            Self::Model => "model",
            Self::Account => "account",
            Self::Client => "client",
            Self::Key => "key",
            Self::Provider => "provider",
        }
    }

    pub fn is_time(self) -> bool {
        matches!(self, Self::Month | Self::Day | Self::Hour | Self::Quarter)
    }

    pub(super) fn dimension(self) -> Dimension {
        match self {
            Self::Month | Self::Day => Dimension::Day,
            Self::Hour => Dimension::Hour,
            Self::Quarter => Dimension::Quarter,
            Self::Model => Dimension::Model,
            Self::Account => Dimension::Account,
            Self::Client => Dimension::Client,
            Self::Key => Dimension::Key,
            Self::Provider => Dimension::Provider,
        }
    }
}
