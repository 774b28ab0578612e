//! Sorting whose code is in the program once. The standard library's is compiled for each type and
//! each comparison, which is 5 KB a time; here only the comparison is.

use std::cmp::Ordering;

/// Sorts by a key, stably.
pub fn sort_by_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    sort_by(items, |one, other| key(one).cmp(&key(other)));
}

/// Sorts by a comparison, stably.
pub fn sort_by<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let mut order = places(items.len(), &|one, other| {
        compare(&items[one], &items[other])
    });
    // Each circle of items that take each other's place is gone round once.
    for start in 0..order.len() {
        let mut at = start;
        loop {
            let from = std::mem::replace(&mut order[at], at);
            if from == start {
                break;
            }
            items.swap(at, from);
            at = from;
        }
    }
}

/// Which item comes to each place.
fn places(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).collect();
    places.sort_by(|one, other| compare(*one, *other));
    places
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_sorts_as_the_standard_library_does(keys in prop::collection::vec(0..20_u8, 0..200)) {
            let mut sorted: Vec<(usize, u8)> = keys.into_iter().enumerate().collect();
            let mut expected = sorted.clone();
            expected.sort_by_key(|(_, key)| *key);
            sort_by_key(&mut sorted, |(_, key)| *key);
            prop_assert_eq!(sorted, expected);
        }
    }
}
