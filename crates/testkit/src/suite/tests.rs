//! Reading what the suite says, and telling two tables apart.

use super::Table;

const SAID: &str = "=== Running scenario: ping ===\nping: 9 passed, 9 failed\n\n=== SUMMARY ===\n\
    \u{1b}[32m✓\u{1b}[0m ping: 1 passed, 0 failed\n✗ tools-list: 2 passed, 1 failed\n\n\
    Total: 3 passed, 1 failed\n";

#[test]
fn a_summary_is_read_and_written() {
    let table = Table::read(SAID);
    assert_eq!(table.to_string(), "ping 1/0\ntools-list 2/1\ntotal 3/1\n");
    assert!(Table::read("it crashed").rows.is_empty());
}

#[test]
fn what_differs_is_named() {
    let (one, mut other) = (Table::read(SAID), Table::read(SAID));
    assert_eq!(one.differences(&other), Vec::<String>::new());
    drop(other.rows.remove("ping"));
    other.rows.get_mut("tools-list").unwrap().failed = 0;
    let differences = one.differences(&other).join("\n");
    assert!(differences.contains("ping: 1/0, not not run"), "{differences}");
    assert!(differences.contains("tools-list: 2/1, not 2/0"), "{differences}");
    assert_eq!(other.differences(&one).len(), 2);
}
