use super::*;

#[test]
fn revisions_are_read_back() {
    for revision in Revision::ALL {
        assert_eq!(Revision::parse(revision.as_str()), Some(revision));
    }
    assert!(Revision::ALL.is_sorted());
    for text in ["", "2025-06-17", "2025-06-18 ", "latest"] {
        assert_eq!(Revision::parse(text), None);
    }
    assert_eq!(Revision::LATEST.era(), Era::Modern);
    assert_eq!(Revision::LATEST_LEGACY.era(), Era::Legacy);
    assert_eq!(Revision::ALL.map(Revision::has_batches), [false, true, false, false, false]);
}
