//! What has to be done to a shown menu so that it shows another one: as little as possible, in
//! place.
//!
//! A menu that is open then keeps its place, and hosts that lose messages when a menu is rebuilt
//! have little to lose.

use super::menu::Item;

/// One step; positions count what the steps before it left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Remove {
        at: usize,
    },
    Insert {
        at: usize,
        item: Item,
    },
    /// The same item with other words, or another tick.
    Change {
        at: usize,
        item: Item,
    },
    /// Steps inside a submenu.
    Inside {
        at: usize,
        steps: Vec<Step>,
    },
}

/// The steps from what is shown to what should be.
pub(super) fn difference(shown: &[Item], wanted: &[Item]) -> Vec<Step> {
    let mut left: Vec<&Item> = shown.iter().collect();
    let mut steps = Vec::new();
    for (at, item) in wanted.iter().enumerate() {
        while left.get(at).is_some_and(|other| {
            !is_same(other, item) && !wanted[at..].iter().any(|later| is_same(other, later))
        }) {
            left.remove(at);
            steps.push(Step::Remove { at });
        }
        match left.iter().skip(at).position(|other| is_same(other, item)) {
            Some(0) => steps.extend(change(at, left[at], item)),
            moved => {
                // What stands further down comes up: out there, in here.
                if let Some(further) = moved {
                    left.remove(at + further);
                    steps.push(Step::Remove { at: at + further });
                }
                left.insert(at, item);
                steps.push(Step::Insert {
                    at,
                    item: item.clone(),
                });
            }
        }
    }
    steps.extend(
        (wanted.len()..left.len())
            .rev()
            .map(|at| Step::Remove { at }),
    );
    steps
}

/// Whether one can become the other in place.
fn is_same(a: &Item, b: &Item) -> bool {
    a.id() == b.id() && std::mem::discriminant(a) == std::mem::discriminant(b)
}

fn change(at: usize, shown: &Item, wanted: &Item) -> Vec<Step> {
    match (shown, wanted) {
        _ if shown == wanted => Vec::new(),
        (
            Item::Sub {
                text: before,
                items: shown,
                ..
            },
            Item::Sub { text, items, .. },
        ) => {
            let renamed = (before != text).then(|| Step::Change {
                at,
                item: wanted.clone(),
            });
            let steps = difference(shown, items);
            let inside = (!steps.is_empty()).then_some(Step::Inside { at, steps });
            renamed.into_iter().chain(inside).collect()
        }
        _ => vec![Step::Change {
            at,
            item: wanted.clone(),
        }],
    }
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

    /// Does to a list what is done to a menu.
    fn apply(shown: &mut Vec<Item>, steps: &[Step]) {
        for step in steps {
            match step {
                Step::Remove { at } => drop(shown.remove(*at)),
                Step::Insert { at, item } => shown.insert(*at, item.clone()),
                Step::Change {
                    at,
                    item: Item::Sub { text, .. },
                } => {
                    let Item::Sub { text: before, .. } = &mut shown[*at] else {
                        panic!("no submenu at {at}")
                    };
                    *before = text.clone();
                }
                Step::Change { at, item } => shown[*at] = item.clone(),
                Step::Inside { at, steps } => {
                    let Item::Sub { items, .. } = &mut shown[*at] else {
                        panic!("no submenu at {at}")
                    };
                    apply(items, steps);
                }
            }
        }
    }

    #[test]
    fn the_steps_lead_from_any_menu_to_any_other() {
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
                apply(&mut shown, &difference(&menu(from), &menu(to)));
                assert_eq!(shown, menu(to), "{from} to {to}");
            }
        }
    }

    #[test]
    fn the_same_menu_takes_no_step() {
        assert_eq!(difference(&items(&["a", "b"]), &items(&["a", "b"])), []);
    }

    #[test]
    fn other_words_are_changed_in_place_also_inside() {
        let steps = difference(
            &[sub(items(&["a", "b"]))],
            &[sub(vec![item("a", "a"), item("b", "new")])],
        );
        assert_eq!(
            steps,
            [Step::Inside {
                at: 0,
                steps: vec![Step::Change {
                    at: 1,
                    item: item("b", "new")
                }]
            }]
        );
    }

    #[test]
    fn a_new_item_leaves_the_others_alone() {
        let steps = difference(&items(&["a", "c"]), &items(&["a", "b", "c"]));
        assert_eq!(
            steps,
            [Step::Insert {
                at: 1,
                item: item("b", "b")
            }]
        );
        assert_eq!(
            difference(&items(&["a", "b", "c"]), &items(&["a", "c"])),
            [Step::Remove { at: 1 }]
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
        let steps = difference(&[tick], &items(&["a"]));
        assert_eq!(
            steps,
            [
                Step::Remove { at: 0 },
                Step::Insert {
                    at: 0,
                    item: item("a", "a")
                }
            ]
        );
    }
}
