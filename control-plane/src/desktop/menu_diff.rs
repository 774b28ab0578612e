//! The edits that turn the shown menu into another one, in place and as few as possible.
//!
//! An open menu then stays where it is, and hosts that lose messages while a menu is rebuilt have
//! little to lose.

use super::menu::Item;

/// One edit. Positions are those after the edits before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Edit {
    Remove {
        at: usize,
    },
    Insert {
        at: usize,
        item: Item,
    },
    /// The same item with another text or state.
    Update {
        at: usize,
        item: Item,
    },
    /// Edits inside a submenu.
    Nested {
        at: usize,
        edits: Vec<Edit>,
    },
}

/// The edits that turn `shown` into `wanted`.
pub(super) fn diff(shown: &[Item], wanted: &[Item]) -> Vec<Edit> {
    // The menu as the edits so far leave it.
    let mut current: Vec<&Item> = shown.iter().collect();
    let mut edits = Vec::new();
    for (at, item) in wanted.iter().enumerate() {
        // What is wanted nowhere from here on is removed first, so that what follows stays in
        // place.
        while let Some(other) = current.get(at)
            && !wanted[at..].iter().any(|later| is_same(other, later))
        {
            current.remove(at);
            edits.push(Edit::Remove { at });
        }
        let position = (at..current.len()).find(|position| is_same(current[*position], item));
        if position == Some(at) {
            edits.extend(update(at, current[at], item));
            continue;
        }
        // An item further down moves up: it is removed there and inserted here.
        if let Some(position) = position {
            current.remove(position);
            edits.push(Edit::Remove { at: position });
        }
        current.insert(at, item);
        edits.push(Edit::Insert {
            at,
            item: item.clone(),
        });
    }
    for at in (wanted.len()..current.len()).rev() {
        edits.push(Edit::Remove { at });
    }
    edits
}

/// Whether one can become the other in place.
fn is_same(a: &Item, b: &Item) -> bool {
    a.id() == b.id() && std::mem::discriminant(a) == std::mem::discriminant(b)
}

/// The edits that turn an item into another one of the same kind and id.
fn update(at: usize, shown: &Item, wanted: &Item) -> Vec<Edit> {
    if shown == wanted {
        return Vec::new();
    }
    let update = Edit::Update {
        at,
        item: wanted.clone(),
    };
    let (
        Item::Sub {
            text: shown_text,
            items: shown_items,
            ..
        },
        Item::Sub { text, items, .. },
    ) = (shown, wanted)
    else {
        return vec![update];
    };
    let mut edits = Vec::new();
    if shown_text != text {
        edits.push(update);
    }
    let nested = diff(shown_items, items);
    if !nested.is_empty() {
        edits.push(Edit::Nested { at, edits: nested });
    }
    edits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(id: &str, text: &str) -> Item {
        Item::Button {
            id: id.to_owned(),
            text: text.to_owned(),
            is_enabled: true,
        }
    }

    fn items(ids: &[&str]) -> Vec<Item> {
        ids.iter().map(|id| item(id, id)).collect()
    }

    fn sub(items: Vec<Item>) -> Item {
        Item::Sub {
            id: "sub".to_owned(),
            text: "Sub".to_owned(),
            items,
        }
    }

    /// Applies edits to a list as they are applied to a menu.
    fn apply(shown: &mut Vec<Item>, edits: &[Edit]) {
        for edit in edits {
            match edit {
                Edit::Remove { at } => drop(shown.remove(*at)),
                Edit::Insert { at, item } => shown.insert(*at, item.clone()),
                Edit::Update {
                    at,
                    item: Item::Sub { text, .. },
                } => {
                    let Item::Sub { text: before, .. } = &mut shown[*at] else {
                        panic!("no submenu at {at}")
                    };
                    *before = text.clone();
                }
                Edit::Update { at, item } => shown[*at] = item.clone(),
                Edit::Nested { at, edits } => {
                    let Item::Sub { items, .. } = &mut shown[*at] else {
                        panic!("no submenu at {at}")
                    };
                    apply(items, edits);
                }
            }
        }
    }

    #[test]
    fn the_edits_lead_from_any_menu_to_any_other() {
        let words = [
            "", "a", "ab", "ba", "abc", "cab", "acb", "bcd", "dcba", "aXc", "abXd", "Xab",
        ];
        let menu = |word: &str| -> Vec<Item> {
            let one = |c: char| {
                if c == 'X' {
                    sub(items(&["x", "y"]))
                } else {
                    item(&c.to_string(), word)
                }
            };
            word.chars().map(one).collect()
        };
        for from in words {
            for to in words {
                let mut shown = menu(from);
                apply(&mut shown, &diff(&menu(from), &menu(to)));
                assert_eq!(shown, menu(to), "{from} to {to}");
            }
        }
    }

    #[test]
    fn the_same_menu_takes_no_step() {
        assert_eq!(diff(&items(&["a", "b"]), &items(&["a", "b"])), []);
    }

    #[test]
    fn other_words_are_changed_in_place_also_inside() {
        let edits = diff(
            &[sub(items(&["a", "b"]))],
            &[sub(vec![item("a", "a"), item("b", "new")])],
        );
        assert_eq!(
            edits,
            [Edit::Nested {
                at: 0,
                edits: vec![Edit::Update {
                    at: 1,
                    item: item("b", "new")
                }]
            }]
        );
    }

    #[test]
    fn a_new_item_leaves_the_others_alone() {
        let edits = diff(&items(&["a", "c"]), &items(&["a", "b", "c"]));
        assert_eq!(
            edits,
            [Edit::Insert {
                at: 1,
                item: item("b", "b")
            }]
        );
        assert_eq!(
            diff(&items(&["a", "b", "c"]), &items(&["a", "c"])),
            [Edit::Remove { at: 1 }]
        );
    }

    #[test]
    fn a_tick_that_became_a_button_is_replaced() {
        let tick = Item::Tick {
            id: "a".to_owned(),
            text: "a".to_owned(),
            is_on: true,
            is_enabled: true,
        };
        let edits = diff(&[tick], &items(&["a"]));
        assert_eq!(
            edits,
            [
                Edit::Remove { at: 0 },
                Edit::Insert {
                    at: 0,
                    item: item("a", "a")
                }
            ]
        );
    }
}
