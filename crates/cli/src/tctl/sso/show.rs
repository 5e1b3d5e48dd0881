//! What a login would yield, in words: claim by claim, trait by trait, role by role.

use std::fmt::Write as _;

use api::wire::SsoReport;

use resource::plain::one_line;

/// The report as text. What the provider says may be what anybody wrote there.
pub(super) fn text(report: &SsoReport) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    _ = write!(out, "Connector: {} ({})\n\nClaims:\n", report.connector, report.kind);
    if report.claims.is_empty() {
        out.push_str("  (none were received)\n");
    }
    for (name, value) in &report.claims {
        _ = writeln!(out, "  {}: {}", one_line(name), one_line(&value.to_string()));
    }
    out.push_str("\nTraits:\n");
    if report.traits.is_empty() {
        out.push_str("  (none)\n");
    }
    for (name, values) in &report.traits {
        let reference = match name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            true => format!("{{{{external.{name}}}}}"),
            false => format!("{{{{external[{name:?}]}}}}"),
        };
        _ = writeln!(out, "  {reference} = {}", one_line(&values.join(", ")));
    }
    out.push_str("\nRoles:\n");
    if report.roles.is_empty() {
        out.push_str("  (none: no mapping fits)\n");
    }
    for role in &report.roles {
        let missing = if role.exists { "" } else { "  [does not exist]" };
        _ = writeln!(
            out,
            "  {}{missing}: {} has {:?}, which fits {:?}",
            one_line(&role.role),
            role.name,
            role.value,
            role.pattern
        );
    }
    out.push('\n');
    match (&report.refusal, &report.user) {
        (Some(refusal), _) => {
            _ = write!(out, "Such a login would be refused: {}", one_line(refusal));
            if let Some(detail) = report.detail.as_deref().filter(|detail| detail != refusal) {
                _ = write!(out, "\n  because: {}", one_line(detail));
            }
        }
        (None, Some(user)) => {
            _ = write!(
                out,
                "Such a login would succeed, as the user {user:?}. Nothing was created."
            );
        }
        (None, None) => out.push_str("Nothing was created."),
    }
    out
}

#[cfg(test)]
mod tests;
