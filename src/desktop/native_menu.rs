//! The menu as the system holds it, and how a wanted one is put in its place.

use tray_icon::menu::{
    CheckMenuItem, IsMenuItem, Menu, MenuItem, PredefinedMenuItem, Result, Submenu,
};

use super::menu::Item;
use super::menu_diff::{Step, difference};

/// A menu that is shown, and what it shows.
pub(super) struct NativeMenu {
    menu: Menu,
    live: Vec<Live>,
    items: Vec<Item>,
}

/// An item that the system holds.
enum Live {
    Button(MenuItem),
    Tick(CheckMenuItem),
    Separator(PredefinedMenuItem),
    Sub(Submenu, Vec<Live>),
}

/// What items can be put into.
trait Place {
    fn insert(&self, item: &dyn IsMenuItem, at: usize) -> Result<()>;
    fn remove(&self, at: usize);
}

impl Place for Menu {
    fn insert(&self, item: &dyn IsMenuItem, at: usize) -> Result<()> {
        Menu::insert(self, item, at)
    }

    fn remove(&self, at: usize) {
        self.remove_at(at);
    }
}

impl Place for Submenu {
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
            live: Vec::new(),
            items: Vec::new(),
        }
    }

    /// The same menu, for the icon to carry.
    pub(super) fn handle(&self) -> Menu {
        self.menu.clone()
    }

    /// Shows `wanted` with as few changes as possible. Whether anything had to change.
    ///
    /// # Errors
    /// When the system refuses an item.
    pub(super) fn show(&mut self, wanted: Vec<Item>) -> Result<bool> {
        let steps = difference(&self.items, &wanted);
        apply(&self.menu, &mut self.live, &steps)?;
        self.items = wanted;
        Ok(!steps.is_empty())
    }

    /// A click turns a tick by itself, before anybody has done what it asks for: what is shown is
    /// noted, so that the next [`NativeMenu::show`] sets it right.
    pub(super) fn was_clicked(&mut self, id: &str) {
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

fn apply(place: &dyn Place, live: &mut Vec<Live>, steps: &[Step]) -> Result<()> {
    for step in steps {
        match step {
            Step::Remove { at } => {
                place.remove(*at);
                live.remove(*at);
            }
            Step::Insert { at, item } => {
                let made = Live::new(item)?;
                place.insert(made.as_item(), *at)?;
                live.insert(*at, made);
            }
            Step::Change { at, item } => live[*at].change(item),
            Step::Inside { at, steps } => {
                if let Live::Sub(submenu, live) = &mut live[*at] {
                    apply(submenu, live, steps)?;
                }
            }
        }
    }
    Ok(())
}

impl Live {
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
                let mut live = Vec::new();
                apply(&submenu, &mut live, &difference(&[], items))?;
                Self::Sub(submenu, live)
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

    fn change(&self, item: &Item) {
        match (self, item) {
            (Self::Button(live), Item::Line { text, .. }) => live.set_text(text),
            (
                Self::Button(live),
                Item::Button {
                    text, is_enabled, ..
                },
            ) => {
                live.set_text(text);
                live.set_enabled(*is_enabled);
            }
            (
                Self::Tick(live),
                Item::Tick {
                    text,
                    is_on,
                    is_enabled,
                    ..
                },
            ) => {
                live.set_text(text);
                live.set_checked(*is_on);
                live.set_enabled(*is_enabled);
            }
            (Self::Sub(live, _), Item::Sub { text, .. }) => live.set_text(text),
            // The difference changes an item only into one of its own kind.
            _ => {}
        }
    }
}
