use super::*;

#[test]
fn what_changed_is_told_apart_from_what_did_not() {
    let mut touched = Touched::default();
    touched.mark(Kind::User, "alice", 5);
    assert!(touched.is_after(4, Kind::User, "alice"));
    assert!(!touched.is_after(5, Kind::User, "alice"), "it was known then");
    assert!(!touched.is_after(4, Kind::Role, "alice"));
    assert!(!touched.is_after(4, Kind::User, "bob"));
    assert!(!touched.is_unknown_after(0));
}

#[test]
fn who_cannot_be_told_apart_may_have_changed() {
    let mut touched = Touched::default();
    for number in 0..MAX_MARKS {
        touched.mark(Kind::User, &format!("user-{number}"), 1);
    }
    assert!(touched.is_after(0, Kind::User, "user-0") && !touched.is_after(0, Kind::User, "bob"));
    touched.mark(Kind::User, "alice", 2);
    for name in ["alice", "user-0", "bob"] {
        assert!(touched.is_after(1, Kind::User, name), "{name}");
        assert!(!touched.is_after(2, Kind::User, name), "{name}");
    }
    touched.mark(Kind::User, "bob", 3);
    assert!(touched.is_after(2, Kind::User, "bob") && !touched.is_after(2, Kind::User, "alice"));
}

#[test]
fn what_may_have_been_missed_takes_nothing_from_what_was_heard() {
    let mut touched = Touched::default();
    touched.mark(Kind::User, "alice", 2);
    touched.missed(3);
    assert!(touched.is_unknown_after(2) && !touched.is_unknown_after(3));
    assert!(touched.is_after(1, Kind::User, "alice") && !touched.is_after(1, Kind::User, "bob"));
}
