//! Links into the dashboard, which work once, and the browser they are opened in.
//!
//! A link is in no argument list, where other people of the machine could read it: the browser is
//! given a file that only this person can read, and that leads on.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::sign_in::open_browser;
use super::wire::{ControlError, WireSecret};

/// Makes links to the dashboard.
pub trait LinkIssuer: Send + Sync {
    /// A new link, and the file that leads to it. `page` is where it opens, if not at the first one.
    ///
    /// # Errors
    /// Why the dashboard cannot be reached.
    fn link(&self, page: Option<&str>) -> Result<DashboardLink, ControlError>;

    /// Removes the files of links that were not used. Called when the agent ends.
    fn close(&self);
}

/// A link into the dashboard, for a minute and one use.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DashboardLink {
    /// Opened in a browser, it leads to the dashboard.
    pub file: PathBuf,
    /// The same as an address. It works for everyone who has it.
    pub url: WireSecret,
}

/// Starts this person's browser on a link.
///
/// # Errors
/// When there is none; then the address can be shown.
pub fn open_in_browser(link: &DashboardLink) -> io::Result<()> {
    if open_browser(&file_url(&link.file)) {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::NotFound,
        "there is none, no display, or this is root",
    ))
}

/// Source: RFC 8089, with everything but the unreserved characters of RFC 3986 escaped.
fn file_url(file: &Path) -> String {
    let path = file.to_string_lossy().replace('\\', "/");
    let mut url = "file://".to_owned();
    if !path.starts_with('/') {
        url.push('/');
    }
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~:".contains(&byte) {
            url.push(char::from(byte));
        } else {
            write!(url, "%{byte:02X}").expect("a string takes everything");
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_path_becomes_a_url() {
        assert_eq!(
            file_url(Path::new("/home/a b/100%/ö.html")),
            "file:///home/a%20b/100%25/%C3%B6.html"
        );
        assert_eq!(
            file_url(Path::new(r"C:\Users\me\open.html")),
            "file:///C:/Users/me/open.html"
        );
    }
}
