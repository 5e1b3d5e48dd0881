//! One thing that somebody could change.

use std::sync::Arc;

use policy::{DeviceTrust, Kind, Side};
use resource::role::Conditions;
use resource::{LabelSelector, Role, Rule};

use crate::tctl::policy::case::{Case, Question};

/// One thing that somebody could change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::tctl::policy) enum Edit {
    /// An entry more in a list of a role.
    AddEntry {
        role: String,
        side: Side,
        kind: Kind,
        entry: String,
    },
    /// An entry less.
    RemoveEntry {
        role: String,
        side: Side,
        kind: Kind,
        entry: String,
        broken: bool,
    },
    /// A list where there was none, without any entry.
    CloseList {
        role: String,
        kind: Kind,
    },
    /// A value more for a label of a role.
    AddLabel {
        role: String,
        key: String,
        value: String,
    },
    /// A value less.
    RemoveLabel {
        role: String,
        side: Side,
        key: String,
        value: String,
    },
    /// A key of a role's labels that cannot be evaluated.
    CorrectLabel {
        role: String,
        side: Side,
        key: String,
    },
    /// Another expression.
    ChangeExpression {
        role: String,
        side: Side,
    },
    /// A label of the app.
    LabelApp {
        key: String,
        value: String,
    },
    /// A value more of a trait of the user.
    AddTrait {
        name: String,
        value: String,
    },
    /// A value less.
    RemoveTrait {
        name: String,
        value: String,
    },
    GiveRole {
        role: String,
    },
    TakeRole {
        role: String,
        exists: bool,
    },
    /// A verb more for a rule that a role has.
    AddVerb {
        role: String,
        index: usize,
        verb: String,
    },
    AddRule {
        role: String,
        side: Side,
        kind: String,
        verb: String,
    },
    /// A rule that no longer covers the question.
    NarrowRule {
        role: String,
        side: Side,
        index: usize,
    },
    SecondFactor,
    TrustedDevice,
}

// === impl Edit ===

impl Edit {
    /// Makes the change.
    pub(in crate::tctl::policy) fn apply(&self, case: &mut Case) {
        match self {
            Self::AddTrait { name, value } => {
                case.holder.traits.entry(name.clone()).or_default().push(value.clone());
            }
            Self::RemoveTrait { name, value } => {
                if let Some(values) = case.holder.traits.get_mut(name) {
                    values.retain(|known| known != value);
                }
            }
            Self::GiveRole { role } => case.holder.roles.push(role.clone()),
            Self::TakeRole { role, .. } => case.holder.roles.retain(|known| known != role),
            Self::SecondFactor => case.state.mfa_verified = true,
            Self::TrustedDevice => case.state.device = DeviceTrust::Trusted,
            Self::LabelApp { key, value } => match &mut case.question {
                Question::Use { labels, .. } => {
                    labels.unknown.remove(key);
                    labels.labels.insert(key.clone(), value.clone());
                }
                Question::Rule { target, .. } => {
                    target.iter_mut().for_each(|target| target.label_app(key, value));
                }
            },
            Self::AddEntry { role, .. }
            | Self::RemoveEntry { role, .. }
            | Self::CloseList { role, .. }
            | Self::AddLabel { role, .. }
            | Self::RemoveLabel { role, .. }
            | Self::CorrectLabel { role, .. }
            | Self::ChangeExpression { role, .. }
            | Self::AddVerb { role, .. }
            | Self::AddRule { role, .. }
            | Self::NarrowRule { role, .. } => {
                if let Some(role) = case.roles.get_mut(role) {
                    self.change(Arc::make_mut(role));
                }
            }
        }
    }

    /// Makes the change to the role that it concerns.
    fn change(&self, role: &mut Role) {
        match self {
            Self::AddEntry { side, kind, entry, .. } => {
                list(sides(role, *side), *kind).get_or_insert_default().push(entry.clone());
            }
            Self::RemoveEntry { side, kind, entry, .. } => {
                if let Some(list) = list(sides(role, *side), *kind) {
                    list.retain(|known| known != entry);
                }
            }
            Self::CloseList { kind, .. } => {
                *list(sides(role, Side::Allow), *kind) = Some(Vec::new());
            }
            Self::AddLabel { key, value, .. } => {
                let labels = role.spec.allow.app_labels.get_or_insert_default();
                labels.0.entry(key.clone()).or_default().push(value.clone());
            }
            Self::RemoveLabel { side, key, value, .. } => {
                remove_label(sides(role, *side), key, value)
            }
            Self::CorrectLabel { side, key, .. } => {
                if let Some(labels) = &mut sides(role, *side).app_labels {
                    labels.0.remove(key);
                }
            }
            Self::ChangeExpression { side: Side::Deny, .. } => {
                role.spec.deny.app_labels_expression = None;
            }
            Self::ChangeExpression { side: Side::Allow, .. } => {
                let allow = &mut role.spec.allow;
                allow.app_labels_expression = None;
                allow.app_labels.get_or_insert_with(LabelSelector::wildcard);
            }
            Self::AddVerb { index, verb, .. } => {
                if let Some(rule) = role.spec.allow.rules.get_mut(*index) {
                    rule.verbs.push(verb.clone());
                }
            }
            Self::AddRule { side, kind, verb, .. } => {
                let (resources, verbs) = (vec![kind.clone()], vec![verb.clone()]);
                sides(role, *side).rules.push(Rule { resources, verbs, ..Rule::default() });
            }
            Self::NarrowRule { side, index, .. } => {
                // Kept in place, so that the rules behind it keep their numbers.
                if let Some(rule) = sides(role, *side).rules.get_mut(*index) {
                    rule.verbs.clear();
                }
            }
            Self::LabelApp { .. }
            | Self::AddTrait { .. }
            | Self::RemoveTrait { .. }
            | Self::GiveRole { .. }
            | Self::TakeRole { .. }
            | Self::SecondFactor
            | Self::TrustedDevice => {}
        }
    }

