//! What reports look like.

use super::*;

fn span(line: usize, from: usize, to: usize) -> Span {
    Span { start: Position { line, column: from }, end: Position { line, column: to } }
}

fn report(text: &str, problem: Problem) -> String {
    Report::new(&Source::new("a.yaml", text), vec![problem]).to_string()
}

#[test]
fn the_place_is_marked() {
    let problem = Problem::new("spec.b", "wrong").at(span(2, 3, 6)).help("do this");
    assert_eq!(
        report("a: 1\n  abc: x\r\nc: 2", problem),
        "a.yaml:2:3: spec.b: wrong\n  |\n2 |   abc: x\n  |   ^^^\n  = help: do this"
    );
}

#[test]
fn without_a_place_there_is_no_line() {
    assert_eq!(report("a: 1", Problem::new("", "wrong")), "a.yaml: wrong");
    let problem = Problem::new("a", "wrong").help("do this");
    assert_eq!(report("a: 1", problem), "a.yaml: a: wrong\n  help: do this");
}

#[test]
fn places_outside_the_text_do_no_harm() {
    for at in [span(9, 9, 12), span(1, 90, 91), span(1, 0, 0), span(1, 5, 2)] {
        assert!(report("a: 1", Problem::new("", "wrong").at(at)).starts_with("a.yaml:"));
    }
}

#[test]
fn what_follows_the_mark_can_be_hidden() {
    let problem = Problem::new("tokn", "unknown field").at(span(1, 1, 5)).hide_rest_of_line();
    assert_eq!(
        report("tokn: hunter2", problem),
        "a.yaml:1:1: tokn: unknown field\n  |\n1 | tokn…\n  | ^^^^"
    );
    let problem = Problem::new("x", "wrong").at(span(1, 1, 5)).hide_line();
    assert_eq!(report("tokn: hunter2", problem), "a.yaml:1:1: x: wrong");
}

#[test]
fn lines_cannot_steer_a_terminal() {
    let shown = report("a\t\u{1b}[2J\u{202e}b", Problem::new("", "wrong").at(span(1, 1, 2)));
    assert_eq!(shown, "a.yaml:1:1: wrong\n  |\n1 | a \u{fffd}[2J\u{fffd}b\n  | ^");
}

#[test]
fn long_lines_are_cut_around_the_mark() {
    let text = format!("{}MARK{}", "a".repeat(300), "b".repeat(300));
    let shown = report(&text, Problem::new("", "wrong").at(span(1, 301, 305)));
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines[2], format!("1 | …{}MARK{}…", "a".repeat(20), "b".repeat(76)));
    assert_eq!(lines[3], format!("  | {}^^^^", " ".repeat(21)));
}

#[test]
fn problems_are_in_the_order_of_the_text_and_counted() {
    let source = Source::new("a.yaml", "x\ny\nz\n");
    let at = |count: usize| -> Vec<Problem> {
        (0..count).rev().map(|i| Problem::new("", format!("p{i}")).at(span(i + 1, 1, 2))).collect()
    };
    let shown = Report::new(&source, at(2)).to_string();
    assert!(shown.find("p0").unwrap() < shown.find("p1").unwrap(), "{shown}");
    let limit = Report::new(&source, at(MAX_PROBLEMS));
    assert_eq!(limit.problems().len(), MAX_PROBLEMS);
    assert!(!limit.to_string().contains("more problem"));
    let above = Report::new(&source, at(MAX_PROBLEMS + 1));
    assert_eq!(above.problems().len(), MAX_PROBLEMS);
    assert!(above.to_string().ends_with("and 1 more problem"));
}

#[test]
fn texts_are_quoted_for_one_line() {
    assert_eq!(quoted("a\"b\\c\nd\u{7}"), r#""a\"b\\c\nd\u{7}""#);
    assert_eq!(quoted(&"x".repeat(61)), format!("\"{}…\"", "x".repeat(60)));
    assert_eq!(quoted(&"x".repeat(60)), format!("\"{}\"", "x".repeat(60)));
}
