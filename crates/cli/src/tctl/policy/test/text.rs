//! What came of tests, for people: what holds in a line, what does not with the place and the reason.

use super::outcome::Outcome;
use resource::plain::one_line;

/// The report, without a line break at its end.
pub(super) fn report(outcomes: &[Outcome]) -> String {
    let mut lines = Vec::new();
    for outcome in outcomes {
        lines.push(outcome.source.name().to_owned());
        for test in &outcome.tests {
            let total = count(test.total, "expectation");
            lines.push(match test.failures.len() {
                0 => format!("  ok    {} ({total})", one_line(&test.name)),
                failed => format!("  FAIL  {} ({failed} of {total})", one_line(&test.name)),
            });
        }
        lines.push(String::new());
    }
    for outcome in outcomes {
        for failure in outcome.tests.iter().flat_map(|test| &test.failures) {
            lines.push(failure.text(&outcome.source));
            lines.push(String::new());
        }
    }
    let tests: usize = outcomes.iter().map(|outcome| outcome.tests.len()).sum();
    let total: usize = outcomes.iter().map(Outcome::total).sum();
    let failed: usize = outcomes.iter().map(Outcome::failed).sum();
    let end = if failed == 0 { "all as expected".to_owned() } else { format!("{failed} failed") };
    lines.push(format!(
        "{}, {}, {}: {end}",
        count(outcomes.len(), "file"),
        count(tests, "test"),
        count(total, "expectation")
    ));
    lines.join("\n")
}

fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}
