//! The shortest account of a decision: of everything that the engine looked at, what made it decide so.

use std::fmt;

use policy::{DenialKind, Explanation, Finding, IMPLICIT_ROLE, RuleDecision, Side, Step, Verdict};
use serde_json::{Value, json};

use super::case::{Answer, Case, Question};
use super::change;

/// How many roles of those that do not grant something are told about.
const MAX_SILENT_ROLES: usize = 5;

/// Why something is decided as it is, and what would turn it.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) allowed: bool,
    /// How it was decided, as one word.
    outcome: &'static str,
    headline: String,
    steps: Vec<Step>,
    notes: Vec<String>,
    /// Each by itself would turn the decision. What one consists of has to be done together.
    pub(super) changes: Vec<Vec<String>>,
}

// === impl Account ===

impl Account {
    /// Decides a case and accounts for it.
    pub(super) fn of(case: &Case) -> Self {
        let answer = case.answer();
        let mut account = match &answer {
            Answer::Use(explanation) => Self::of_use(explanation),
            Answer::Rule(decision) => Self::of_rule(case, decision),
            Answer::Own => Self::of_own(case),
        };
        if let (Question::Rule { .. }, Answer::Use(_)) = (&case.question, &answer) {
            account.headline = format!(
                "user {:?} may not {}: a rule grants it, but only for apps that the user reaches",
                case.user,
                right(case)
            );
        }
        account.changes = change::turning(case)
            .into_iter()
            .map(|path| path.iter().map(|edit| edit.words(&case.user)).collect())
            .collect();
        account
    }

    fn of_use(explanation: &Explanation) -> Self {
        let headline = explanation.to_string().lines().next().unwrap_or_default().to_owned();
        let mut notes: Vec<String> = explanation
            .missing_roles
            .iter()
            .map(|role| format!("role {role:?} does not exist, so nothing is granted"))
            .collect();
        let steps = shortest(explanation);
        if explanation.outcome == Err(DenialKind::NotGranted) && steps.is_empty() {
            notes.push("the user holds no role that speaks of apps".to_owned());
        }
        Self {
            allowed: explanation.is_allowed(),
            outcome: word(explanation.outcome),
            headline,
            steps,
            notes,
            changes: Vec::new(),
        }
    }

    fn of_own(case: &Case) -> Self {
        Self {
            allowed: true,
            outcome: "granted",
            headline: format!(
                "user {:?} may {}: users read their own user and the roles that they hold",
                case.user,
                right(case)
            ),
            steps: Vec::new(),
            notes: Vec::new(),
            changes: Vec::new(),
        }
    }

    fn of_rule(case: &Case, decision: &RuleDecision) -> Self {
        let what = right(case);
        let (outcome, may, why) = match decision {
            RuleDecision::Allow { role, rule } => {
                ("granted", "may", format!("role {role:?} grants it by allow.rules[{rule}]"))
            }
            RuleDecision::Deny(denial) if denial.is_evaluation_error() => {
                ("evaluation_error", "may not", denial.reason().to_owned())
            }
            RuleDecision::Deny(denial) => ("denied", "may not", denial.reason().to_owned()),
        };
        Self {
            allowed: decision.is_allowed(),
            outcome,
            headline: format!("user {:?} {may} {what}: {why}", case.user),
            steps: Vec::new(),
            notes: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// For programs.
    pub(super) fn to_json(&self) -> Value {
        let reasons: Vec<Value> = self
            .steps
            .iter()
            .map(|step| {
                let text = step.to_string();
                let mut lines = text.lines().map(str::trim);
                let summary = lines.next().unwrap_or_default();
                let side = match step.side {
                    Side::Allow => "allow",
                    Side::Deny => "deny",
                };
                json!({
                    "role": *step.role,
                    "side": side,
                    "summary": summary,
                    "findings": lines.collect::<Vec<_>>(),
                })
            })
            .collect();
        json!({
            "allowed": self.allowed,
            "outcome": self.outcome,
            "summary": self.headline,
            "reasons": reasons,
            "notes": self.notes,
            "changes": self.changes,
        })
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.headline)?;
        for note in &self.notes {
            write!(f, "\n  {note}")?;
        }
        for step in &self.steps {
            write!(f, "\n{}", step.to_string().trim_end())?;
        }
        match &self.changes[..] {
            [] => Ok(()),
            [only] => write!(f, "\nto turn it: {}", together(only)),
            several => {
                f.write_str("\nto turn it, one of:")?;
                several.iter().try_for_each(|change| write!(f, "\n  {}", together(change)))
            }
        }
    }
}

/// What is asked about, behind "may".
fn right(case: &Case) -> String {
    match &case.question {
        Question::Rule { kind, verb, target: Some(target) } => {
            format!("{verb} {kind}/{}", target.name)
        }
        Question::Rule { kind, verb, target: None } => format!("{verb} resources of kind {kind}"),
        Question::Use { app, .. } => format!("use app {app:?}"),
    }
}

/// What has to be done together, as one sentence.
fn together(change: &[String]) -> String {
    change.join(", and ")
}

/// How it was decided, for programs.
fn word(outcome: Result<(), DenialKind>) -> &'static str {
    match outcome {
        Ok(()) => "granted",
        Err(DenialKind::NotGranted) => "not_granted",
        Err(DenialKind::Denied) => "denied",
        Err(DenialKind::Evaluation) => "evaluation_error",
        Err(DenialKind::UnknownRole) => "unknown_role",
        Err(DenialKind::MfaRequired) => "mfa_required",
        Err(DenialKind::DeviceRequired) => "device_required",
        Err(DenialKind::TooLong) => "name_too_long",
    }
}

