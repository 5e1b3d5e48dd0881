//! What came of tests as `JUnit` XML: a suite for each file, a case for each test.

use super::outcome::Outcome;

/// The report, without a line break at its end.
pub(super) fn report(outcomes: &[Outcome]) -> String {
    let mut lines = vec![r#"<?xml version="1.0" encoding="UTF-8"?>"#.to_owned()];
    let tests: usize = outcomes.iter().map(|outcome| outcome.tests.len()).sum();
    let failed: usize = outcomes.iter().map(failed_tests).sum();
    lines.push(format!(
        r#"<testsuites name="tctl policy test" tests="{tests}" failures="{failed}" errors="0">"#
    ));
    for outcome in outcomes {
        let file = escape(outcome.source.name());
        lines.push(format!(
            r#"  <testsuite name="{file}" tests="{}" failures="{}" errors="0" skipped="0">"#,
            outcome.tests.len(),
            failed_tests(outcome)
        ));
        for test in &outcome.tests {
            let (name, line) = (escape(&test.name), test.span.start.line);
            let case = format!(
                r#"    <testcase name="{name}" classname="{file}" file="{file}" line="{line}" assertions="{}""#,
                test.total
            );
            let Some(first) = test.failures.first() else {
                lines.push(format!("{case}/>"));
                continue;
            };
            let message = match test.failures.len() - 1 {
                0 => first.message.clone(),
                more => format!("{} (and {more} more)", first.message),
            };
            let texts: Vec<String> =
                test.failures.iter().map(|failure| failure.text(&outcome.source)).collect();
            lines.push(format!("{case}>"));
            lines.push(format!(
                r#"      <failure type="expectation" message="{}">{}</failure>"#,
                escape(&message),
                escape(&texts.join("\n\n"))
            ));
            lines.push("    </testcase>".to_owned());
        }
        lines.push("  </testsuite>".to_owned());
    }
    lines.push("</testsuites>".to_owned());
    lines.join("\n")
}

fn failed_tests(outcome: &Outcome) -> usize {
    outcome.tests.iter().filter(|test| !test.failures.is_empty()).count()
}

/// Text inside XML 1.0, which knows no way to write most control characters.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
