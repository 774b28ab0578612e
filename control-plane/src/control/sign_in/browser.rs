//! The person's browser.

/// Opens a page in the person's browser; `false` where there is none, and the person needs to see
/// the address.
///
/// Not as root, unless `BROWSER` names one: a browser that runs so can read and change everything.
pub fn open_browser(url: &str) -> bool {
    let is_chosen = std::env::var_os("BROWSER").is_some_and(|browser| !browser.is_empty());
    (is_chosen || !is_root()) && has_display() && webbrowser::open(url).is_ok()
}

/// A browser in the terminal would take it from the command that waits there.
#[cfg(all(unix, not(target_os = "macos")))]
fn has_display() -> bool {
    ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
fn has_display() -> bool {
    true
}

/// Whether this process runs as root.
#[cfg(unix)]
fn is_root() -> bool {
    let id = std::process::Command::new("id").arg("-u").output();
    id.is_ok_and(|id| id.stdout.trim_ascii() == b"0")
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}