/// The steps without which the decision cannot be understood, and of each what matters in it.
fn shortest(explanation: &Explanation) -> Vec<Step> {
    if explanation.outcome == Err(DenialKind::NotGranted) {
        return silent(explanation);
    }
    let keep: fn(&Finding) -> bool = match explanation.decisive().map(|step| (step.side, step)) {
        Some((_, step)) if step.verdict == Verdict::Fails => is_broken,
        // Labels have no part in a deny that an entry of a list hits.
        Some((Side::Deny, step)) if step.findings.iter().any(is_entry) => is_entry,
        _ => |finding| !matches!(finding, Finding::DroppedEntry { .. } | Finding::NoLabels),
    };
    explanation.decisive().map(|step| only(step, keep)).into_iter().collect()
}

/// Why none of the roles grants it: where one reaches the app, only those that do are worth a word.
fn silent(explanation: &Explanation) -> Vec<Step> {
    let allow: Vec<&Step> = explanation
        .steps
        .iter()
        .filter(|step| step.side == Side::Allow && &*step.role != IMPLICIT_ROLE)
        .collect();
    let reaches = |step: &&Step| {
        step.findings.iter().any(|finding| matches!(finding, Finding::NoEntry { .. }))
    };
    let mut told: Vec<Step> =
        allow.iter().copied().filter(reaches).map(|step| only(step, is_about_entries)).collect();
    if told.is_empty() {
        told = allow.iter().map(|step| only(step, is_obstacle)).collect();
    }
    if told.iter().any(|step| !is_without_labels(step)) {
        told.retain(|step| !is_without_labels(step));
    }
    told.truncate(MAX_SILENT_ROLES);
    told
}

fn only(step: &Step, keep: impl Fn(&Finding) -> bool) -> Step {
    let findings = step.findings.iter().filter(|finding| keep(finding)).cloned().collect();
    Step { findings, ..step.clone() }
}

fn is_without_labels(step: &Step) -> bool {
    matches!(step.findings[..], [Finding::NoLabels])
}

fn is_entry(finding: &Finding) -> bool {
    matches!(finding, Finding::Entry { .. })
}

fn is_about_entries(finding: &Finding) -> bool {
    matches!(finding, Finding::NoEntry { .. } | Finding::DroppedEntry { .. } | Finding::RootDenies)
}

fn is_broken(finding: &Finding) -> bool {
    matches!(
        finding,
        Finding::BrokenEntry { .. }
            | Finding::BrokenLabel { .. }
            | Finding::Expression { result: Err(_), .. }
    )
}

/// What keeps a role from reaching the app.
pub(super) fn is_obstacle(finding: &Finding) -> bool {
    matches!(
        finding,
        Finding::OtherNamespaces(_)
            | Finding::NoLabels
            | Finding::Label { accepted_by: None, .. }
            | Finding::Expression { result: Ok(false), .. }
    )
}

#[cfg(test)]
mod tests;
