//! The system's menu, and how it is edited into the wanted one.

use tray_icon::menu::{
    CheckMenuItem, IsMenuItem, Menu, MenuItem, PredefinedMenuItem, Result, Submenu,
};

use super::menu::Item;
use super::menu_diff::{Edit, diff};

/// The shown menu.
pub(super) struct NativeMenu {
    menu: Menu,
    native: Vec<NativeItem>,
    /// What `native` shows.
    items: Vec<Item>,
}

/// An item of the system's menu.
enum NativeItem {
    Button(MenuItem),
    Tick(CheckMenuItem),
    Separator(PredefinedMenuItem),
    Sub(Submenu, Vec<NativeItem>),
}

/// A menu or a submenu.
trait ItemContainer {
    fn insert(&self, item: &dyn IsMenuItem, at: usize) -> Result<()>;
    fn remove(&self, at: usize);
}

impl ItemContainer for Menu {
    fn insert(&self, item: &dyn IsMenuItem, at: usize) -> Result<()> {
        Menu::insert(self, item, at)
    }

    fn remove(&self, at: usize) {
        self.remove_at(at);
    }
}

impl ItemContainer for Submenu {
    fn insert(&self, item: &dyn IsMenuItem, at: usize) -> Result<()> {
        Submenu::insert(self, item, at)
    }

    fn remove(&self, at: usize) {
        self.remove_at(at);
    }
}

impl NativeMenu {
    pub(super) fn new() -> Self {
        Self {
            menu: Menu::new(),
            native: Vec::new(),
            items: Vec::new(),
        }
    }

    /// The same menu, for the icon to carry.
    pub(super) fn handle(&self) -> Menu {
        self.menu.clone()
    }

    /// Shows `wanted` with as few edits as possible. Returns whether anything had to change.
    ///
    /// # Errors
    /// When the system refuses an item.
    pub(super) fn show(&mut self, wanted: Vec<Item>) -> Result<bool> {
        let edits = diff(&self.items, &wanted);
        apply(&self.menu, &mut self.native, &edits)?;
        self.items = wanted;
        Ok(!edits.is_empty())
    }

    /// Records that the system toggled a tick. It does so with the click, before the action is
    /// done; the next [`NativeMenu::show`] sets it right.
    pub(super) fn on_click(&mut self, id: &str) {
        if let Some(Item::Tick { is_on, .. }) = find(&mut self.items, id) {
            *is_on = !*is_on;
        }
    }
}

fn find<'a>(items: &'a mut [Item], id: &str) -> Option<&'a mut Item> {
    for item in items {
        if item.id() == id {
            return Some(item);
        }
        if let Item::Sub { items, .. } = item
            && let Some(found) = find(items, id)
        {
            return Some(found);
        }
    }
    None
}

fn apply(
    container: &dyn ItemContainer,
    native: &mut Vec<NativeItem>,
    edits: &[Edit],
) -> Result<()> {
    for edit in edits {
        match edit {
            Edit::Remove { at } => {
                container.remove(*at);
                native.remove(*at);
            }
            Edit::Insert { at, item } => {
                let item = NativeItem::new(item)?;
                container.insert(item.as_item(), *at)?;
                native.insert(*at, item);
            }
            Edit::Update { at, item } => native[*at].update(item),
            Edit::Nested { at, edits } => {
                if let NativeItem::Sub(submenu, native) = &mut native[*at] {
                    apply(submenu, native, edits)?;
                }
            }
        }
    }
    Ok(())
}

impl NativeItem {
    fn new(item: &Item) -> Result<Self> {
        Ok(match item {
            Item::Line { id, text } => {
                Self::Button(MenuItem::with_id(id.as_str(), text, false, None))
            }
            Item::Button {
                id,
                text,
                is_enabled,
            } => Self::Button(MenuItem::with_id(id.as_str(), text, *is_enabled, None)),
            Item::Tick {
                id,
                text,
                is_on,
                is_enabled,
            } => Self::Tick(CheckMenuItem::with_id(
                id.as_str(),
                text,
                *is_enabled,
                *is_on,
                None,
            )),
            Item::Separator { .. } => Self::Separator(PredefinedMenuItem::separator()),
            Item::Sub { id, text, items } => {
                let submenu = Submenu::with_id(id.as_str(), text, true);
                let mut native = Vec::new();
                apply(&submenu, &mut native, &diff(&[], items))?;
                Self::Sub(submenu, native)
            }
        })
    }

    fn as_item(&self) -> &dyn IsMenuItem {
        match self {
            Self::Button(item) => item,
            Self::Tick(item) => item,
            Self::Separator(item) => item,
            Self::Sub(submenu, _) => submenu,
        }
    }

    fn update(&self, item: &Item) {
        match (self, item) {
            (Self::Button(native), Item::Line { text, .. }) => native.set_text(text),
            (
                Self::Button(native),
                Item::Button {
                    text, is_enabled, ..
                },
            ) => {
                native.set_text(text);
                native.set_enabled(*is_enabled);
            }
            (
                Self::Tick(native),
                Item::Tick {
                    text,
                    is_on,
                    is_enabled,
                    ..
                },
            ) => {
                native.set_text(text);
                native.set_checked(*is_on);
                native.set_enabled(*is_enabled);
            }
            (Self::Sub(native, _), Item::Sub { text, .. }) => native.set_text(text),
            // The diff changes an item only into one of its own kind.
            _ => {}
        }
    }
}
