//! Spellings of label keys.

use super::*;

#[test]
fn teleport_prefixes_mean_ours() {
    let cases = [
        ("teleport.internal/app-sub-kind", "tessera.internal/app-sub-kind"),
        ("teleport.dev/origin", "tessera.dev/origin"),
        ("tessera.dev/origin", "tessera.dev/origin"),
        ("teleport.internal", "teleport.internal"),
        ("x/teleport.dev/origin", "x/teleport.dev/origin"),
        ("Teleport.dev/origin", "Teleport.dev/origin"),
        ("", ""),
    ];
    for (written, canonical) in cases {
        assert_eq!(canonical_label_key(written), canonical, "{written}");
    }
}

#[test]
fn pairs_collect_values_under_the_canonical_key() {
    let selector = LabelSelector::from_pairs([
        ("teleport.dev/origin", "dynamic"),
        ("tessera.dev/origin", "config-file"),
    ]);
    assert_eq!(selector.0.len(), 1);
    assert_eq!(selector.0["tessera.dev/origin"], ["dynamic", "config-file"]);
    assert!(LabelSelector::default().is_empty());
    assert_eq!(LabelSelector::wildcard().0["*"], ["*"]);
}
