//! The roles of one user, compiled for that user.

mod compile;
mod granted;
mod options;

use std::collections::BTreeSet;
use std::sync::Arc;

use resource::{Role, Traits};

use crate::access::{AccessState, AppAccess, AppRef, Patterns};
use crate::clause;
use crate::decision::{RuleDecision, RuleDenial};
use crate::entries::{EntryList, Kind};
use crate::expression::{self, LabelExpression};
use crate::index::Index;
use crate::label::{LabelMatcher, Side};
use crate::rule::{Clauses, RuleVerdict, Rules};

pub use granted::GrantedToolsError;
pub use options::{MfaDemand, Options};

/// The role that every user has; it grants reading what everybody may see, and no app.
pub const IMPLICIT_ROLE: &str = "default-implicit-role";

/// Whose roles are compiled.
#[derive(Debug, Clone, Copy)]
pub struct User<'a> {
    /// Login name.
    pub name: &'a str,
    /// Values for templates and predicates.
    pub traits: &'a Traits,
    /// Names of the roles held, for `user.spec.roles`. `None`: those of the set.
    pub roles: Option<&'a [String]>,
    /// What the user's root cluster says about tools, at a leaf cluster.
    pub root: Option<RootTools<'a>>,
}

/// The tools that the roles of a root cluster grant and deny, templates filled in there.
#[derive(Debug, Clone, Copy)]
pub struct RootTools<'a> {
    /// They join the trait `mcp_tools` in `{{internal.mcp_tools}}`.
    pub allowed: &'a [String],
    /// No tool that these fit is granted through `{{internal.mcp_tools}}`.
    pub denied: &'a [String],
}

/// What a rule is asked about, beside kind and verb.
#[derive(Debug, Clone, Copy)]
pub struct RuleContext<'a> {
    /// The namespace; empty for the default.
    pub namespace: &'a str,
    /// The resource, where one is at hand.
    pub resource: Option<clause::ResourceRef<'a>>,
}

/// The roles of one user, with templates filled in and patterns compiled.
///
/// Compiling never fails: what cannot be used is kept as an evaluation error, and has its effect when a
/// decision reaches it. A set is cheap to clone and decides for any number of apps.
#[derive(Debug, Clone)]
pub struct RoleSet(pub(crate) Arc<Compiled>);

#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) user: String,
    pub(crate) traits: Traits,
    role_names: Vec<String>,
    pub(crate) roles: Vec<CompiledRole>,
    /// Names of roles that do not exist. While there are any, everything is refused.
    pub(crate) missing: Vec<String>,
    allow: [Index; 3],
    deny: [Index; 3],
    /// Whether any pattern is subject to what the root cluster denies.
    pub(crate) guarded: bool,
    pub(crate) root_denied: EntryList,
    pub(crate) options: Options,
}

#[derive(Debug)]
pub(crate) struct CompiledRole {
    pub(crate) name: Arc<str>,
    pub(crate) allow: CompiledSide,
    pub(crate) deny: CompiledSide,
    pub(crate) demands_mfa: bool,
    pub(crate) demands_device: bool,
}

#[derive(Debug)]
pub(crate) struct CompiledSide {
    pub(crate) side: Side,
    pub(crate) namespaces: Vec<String>,
    pub(crate) labels: Option<LabelMatcher>,
    pub(crate) expression: Option<CompiledExpression>,
    pub(crate) lists: [EntryList; 3],
    pub(crate) rules: Rules,
}

#[derive(Debug)]
pub(crate) struct CompiledExpression {
    pub(crate) text: String,
    pub(crate) parsed: Result<LabelExpression, String>,
}

/// How a side of a role fares with the labels of an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LabelOutcome {
    Hit,
    Miss,
    Error,
}

// === impl User ===

impl<'a> User<'a> {
    /// A local user.
    #[must_use]
    pub fn new(name: &'a str, traits: &'a Traits) -> Self {
        Self { name, traits, roles: None, root: None }
    }
}

// === impl RuleContext ===

impl<'a> RuleContext<'a> {
    /// A question about a kind as a whole.
    pub const NO_RESOURCE: RuleContext<'static> = RuleContext { namespace: "", resource: None };

    /// A question about one resource.
    #[must_use]
    pub fn of(resource: clause::ResourceRef<'a>) -> Self {
        Self { namespace: "", resource: Some(resource) }
    }
}

// === impl RoleSet ===

impl RoleSet {
    /// Compiles `roles`, in this order, for `user`. Only these roles take part: see [`RoleSet::resolve`].
    #[must_use]
    pub fn compile(roles: &[Arc<Role>], user: User<'_>) -> Self {
        Self(Arc::new(Compiled::new(roles, Vec::new(), user)))
    }

    /// Compiles the roles named, and the implicit role behind them.
    ///
    /// A name that `find` does not know makes the set refuse everything.
    pub fn resolve(
        names: &[String],
        find: impl Fn(&str) -> Option<Arc<Role>>,
        user: User<'_>,
    ) -> Self {
        let mut roles = Vec::with_capacity(names.len() + 1);
        let mut missing = Vec::new();
        for name in names {
            match find(name) {
                Some(role) => roles.push(role),
                None => missing.push(name.clone()),
            }
        }
        roles.push(Arc::new(crate::preset::implicit_role()));
        Self(Arc::new(Compiled::new(&roles, missing, user)))
    }

    /// What this user may do with an app, without a second factor or a trusted device being shown.
    #[must_use]
    pub fn access(&self, app: AppRef<'_>) -> AppAccess {
        self.access_with(app, AccessState::default())
    }

    /// What this user may do with an app.
    #[must_use]
    pub fn access_with(&self, app: AppRef<'_>, state: AccessState) -> AppAccess {
        AppAccess::new(self.clone(), app, state)
    }

