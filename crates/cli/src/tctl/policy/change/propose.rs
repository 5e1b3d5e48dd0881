//! Which edits could turn a decision, or bring it nearer to turning, from what the engine found.

use policy::{DenialKind, Explanation, Finding, IMPLICIT_ROLE, Kind, RuleDecision, Side, Step};
use resource::Role;

use super::Edit;
use crate::tctl::policy::account::is_obstacle;
use crate::tctl::policy::case::{Answer, Case, Question};

/// What could be changed, the nearest first.
pub(super) fn edits(case: &Case) -> Vec<Edit> {
    match case.answer() {
        Answer::Use(explanation) => match explanation.outcome {
            Ok(()) => against(&explanation),
            Err(DenialKind::NotGranted) => for_a_grant(case, &explanation),
            Err(DenialKind::Denied | DenialKind::Evaluation) => without_the_deny(&explanation),
            Err(DenialKind::UnknownRole) => without_missing(case),
            Err(DenialKind::MfaRequired) => vec![Edit::SecondFactor],
            Err(DenialKind::DeviceRequired) => vec![Edit::TrustedDevice],
            Err(DenialKind::TooLong) => Vec::new(),
        },
        Answer::Rule(decision) => rules(case, &decision),
        // That cannot be taken away.
        Answer::Own => Vec::new(),
    }
}

/// Takes away what grants.
fn against(explanation: &Explanation) -> Vec<Edit> {
    let Some(step) = explanation.decisive() else { return Vec::new() };
    let role = step.role.to_string();
    let mut edits: Vec<Edit> =
        step.findings.iter().filter_map(|finding| entry(&role, Side::Allow, finding)).collect();
    if let Some((kind, name)) = explanation.subject.named() {
        for finding in &step.findings {
            if let Finding::Unlisted(kind) = finding {
                edits.push(Edit::CloseList { role: role.clone(), kind: *kind });
            }
        }
        edits.push(Edit::AddEntry {
            role: role.clone(),
            side: Side::Deny,
            kind,
            entry: name.to_owned(),
        });
    } else {
        edits.extend(step.findings.iter().find_map(|finding| label(&role, Side::Allow, finding)));
    }
    edits.push(Edit::TakeRole { role, exists: true });
    edits
}

/// Takes away what denies, or what cannot be evaluated.
fn without_the_deny(explanation: &Explanation) -> Vec<Edit> {
    let Some(step) = explanation.decisive() else { return Vec::new() };
    let role = step.role.to_string();
    let of_list = step.findings.iter().find_map(|finding| entry(&role, step.side, finding));
    let of_labels = || step.findings.iter().find_map(|finding| label(&role, step.side, finding));
    let mut edits: Vec<Edit> = of_list.or_else(of_labels).into_iter().collect();
    edits.push(Edit::TakeRole { role, exists: true });
    edits
}

/// Roles that do not exist refuse everything, so nothing else is looked at before.
fn without_missing(case: &Case) -> Vec<Edit> {
    case.holder
        .roles
        .iter()
        .filter(|role| !case.roles.contains_key(*role))
        .map(|role| Edit::TakeRole { role: role.clone(), exists: false })
        .collect()
}

/// Makes roles that the user has grant it, those first that are nearest to it.
fn for_a_grant(case: &Case, explanation: &Explanation) -> Vec<Edit> {
    let mut steps: Vec<(usize, &Step)> = explanation
        .steps
        .iter()
        .filter(|step| step.side == Side::Allow && &*step.role != IMPLICIT_ROLE)
        .map(|step| (step.findings.iter().filter(|finding| is_obstacle(finding)).count(), step))
        .collect();
    steps.sort_by_key(|(obstacles, _)| *obstacles);
    let mut edits = Vec::new();
    for (_, step) in steps {
        let name = step.role.to_string();
        let Some(role) = case.roles.get(&name) else { continue };
        for finding in &step.findings {
            match finding {
                Finding::NoEntry { kind, .. } => {
                    let wanted = explanation.subject.named().map(|(_, name)| name.to_owned());
                    let entry = wanted.unwrap_or_default();
                    edits.push(Edit::AddEntry {
                        role: name.clone(),
                        side: Side::Allow,
                        kind: *kind,
                        entry: entry.clone(),
                    });
                    edits.extend(
                        traits(role, *kind)
                            .map(|name| Edit::AddTrait { name, value: entry.clone() }),
                    );
                }
                other => edits.extend(obstacle(role, other)),
            }
        }
    }
    edits
}