    /// The change, as an administrator is told to make it.
    pub(in crate::tctl::policy) fn words(&self, user: &str) -> String {
        match self {
            Self::AddEntry { role, side: Side::Allow, kind, entry } => {
                format!("add {entry:?} to allow.mcp.{} of role {role:?}", kind.field())
            }
            Self::AddEntry { role, side: Side::Deny, kind, entry } => format!(
                "add {entry:?} to deny.mcp.{} of role {role:?}, which denies it on every app",
                kind.field()
            ),
            Self::RemoveEntry { role, side, kind, entry, broken } => {
                let verb = if *broken { "correct or remove" } else { "remove" };
                let verb = if *broken {
                    format!("{verb} {entry:?} in")
                } else {
                    format!("{verb} {entry:?} from")
                };
                format!("{verb} {}.mcp.{} of role {role:?}", name(*side), kind.field())
            }
            Self::CloseList { role, kind } => format!(
                "give role {role:?} a list allow.mcp.{}; without one it allows every {}",
                kind.field(),
                kind.noun()
            ),
            Self::AddLabel { role, key, value } => {
                format!("add {value:?} to allow.app_labels[{key:?}] of role {role:?}")
            }
            Self::RemoveLabel { role, side, key, value } => {
                format!(
                    "remove {value:?} from {}.app_labels[{key:?}] of role {role:?}",
                    name(*side)
                )
            }
            Self::CorrectLabel { role, side, key } => {
                format!("correct {}.app_labels[{key:?}] of role {role:?}", name(*side))
            }
            Self::ChangeExpression { role, side } => {
                let holds = if *side == Side::Allow { "holds" } else { "does not hold" };
                let side = name(*side);
                format!("change {side}.app_labels_expression of role {role:?} so that it {holds}")
            }
            Self::LabelApp { key, value } => format!("label the app {key}={value}"),
            Self::AddTrait { name, value } => {
                format!("add {value:?} to the trait {name:?} of user {user:?}")
            }
            Self::RemoveTrait { name, value } => {
                format!("remove {value:?} from the trait {name:?} of user {user:?}")
            }
            Self::GiveRole { role } => format!("give user {user:?} the role {role:?}"),
            Self::TakeRole { role, exists: true } => {
                format!("take the role {role:?} from user {user:?}")
            }
            Self::TakeRole { role, exists: false } => {
                format!("create the role {role:?}, or take it from user {user:?}")
            }
            Self::AddVerb { role, index, verb } => {
                format!("add {verb:?} to the verbs of allow.rules[{index}] of role {role:?}")
            }
            Self::AddRule { role, side, kind, verb } => format!(
                "add {{resources: [{kind}], verbs: [{verb}]}} to {}.rules of role {role:?}",
                name(*side)
            ),
            Self::NarrowRule { role, side, index } => {
                let side = name(*side);
                format!(
                    "change {side}.rules[{index}] of role {role:?} so that it does not cover it"
                )
            }
            Self::SecondFactor => "show a second factor for the session".to_owned(),
            Self::TrustedDevice => "use a trusted device".to_owned(),
        }
    }
}

fn remove_label(conditions: &mut Conditions, key: &str, value: &str) {
    let Some(labels) = &mut conditions.app_labels else { return };
    if let Some(values) = labels.0.get_mut(key) {
        values.retain(|known| known != value);
    }
    // A key without values fits nothing, and neither does the selector then.
    if labels.0.values().all(Vec::is_empty) {
        conditions.app_labels = None;
    }
}

fn sides(role: &mut Role, side: Side) -> &mut Conditions {
    match side {
        Side::Allow => &mut role.spec.allow,
        Side::Deny => &mut role.spec.deny,
    }
}

fn list(conditions: &mut Conditions, kind: Kind) -> &mut Option<Vec<String>> {
    match kind {
        Kind::Tool => &mut conditions.mcp.tools,
        Kind::Prompt => &mut conditions.mcp.prompts,
        Kind::Resource => &mut conditions.mcp.resources,
    }
}

fn name(side: Side) -> &'static str {
    match side {
        Side::Allow => "allow",
        Side::Deny => "deny",
    }
}
