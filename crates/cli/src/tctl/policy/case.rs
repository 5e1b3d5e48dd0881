//! One question to the engine with all that the answer depends on, so that it can be asked again with
//! something changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use policy::{AccessState, AppRef, Explanation, RoleSet, RuleDecision, Subject};
use resource::app::KnownLabels;
use resource::{Role, Traits};

use super::target::{self, Target};

/// Roles by name.
pub(super) type Roles = BTreeMap<String, Arc<Role>>;

/// What a user resource says that decisions depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Holder {
    /// Names of roles, in order.
    pub(super) roles: Vec<String>,
    pub(super) traits: Traits,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// Whether something may be done with an app.
    Use {
        app: String,
        /// All of the app's labels, also those that the cluster sets.
        labels: KnownLabels,
        subject: Subject<'static>,
    },
    /// Whether a verb is permitted on a kind of resource, or on one resource of it.
    Rule { kind: String, verb: String, target: Option<Target> },
}

/// A question with all that its answer depends on.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) roles: Roles,
    pub(super) user: String,
    pub(super) holder: Holder,
    pub(super) state: AccessState,
    pub(super) question: Question,
}

/// What the engine says.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// To a question about an app; to one about a right, that the user does not reach the app meant.
    Use(Explanation),
    Rule(RuleDecision),
    /// The user reads what is the user's own.
    Own,
}

// === impl Holder ===

impl Holder {
    /// The holder's roles, compiled as an agent does it: a role that is missing refuses everything.
    pub(super) fn role_set(&self, user: &str, roles: &Roles) -> RoleSet {
        let of =
            policy::User { name: user, traits: &self.traits, roles: Some(&self.roles), root: None };
        RoleSet::resolve(&self.roles, |name| roles.get(name).cloned(), of)
    }
}

// === impl Case ===

impl Case {
    /// Asks the engine.
    pub(super) fn answer(&self) -> Answer {
        let set = self.holder.role_set(&self.user, &self.roles);
        match &self.question {
            Question::Use { app, labels, subject } => {
                let access = set.access_with(AppRef::known(app, labels), self.state);
                Answer::Use(access.explain(subject))
            }
            Question::Rule { kind, verb, target } => {
                target::decide(&set, &self.user, kind, verb, target.as_ref())
            }
        }
    }

    /// Whether it is allowed.
    pub(super) fn is_allowed(&self) -> bool {
        self.answer().is_allowed()
    }
}

// === impl Answer ===

impl Answer {
    pub(super) fn is_allowed(&self) -> bool {
        match self {
            Self::Use(explanation) => explanation.is_allowed(),
            Self::Rule(decision) => decision.is_allowed(),
            Self::Own => true,
        }
    }
}
