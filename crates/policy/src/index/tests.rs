use super::*;
use crate::entries::{EntryList, PatternCache};

struct All(Vec<usize>);

impl Search for All {
    fn wants(&self, _role: usize) -> bool {
        true
    }

    fn found(&mut self, role: usize) -> bool {
        if !self.0.contains(&role) {
            self.0.push(role);
        }
        false
    }
}

/// One pattern for each role, found exactly where the pattern by itself matches.
#[test]
fn the_index_finds_what_patterns_match() {
    let patterns = [
        "a",
        "ab",
        "*",
        "a*",
        "ab*",
        "*a",
        "*b",
        "a*b",
        "*a*",
        "**",
        "^a",
        "^a$",
        "^(a|b).*$",
        "^.*(a|b)$",
        "^a|b$",
        "^(?i)a.*$",
        "^[ab]+$",
        "^$",
        "^.*$",
        "ä*",
        "*ä",
        "^ä.$",
        "a\n*",
        "^(?i)k.*$",
        "^(?m)a$",
        "^.*(ab|ba)+.*$",
        "^.*(a|b){2}b?.*$",
        "^.?(?i)ab.*$",
        "*b*a*",
        "*a\nb*",
        "*\nab*",
        "^\\Qa*\\E.*$",
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz*",
    ];
    let names = [
        "",
        "a",
        "b",
        "ab",
        "ba",
        "abc",
        "bab",
        "A",
        "Ab",
        "^a",
        "ä",
        "äö",
        "öä",
        "a\nb",
        "a\n",
        "K",
        "kx",
        "\u{212a}x",
        "a*b",
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz!",
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyX",
    ];
    let lists: Vec<EntryList> = patterns
        .iter()
        .map(|text| EntryList::literal(&[(*text).to_owned()], &mut PatternCache::default()))
        .collect();
    let index = Index::new(lists.iter());
    for name in names {
        let mut search = All(Vec::new());
        index.search(name, |role| lists.get(role), false, &mut search);
        search.0.sort_unstable();
        let expected: Vec<usize> =
            (0..patterns.len()).filter(|at| lists[*at].entries[0].pattern.is_match(name)).collect();
        assert_eq!(search.0, expected, "{name:?}");
    }
}

#[test]
fn most_patterns_are_not_tried_on_every_name() {
    let texts =
        ["get_*", "*_x", "^(get|list)_.*$", "^.*_(a|b)$", "literal", "*a*", "^.*b.*$", "^(?:.*)$"];
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    let list = EntryList::literal(&texts, &mut PatternCache::default());
    assert_eq!(Index::new(std::iter::once(&list)).others.len(), 1);
}
