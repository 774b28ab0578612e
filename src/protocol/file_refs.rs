//! Handles: names of files that only their maker's provider can open.
//!
//! Refused in one sentence by every encoder of another dialect; never fetched.

use crate::canon::{Dialect, Located, Losses};
use crate::json::EscapedStr;

/// A file of `maker`'s provider on its way to another's.
pub(super) fn refuse(losses: &mut Losses, id: &Located<EscapedStr>, maker: Dialect) {
    losses.refuse(
        id.at,
        format!("names a file that only the {maker} dialect's provider holds"),
    );
}
