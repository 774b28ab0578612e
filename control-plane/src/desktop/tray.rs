//! The icon in the tray, with its menu.

use tray_icon::{Icon, TrayIcon, TrayIconBuilder};

use super::icon::IconState;
use super::menu::menu;
use super::native_menu::NativeMenu;
use super::view::{LocalTime, View};
use super::words;

/// Owned by the main thread: the system's handles must not leave it.
pub(super) struct Tray {
    icon: TrayIcon,
    menu: NativeMenu,
    state: IconState,
    tooltip: String,
}

impl Tray {
    /// Shows the icon where the session has a tray.
    ///
    /// # Errors
    /// When this session has none; then everything else works without.
    pub(super) fn new(view: &View, now: &LocalTime) -> anyhow::Result<Self> {
        let mut native = NativeMenu::new();
        native.show(menu(view, now))?;
        let (state, tooltip) = (IconState::of(view), words::tooltip(view, now));
        let builder = TrayIconBuilder::new()
            .with_id("aerostat")
            .with_title("Aerostat")
            .with_tooltip(&tooltip)
            // A left click opens the dashboard; on macOS every menu opens by it.
            .with_menu_on_left_click(cfg!(target_os = "macos"))
            .with_menu(Box::new(native.handle()));
        let icon = with_picture(builder, picture(state)?).build()?;
        Ok(Self {
            icon,
            menu: native,
            state,
            tooltip,
        })
    }

    /// Shows what has changed.
    ///
    /// # Errors
    /// When the system refuses; the next call tries again.
    pub(super) fn show(&mut self, view: &View, now: &LocalTime) -> anyhow::Result<()> {
        let (state, tooltip) = (IconState::of(view), words::tooltip(view, now));
        self.menu.show(menu(view, now))?;
        if state != self.state {
            set_picture(&self.icon, picture(state)?)?;
            self.state = state;
        }
        if tooltip != self.tooltip {
            self.icon.set_tooltip(Some(&tooltip))?;
            self.tooltip = tooltip;
        }
        Ok(())
    }

    /// Call with each click on the menu.
    pub(super) fn on_click(&mut self, id: &str) {
        self.menu.on_click(id);
    }
}

fn picture(state: IconState) -> anyhow::Result<Icon> {
    let pixels = state.pixels();
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
