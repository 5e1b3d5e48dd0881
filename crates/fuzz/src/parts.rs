//! Inputs of several parts.

use std::collections::BTreeMap;

/// Stands between two parts.
const SEPARATOR: char = '\u{1f}';

/// Exactly `N` parts; those that are not there are empty, and the last one has the rest.
pub(crate) fn split<const N: usize>(input: &str) -> [&str; N] {
    let mut parts = input.splitn(N, SEPARATOR);
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}

/// Lines of `key=value`. A key that comes twice has its last value.
pub(crate) fn pairs(text: &str) -> BTreeMap<String, String> {
    let split = |line: &str| {
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        (key.to_owned(), value.to_owned())
    };
    text.lines().map(split).collect()
}

/// Lines of `key=value`. A key that comes twice has both values.
pub(crate) fn lists(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut lists: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in text.lines() {
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        lists.entry(key.to_owned()).or_default().push(value.to_owned());
    }
    lists
}
