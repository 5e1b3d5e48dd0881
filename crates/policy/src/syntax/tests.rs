use super::*;

#[test]
fn a_caret_stands_under_the_place() {
    let error =
        SyntaxError::new("unknown identifier: labls", 3, 5).with_help("did you mean `labels`?");
    assert_eq!(
        error.show("1 &\nab labls == 2"),
        "unknown identifier: labls\n  1 &\n     ^\n  help: did you mean `labels`?"
    );
    let error = SyntaxError::new("bad", 7, 5);
    assert_eq!(error.show("1 &\nab labls == 2"), "bad\n  ab labls == 2\n     ^^^^^");
}

#[test]
fn a_caret_never_splits_a_character() {
    for offset in 0..12 {
        for length in 0..12 {
            let shown = SyntaxError::new("bad", offset, length).show("ä€\tö");
            assert!(shown.contains('^'), "{shown}");
        }
    }
}

#[test]
fn the_nearest_name_is_near() {
    assert_eq!(nearest("containz", ["contains", "set"]), Some("contains"));
    assert_eq!(nearest("zebra", ["contains", "set"]), None);
}
