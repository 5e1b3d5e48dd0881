//! Explanations as text.

use std::fmt;

use super::{Explanation, Finding, Side, Step, Verdict};
use crate::decision::{DenialKind, Subject};

// === impl Explanation ===

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, app, subject, .. } = self;
        let may = if self.is_allowed() { "may" } else { "may not" };
        writeln!(f, "user {user:?} {may} {subject} app {app:?}: {}", outcome(self.outcome))?;
        for role in &self.missing_roles {
            writeln!(f, "  role {role:?} does not exist, so nothing is granted")?;
        }
        self.steps.iter().try_for_each(|step| write!(f, "{step}"))
    }
}

fn outcome(outcome: Result<(), DenialKind>) -> &'static str {
    match outcome {
        Ok(()) => "a role grants it",
        Err(DenialKind::NotGranted) => "no role grants it",
        Err(DenialKind::Denied) => "a role denies it",
        Err(DenialKind::Evaluation) => "a role cannot be evaluated",
        Err(DenialKind::UnknownRole) => "a role of the user does not exist",
        Err(DenialKind::MfaRequired) => "it needs a second factor for this session",
        Err(DenialKind::DeviceRequired) => "it needs a trusted device",
        Err(DenialKind::TooLong) => "the name is too long",
    }
}

// === impl Subject ===

impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.named() {
            None => f.write_str("connect to"),
            Some((kind, name)) => write!(f, "use {} {name:?} of", kind.noun()),
        }
    }
}

// === impl Step ===

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match (self.side, self.verdict) {
            (Side::Allow, Verdict::Applies) => "grants",
            (Side::Deny, Verdict::Applies) => "denies",
            (Side::Allow, Verdict::Passes) => "does not grant",
            (Side::Deny, Verdict::Passes) => "does not deny",
            (_, Verdict::Fails) => "cannot be evaluated",
            (_, Verdict::Demands) => "grants on a condition",
        };
        writeln!(f, "  role {:?} {verdict}", self.role)?;
        let side = match self.side {
            Side::Allow => "allow",
            Side::Deny => "deny",
        };
        for finding in &self.findings {
            write!(f, "    {side}.")?;
            finding.show(f)?;
            writeln!(f)?;
        }
        Ok(())
    }
}

// === impl Finding ===

impl Finding {
    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherNamespaces(known) => {
                write!(f, "namespaces: covers {} only", known.join(", "))
            }
            Self::NoLabels => f.write_str("app_labels: not given, so it speaks of no app"),
            Self::EveryApp => f.write_str("app_labels: every app"),
            Self::Label { key, found: None, .. } => {
                write!(f, "app_labels: the app has no label {key:?}")
            }
            Self::Label { key, found: Some(found), accepted_by: None } => {
                write!(f, "app_labels: no value accepts {key}={found:?}")
            }
            Self::Label { key, found: Some(found), accepted_by: Some((entry, pattern)) } => {
                write!(f, "app_labels: {entry:?} accepts {key}={found:?}")?;
                if entry == pattern { Ok(()) } else { write!(f, " as {pattern:?}") }
            }
            Self::BrokenLabel { key, message } => write!(f, "app_labels[{key:?}]: {message}"),
            Self::Expression { text, result: Ok(result) } => {
                write!(f, "app_labels_expression: {result}: {text}")
            }
            Self::Expression { text, result: Err(message) } => {
                write!(f, "app_labels_expression: {message}: {text}")
            }
            Self::Entry { kind, index, entry, pattern, trait_name } => {
                write!(f, "mcp.{}[{index}]: {entry:?} matches", kind.field())?;
                if entry != pattern {
                    write!(f, " as {pattern:?}")?;
                }
                match trait_name {
                    Some(name) => write!(f, ", from the trait {name:?}"),
                    None => Ok(()),
                }
            }
            Self::NoEntry { kind, tried } => {
                write!(f, "mcp.{}: none of {tried} patterns matches", kind.field())
            }
            Self::Unlisted(kind) => write!(f, "mcp.{}: not given, so not restricted", kind.field()),
            Self::BrokenEntry { kind, index, entry, message } => {
                write!(f, "mcp.{}[{index}]: {entry:?}: {message}", kind.field())
            }
            Self::DroppedEntry { kind, index, entry, message } => {
                write!(f, "mcp.{}[{index}]: {entry:?} stands for nothing: {message}", kind.field())
            }
            Self::RootDenies => f.write_str(
                "mcp.tools: the root cluster denies the tool, so {{internal.mcp_tools}} does not grant it",
            ),
            Self::MfaRequired => f.write_str("options.require_session_mfa: no second factor was shown"),
            Self::DeviceRequired => f.write_str("options.device_trust_mode: the device is not trusted"),
        }
    }
}
