//! Why something is decided as it is: the algorithm walked through slowly, with everything it looked at.
//!
//! The decision itself is taken from an index and says nothing about the way; this walk has to come to the
//! same end, which a property test holds it to.

mod show;
mod walk;

use std::sync::Arc;

use crate::access::AppAccess;
use crate::decision::{DenialKind, Subject};
use crate::entries::Kind;

pub use crate::label::Side;

/// A decision with everything that led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Who asked.
    pub user: String,
    /// Which app it is about.
    pub app: String,
    /// What was to be done with it.
    pub subject: Subject<'static>,
    /// How it was decided.
    pub outcome: Result<(), DenialKind>,
    /// Roles that do not exist; while there are any, nothing else is looked at.
    pub missing_roles: Vec<String>,
    /// What was looked at, in order. A granting decision ends with the step that granted.
    pub steps: Vec<Step>,
}

/// One side of one role, looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The role.
    pub role: Arc<str>,
    /// Which side of it.
    pub side: Side,
    /// What it came to.
    pub verdict: Verdict,
    /// What was found, in order.
    pub findings: Vec<Finding>,
}

/// What one side of one role came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It grants, or denies.
    Applies,
    /// It has no part in this.
    Passes,
    /// It cannot be evaluated, which refuses.
    Fails,
    /// It would grant, but asks for a second factor or a trusted device.
    Demands,
}

/// One fact that a step found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The side is about other namespaces.
    OtherNamespaces(Vec<String>),
    /// The side has neither labels nor an expression, so it is about no app.
    NoLabels,
    /// The selector is the wildcard.
    EveryApp,
    /// One key of the selector.
    Label {
        /// The key.
        key: String,
        /// The app's value.
        found: Option<String>,
        /// What the key accepts it by: the entry as written and as filled in. `None`: it does not.
        accepted_by: Option<(String, String)>,
    },
    /// One key of the selector cannot be evaluated.
    BrokenLabel {
        /// The key.
        key: String,
        /// What is wrong.
        message: String,
    },
    /// The expression.
    Expression {
        /// As written.
        text: String,
        /// What it came to, or why it came to nothing.
        result: Result<bool, String>,
    },
    /// The entry of a list that matched.
    Entry {
        /// Which list.
        kind: Kind,
        /// Position in it.
        index: usize,
        /// As written.
        entry: String,
        /// As filled in.
        pattern: String,
        /// The trait it was filled in from.
        trait_name: Option<String>,
    },
    /// No entry of a list matched.
    NoEntry {
        /// Which list.
        kind: Kind,
        /// How many patterns were tried.
        tried: usize,
    },
    /// The role does not have the list, which leaves the kind open.
    Unlisted(Kind),
    /// An entry cannot be evaluated.
    BrokenEntry {
        /// Which list.
        kind: Kind,
        /// Position in it.
        index: usize,
        /// As written.
        entry: String,
        /// What is wrong.
        message: String,
    },
    /// An entry stands for nothing.
    DroppedEntry {
        /// Which list.
        kind: Kind,
        /// Position in it.
        index: usize,
        /// As written.
        entry: String,
        /// Why.
        message: String,
    },
    /// The user's root cluster denies the tool, so it is not granted through `{{internal.mcp_tools}}`.
    RootDenies,
    /// The role asks for a second factor that was not shown.
    MfaRequired,
    /// The role asks for a trusted device.
    DeviceRequired,
}

// === impl Explanation ===

impl Explanation {
    pub(crate) fn of(access: &AppAccess, subject: &Subject<'_>) -> Self {
        walk::walk(access, subject)
    }

    /// Whether it was allowed.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.outcome.is_ok()
    }

    /// The step that decided, if one did.
    #[must_use]
    pub fn decisive(&self) -> Option<&Step> {
        let last = match self.outcome {
            Ok(()) => self.steps.iter().rev().find(|step| step.verdict == Verdict::Applies),
            Err(DenialKind::NotGranted) => None,
            Err(_) => self.steps.last(),
        };
        last.filter(|step| step.verdict != Verdict::Passes)
    }
}

#[cfg(test)]
mod tests;
