use super::*;

#[test]
fn each_owner_has_its_own() {
    let book = Arc::<TaskBook>::default();
    let alice = KnownTasks::of(book.clone(), &["test", "alice", "files"]);
    let bob = KnownTasks::of(book.clone(), &["test", "bob", "files"]);
    alice.note("t", "read");
    assert_eq!(alice.tool_of("t").as_deref(), Some("read"));
    assert_eq!(bob.tool_of("t"), None);
    let namesake = KnownTasks::of(book, &["root", "alice", "files"]);
    assert_eq!(namesake.tool_of("t"), None);
    // A server that uses an id again means the newer task.
    alice.note("t", "write");
    assert_eq!(alice.tool_of("t").as_deref(), Some("write"));
}

#[test]
fn the_oldest_are_forgotten() {
    let book = Arc::<TaskBook>::default();
    let alice = KnownTasks::of(book.clone(), &["alice"]);
    for n in 0..=TASKS_OF_ONE {
        alice.note(&n.to_string(), "x");
    }
    assert_eq!(alice.tool_of("0"), None);
    assert!(alice.tool_of("1").is_some());
    for n in 0..OWNERS - 1 {
        KnownTasks::of(book.clone(), &[&format!("user {n}")]).note("t", "x");
    }
    assert!(alice.tool_of("1").is_some());
    KnownTasks::of(book.clone(), &["one more"]).note("t", "x");
    assert_eq!(alice.tool_of("1"), None);
    assert!(KnownTasks::of(book, &["user 0"]).tool_of("t").is_some());
}
