//! The order in which a provider's accounts are used, and moving one in it.

use std::collections::BTreeMap;

/// What lies between two steps of a new order, so that there is room for later ones.
const STEP: u32 = 10;

/// An account's name and its priority.
pub(in crate::control) type Ordered<'a> = (&'a str, u32);

/// The priorities to set so that an account is used one step earlier or later.
///
/// Accounts of the same priority share their requests. One that shares its step gets a step of its
/// own, before or after those it shared with; one that is alone changes places with the next step.
/// Empty where it is the first or the last already, or is not among them.
pub(in crate::control) fn moved<'a>(
    accounts: &[Ordered<'a>],
    name: &str,
    is_earlier: bool,
) -> Vec<Ordered<'a>> {
    let mut steps: BTreeMap<u32, Vec<&'a str>> = BTreeMap::new();
    for (account, priority) in accounts {
        steps.entry(*priority).or_default().push(account);
    }
    let mut steps: Vec<(Option<u32>, Vec<&'a str>)> = steps
        .into_iter()
        .map(|(priority, names)| (Some(priority), names))
        .collect();
    let Some(at) = steps.iter().position(|(_, names)| names.contains(&name)) else {
        return Vec::new();
    };
    if steps[at].1.len() == 1 {
        let other = if is_earlier {
            at.checked_sub(1)
        } else {
            Some(at + 1)
        };
        let Some(other) = other.filter(|other| *other < steps.len()) else {
            return Vec::new();
        };
        let alone = steps.remove(at);
        steps.insert(other, (None, alone.1));
    } else {
        let names = &mut steps[at].1;
        let within = names.iter().position(|known| *known == name).unwrap_or(0);
        let own = names.remove(within);
        let place = if is_earlier { at } else { at + 1 };
        steps.insert(place, (None, vec![own]));
    }
    changes(accounts, &numbered(&steps))
}

/// Gives the step without a number one that lies between its neighbours', or all of them new ones
/// where there is no room.
fn numbered<'a>(steps: &[(Option<u32>, Vec<&'a str>)]) -> Vec<Ordered<'a>> {
    let at = steps
        .iter()
        .position(|(number, _)| number.is_none())
        .unwrap_or(0);
    let before = at.checked_sub(1).and_then(|before| steps[before].0);
    let after = steps.get(at + 1).and_then(|(number, _)| *number);
    let between = match (before, after) {
        (Some(before), Some(after)) => (after - before >= 2).then(|| before.midpoint(after)),
        (Some(before), None) => before.checked_add(STEP),
        (None, Some(after)) => after.checked_sub(STEP).or_else(|| after.checked_sub(1)),
        (None, None) => Some(STEP),
    };
    let mut ordered = Vec::new();
    for (index, (number, names)) in steps.iter().enumerate() {
        let renumbered = u32::try_from(index + 1)
            .unwrap_or(u32::MAX)
            .saturating_mul(STEP);
        let number = match between {
            Some(between) => number.unwrap_or(between),
            None => renumbered,
        };
        ordered.extend(names.iter().map(|name| (*name, number)));
    }
    ordered
}

fn changes<'a>(before: &[Ordered<'a>], after: &[Ordered<'a>]) -> Vec<Ordered<'a>> {
    let changed = after.iter().filter(|ordered| !before.contains(ordered));
    changed.copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EQUAL: [Ordered<'static>; 3] = [("a", 100), ("b", 100), ("c", 100)];

    #[test]
    fn one_that_shares_its_step_gets_its_own() {
        assert_eq!(moved(&EQUAL, "b", true), [("b", 90)]);
        assert_eq!(moved(&EQUAL, "b", false), [("b", 110)]);
    }

    #[test]
    fn one_that_is_alone_changes_places_with_the_next() {
        let steps = [("a", 10), ("b", 20), ("c", 20), ("d", 30)];
        assert_eq!(moved(&steps, "d", true), [("d", 15)]);
        assert_eq!(moved(&steps, "a", false), [("a", 25)]);
        assert_eq!(moved(&steps, "b", true), [("b", 15)]);
        assert_eq!(moved(&steps, "a", true), []);
        assert_eq!(moved(&steps, "d", false), []);
        assert_eq!(moved(&steps, "x", true), []);
    }

    #[test]
    fn all_are_numbered_where_there_is_no_room() {
        let tight = [("a", 0), ("b", 1), ("c", 2)];
        assert_eq!(moved(&tight, "c", true), [("a", 10), ("c", 20), ("b", 30)]);
        assert_eq!(moved(&tight, "b", true), [("b", 10), ("a", 20), ("c", 30)]);
        assert_eq!(
            moved(&[("a", 0), ("b", u32::MAX)], "a", false),
            [("b", 10), ("a", 20)]
        );
    }
}
