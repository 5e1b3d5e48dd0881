use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::{CHUNK, Index};

/// What can be done to an index.
#[derive(Clone, Debug)]
enum Change {
    Insert(u16, u8),
    Remove(u16),
}

fn changes(most: usize) -> impl Strategy<Value = Vec<Change>> {
    let one = prop_oneof![
        3 => (0_u16..400, any::<u8>()).prop_map(|(name, value)| Change::Insert(name, value)),
        2 => (0_u16..400).prop_map(Change::Remove),
    ];
    prop::collection::vec(one, 0..most)
}

fn name(number: u16) -> String {
    format!("app-{number:04}")
}

fn apply(index: &mut Index<u8>, model: &mut BTreeMap<String, Arc<u8>>, change: &Change) {
    match change {
        Change::Insert(number, value) => {
            let value = Arc::new(*value);
            let old = index.insert(&name(*number), value.clone());
            assert_eq!(old, model.insert(name(*number), value));
        }
        Change::Remove(number) => {
            assert_eq!(index.remove(&name(*number)), model.remove(&name(*number)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn it_is_a_map(changes in changes(600)) {
        let (mut index, mut model) = (Index::default(), BTreeMap::new());
        for change in &changes {
            apply(&mut index, &mut model, change);
        }
        prop_assert!(index.iter().map(|(name, value)| (name.to_owned(), value.clone())).eq(model.clone()));
        prop_assert_eq!(index.len(), model.len());
        prop_assert_eq!(index.is_empty(), model.is_empty());
        for number in 0..400 {
            prop_assert_eq!(index.get(&name(number)), model.get(&name(number)));
        }
        prop_assert!(index.chunks.iter().all(|chunk| (1..=CHUNK).contains(&chunk.len())));
    }

    #[test]
    fn a_copy_does_not_change_and_the_difference_is_found(
        first in changes(600),
        then in changes(40),
    ) {
        let (mut index, mut model) = (Index::default(), BTreeMap::new());
        for change in &first {
            apply(&mut index, &mut model, change);
        }
        let (kept, before) = (index.clone(), model.clone());
        for change in &then {
            apply(&mut index, &mut model, change);
        }
        let unchanged = kept.iter().map(|(name, value)| (name.to_owned(), value.clone()));
        prop_assert!(unchanged.eq(before.clone()));
        let differs = |name: &&String| match (before.get(*name), model.get(*name)) {
            (Some(one), Some(other)) => !Arc::ptr_eq(one, other),
            (one, other) => one.is_some() != other.is_some(),
        };
        let names: std::collections::BTreeSet<&String> = before.keys().chain(model.keys()).collect();
        let expected: Vec<&str> = names.into_iter().filter(differs).map(String::as_str).collect();
        prop_assert_eq!(kept.changed(&index), expected);
    }
}

#[test]
fn a_change_copies_little() {
    let mut index: Index<u16> = (0..10_000).map(|n| (name(n), Arc::new(n))).collect();
    let before = index.clone();
    index.insert(&name(5_000), Arc::new(0));
    let shared = before.chunks.iter().zip(index.chunks.iter());
    assert_eq!(shared.filter(|(one, other)| !Arc::ptr_eq(one, other)).count(), 1);
    assert_eq!(before.changed(&index), ["app-5000"]);
}
