//! The icon in the tray, with its menu.

use tray_icon::{Icon, TrayIcon, TrayIconBuilder};

use super::icon::Face;
use super::menu::menu;
use super::native_menu::NativeMenu;
use super::view::{Now, View};
use super::words;

/// Owned by the main thread: the system's handles may not leave it.
pub(super) struct Tray {
    icon: TrayIcon,
    shown: NativeMenu,
    face: Face,
    tooltip: String,
}

impl Tray {
    /// Shows the icon where the session has a tray.
    ///
    /// # Errors
    /// When this session has none; then everything else works without.
    pub(super) fn new(view: &View, now: &Now) -> anyhow::Result<Self> {
        let mut shown = NativeMenu::new();
        shown.show(menu(view, now))?;
        let (face, tooltip) = (Face::of(view), words::tooltip(view));
        let builder = TrayIconBuilder::new()
            .with_id("aerostat")
            .with_title("Aerostat")
            .with_tooltip(&tooltip)
            // A left click opens the dashboard; on macOS every menu opens by it.
            .with_menu_on_left_click(cfg!(target_os = "macos"))
            .with_menu(Box::new(shown.handle()));
        let icon = with_picture(builder, picture(face)?).build()?;
        Ok(Self {
            icon,
            shown,
            face,
            tooltip,
        })
    }

    /// Shows what has changed.
    ///
    /// # Errors
    /// When the system refuses; the next call tries again.
    pub(super) fn show(&mut self, view: &View, now: &Now) -> anyhow::Result<()> {
        let (face, tooltip) = (Face::of(view), words::tooltip(view));
        self.shown.show(menu(view, now))?;
        if face != self.face {
            set_picture(&self.icon, picture(face)?)?;
            self.face = face;
        }
        if tooltip != self.tooltip {
            self.icon.set_tooltip(Some(&tooltip))?;
            self.tooltip = tooltip;
        }
        Ok(())
    }

    pub(super) fn was_clicked(&mut self, id: &str) {
        self.shown.was_clicked(id);
    }
}

fn picture(face: Face) -> anyhow::Result<Icon> {
    let pixels = face.pixels();
    Ok(Icon::from_rgba(pixels.rgba, pixels.width, pixels.height)?)
}

/// macOS colours a template itself, to suit the menu bar.
#[cfg(target_os = "macos")]
fn with_picture(builder: TrayIconBuilder, picture: Icon) -> TrayIconBuilder {
    builder.with_icon_templated(picture)
}

#[cfg(not(target_os = "macos"))]
fn with_picture(builder: TrayIconBuilder, picture: Icon) -> TrayIconBuilder {
    builder.with_icon(picture)
}

#[cfg(target_os = "macos")]
fn set_picture(icon: &TrayIcon, picture: Icon) -> tray_icon::Result<()> {
    icon.set_icon_templated(Some(picture))
}

#[cfg(not(target_os = "macos"))]
fn set_picture(icon: &TrayIcon, picture: Icon) -> tray_icon::Result<()> {
    icon.set_icon(Some(picture))
}