/// Takes an obstacle between a role and the app away.
fn obstacle(role: &Role, finding: &Finding) -> Option<Edit> {
    let name = role.name().to_owned();
    match finding {
        Finding::Label { key, found: Some(value), accepted_by: None } => {
            Some(Edit::AddLabel { role: name, key: key.clone(), value: value.clone() })
        }
        Finding::Label { key, found: None, .. } => {
            let values = role.spec.allow.app_labels.as_ref()?.0.get(key)?;
            // Patterns are no values, and a template is somebody's own.
            let value = values.iter().find(|value| !value.contains(['*', '^', '{']))?;
            Some(Edit::LabelApp { key: key.clone(), value: value.clone() })
        }
        Finding::Expression { result: Ok(false), .. } => {
            Some(Edit::ChangeExpression { role: name, side: Side::Allow })
        }
        _ => None,
    }
}

/// The traits that a role's list is filled in from.
fn traits(role: &Role, kind: Kind) -> impl Iterator<Item = String> {
    let mcp = &role.spec.allow.mcp;
    let list = match kind {
        Kind::Tool => &mcp.tools,
        Kind::Prompt => &mcp.prompts,
        Kind::Resource => &mcp.resources,
    };
    list.iter().flatten().filter_map(|entry| {
        let inside = entry.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim();
        let name = inside.strip_prefix("internal.").or_else(|| inside.strip_prefix("external."))?;
        let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        is_plain.then(|| name.to_owned())
    })
}

/// Takes the entry away that a finding tells of.
fn entry(role: &str, side: Side, finding: &Finding) -> Option<Edit> {
    match finding {
        Finding::Entry { trait_name: Some(name), pattern, .. } => {
            Some(Edit::RemoveTrait { name: name.clone(), value: pattern.clone() })
        }
        Finding::Entry { kind, entry, .. } => Some(Edit::RemoveEntry {
            role: role.to_owned(),
            side,
            kind: *kind,
            entry: entry.clone(),
            broken: false,
        }),
        Finding::BrokenEntry { kind, entry, .. } => Some(Edit::RemoveEntry {
            role: role.to_owned(),
            side,
            kind: *kind,
            entry: entry.clone(),
            broken: true,
        }),
        _ => None,
    }
}

/// Takes the label or expression away that a finding tells of.
fn label(role: &str, side: Side, finding: &Finding) -> Option<Edit> {
    let role = role.to_owned();
    match finding {
        Finding::EveryApp => {
            let (key, value) = ("*".to_owned(), "*".to_owned());
            Some(Edit::RemoveLabel { role, side, key, value })
        }
        Finding::Label { key, accepted_by: Some((value, _)), .. } => {
            Some(Edit::RemoveLabel { role, side, key: key.clone(), value: value.clone() })
        }
        Finding::BrokenLabel { key, .. } => {
            Some(Edit::CorrectLabel { role, side, key: key.clone() })
        }
        Finding::Expression { result: Ok(true) | Err(_), .. } if side == Side::Deny => {
            Some(Edit::ChangeExpression { role, side })
        }
        Finding::Expression { result: Err(_), .. } => Some(Edit::ChangeExpression { role, side }),
        _ => None,
    }
}

fn rules(case: &Case, decision: &RuleDecision) -> Vec<Edit> {
    let Question::Rule { kind, verb, .. } = &case.question else { return Vec::new() };
    let held: Vec<&Role> = case
        .holder
        .roles
        .iter()
        .filter_map(|name| case.roles.get(name))
        .map(|role| &**role)
        .collect();
    if let RuleDecision::Allow { role, rule } = decision {
        if &**role != IMPLICIT_ROLE {
            let role = role.to_string();
            return vec![Edit::NarrowRule { role, side: Side::Allow, index: *rule }];
        }
        // Nobody can change the implicit role, but a deny goes before it.
        return held
            .first()
            .map(|role| add_rule(role, Side::Deny, kind, verb))
            .into_iter()
            .collect();
    }
    let mut edits = without_missing(case);
    for role in &held {
        let denying = role.spec.deny.rules.iter().enumerate().filter(|(_, rule)| {
            has(&rule.resources, kind) && (has(&rule.verbs, verb) || rule.where_clause.is_some())
        });
        edits.extend(denying.map(|(index, _)| Edit::NarrowRule {
            role: role.name().to_owned(),
            side: Side::Deny,
            index,
        }));
    }
    for role in &held {
        let of_kind = role.spec.allow.rules.iter().position(|rule| rule.resources.contains(kind));
        edits.extend(of_kind.map(|index| Edit::AddVerb {
            role: role.name().to_owned(),
            index,
            verb: verb.clone(),
        }));
    }
    edits.extend(held.iter().map(|role| add_rule(role, Side::Allow, kind, verb)));
    edits
}

fn add_rule(role: &Role, side: Side, kind: &str, verb: &str) -> Edit {
    let (kind, verb) = (kind.to_owned(), verb.to_owned());
    Edit::AddRule { role: role.name().to_owned(), side, kind, verb }
}

fn has(list: &[String], wanted: &str) -> bool {
    list.iter().any(|item| item == wanted || item == "*")
}
