use super::*;

/// The reference of events is written from the table, and names every row of it.
#[test]
fn the_reference_names_every_event() {
    let reference = include_str!("../../../../docs/reference/audit-events.md");
    for code in ALL {
        let row = format!("| `{}` | {} | {} |", code.event, code.code, code.about);
        assert!(reference.contains(&row), "docs/reference/audit-events.md lacks the line\n{row}");
    }
}

#[test]
fn no_code_stands_for_two_events() {
    let mut codes: Vec<&str> = ALL.iter().map(|code| code.code).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), ALL.len());
}
