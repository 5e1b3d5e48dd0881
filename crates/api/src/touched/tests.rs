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
    assert!(touched.is_after(0, Kind::User, "user-0") && !touched.is_unknown_after(0));
    touched.mark(Kind::User, "alice", 2);
    assert!(touched.is_after(1, Kind::User, "alice"));
    assert!(touched.is_unknown_after(1) && !touched.is_unknown_after(2));
}