    /// The patterns over tools that apply to an app, for people to read.
    #[must_use]
    pub fn tool_patterns(&self, app: AppRef<'_>) -> Patterns {
        self.access(app).patterns(Kind::Tool)
    }

    /// Limits on sessions that follow from all roles together.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.0.options
    }

    /// Names of the roles that take part, in order.
    pub fn role_names(&self) -> impl Iterator<Item = &str> {
        self.0.roles.iter().map(|role| &*role.name)
    }

    /// Names that no role was found for.
    #[must_use]
    pub fn missing_roles(&self) -> &[String] {
        &self.0.missing
    }

    /// Whether `verb` is permitted on resources of `kind`.
    pub fn rule(&self, kind: &str, verb: &str, context: &RuleContext<'_>) -> RuleDecision {
        let clauses = clause::Context {
            user: &self.0.user,
            roles: &self.0.role_names,
            traits: &self.0.traits,
            resource: context.resource,
        };
        let evaluated = Clauses::Evaluated(clauses);
        self.judge_rules(kind, verb, context.namespace, evaluated, evaluated)
    }

    /// Whether `verb` may be permitted on some resource of `kind`: clauses that grant count as true and
    /// clauses that deny as false.
    #[must_use]
    pub fn possibly(&self, kind: &str, verb: &str) -> bool {
        self.judge_rules(kind, verb, "", Clauses::Assumed(false), Clauses::Assumed(true))
            .is_allowed()
    }

    fn judge_rules(
        &self,
        kind: &str,
        verb: &str,
        namespace: &str,
        deny: Clauses<'_>,
        allow: Clauses<'_>,
    ) -> RuleDecision {
        let refuse =
            |reason: String, error| RuleDecision::Deny(RuleDenial::new(kind, verb, reason, error));
        if let Some(name) = self.0.missing.first() {
            return refuse(format!("the role {name:?} does not exist"), true);
        }
        for role in &self.0.roles {
            if !role.deny.covers(namespace) {
                continue;
            }
            match role.deny.rules.judge(kind, verb, deny) {
                RuleVerdict::Hit(rule) => {
                    let reason =
                        format!("role {:?} denies it by deny.rules[{}]", role.name, rule.index);
                    return refuse(reason, false);
                }
                RuleVerdict::Error(rule, message) => {
                    let reason =
                        format!("role {:?}: deny.rules[{}]: {message}", role.name, rule.index);
                    return refuse(reason, true);
                }
                RuleVerdict::Miss => {}
            }
        }
        for role in &self.0.roles {
            if !role.allow.covers(namespace) {
                continue;
            }
            match role.allow.rules.judge(kind, verb, allow) {
                RuleVerdict::Hit(rule) => {
                    return RuleDecision::Allow { role: Arc::clone(&role.name), rule: rule.index };
                }
                RuleVerdict::Error(rule, message) => {
                    let reason =
                        format!("role {:?}: allow.rules[{}]: {message}", role.name, rule.index);
                    return refuse(reason, true);
                }
                RuleVerdict::Miss => {}
            }
        }
        refuse("no rule of any role grants it".to_owned(), false)
    }
}

// === impl Compiled ===

impl Compiled {
    pub(crate) fn index(&self, side: Side, kind: Kind) -> &Index {
        let [tools, prompts, resources] = match side {
            Side::Allow => &self.allow,
            Side::Deny => &self.deny,
        };
        match kind {
            Kind::Tool => tools,
            Kind::Prompt => prompts,
            Kind::Resource => resources,
        }
    }
}

// === impl CompiledSide ===

impl CompiledSide {
    pub(crate) fn covers(&self, namespace: &str) -> bool {
        let namespace =
            if namespace.is_empty() { resource::role::DEFAULT_NAMESPACE } else { namespace };
        self.namespaces.iter().any(|known| known == namespace || known == "*")
    }

    pub(crate) fn list(&self, kind: Kind) -> &EntryList {
        let [tools, prompts, resources] = &self.lists;
        match kind {
            Kind::Tool => tools,
            Kind::Prompt => prompts,
            Kind::Resource => resources,
        }
    }

    /// Of an allow both labels and expression have to hold, where they are given; of a deny each alone is
    /// enough.
    ///
    /// What turns on a label without a value, one of `unknown`, cannot be evaluated.
    pub(crate) fn judge_labels(
        &self,
        context: expression::Context<'_>,
        unknown: &BTreeSet<String>,
    ) -> LabelOutcome {
        if self.labels.is_none() && self.expression.is_none() {
            return LabelOutcome::Miss;
        }
        let mut all = true;
        if let Some(labels) = &self.labels {
            match (labels.matches_with(context.labels, unknown, self.side), self.side) {
                (Err(_), _) => return LabelOutcome::Error,
                (Ok(true), Side::Deny) => return LabelOutcome::Hit,
                (Ok(holds), _) => all &= holds,
            }
        }
        // Of an allow the expression is evaluated even when the labels have failed: its error shows.
        if let Some(expression) = &self.expression {
            match (expression.eval(context, unknown), self.side) {
                (Err(_), _) => return LabelOutcome::Error,
                (Ok(true), Side::Deny) => return LabelOutcome::Hit,
                (Ok(holds), _) => all &= holds,
            }
        }
        if self.side == Side::Allow && all { LabelOutcome::Hit } else { LabelOutcome::Miss }
    }
}

// === impl CompiledExpression ===

impl CompiledExpression {
    pub(crate) fn eval(
        &self,
        context: expression::Context<'_>,
        unknown: &BTreeSet<String>,
    ) -> Result<bool, String> {
        match &self.parsed {
            Ok(parsed) => parsed.eval_with(context, unknown).map_err(|error| error.to_string()),
            Err(message) => Err(message.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
