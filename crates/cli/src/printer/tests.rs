use super::*;

#[test]
fn what_others_say_does_nothing_to_the_terminal() {
    let said = "ERROR: refused\u{1b}[2J\u{1b}]0;title\u{7}\r\u{9b}1A\u{7f}\nhint:\task";
    assert_eq!(harmless(said), "ERROR: refused [2J ]0;title   1A \nhint:\task");
    assert_eq!(harmless("Caf\u{e9} \u{2192} \u{4e2d}"), "Caf\u{e9} \u{2192} \u{4e2d}");
}
