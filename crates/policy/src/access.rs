//! What one user may do with one app.

mod bits;
mod patterns;
mod question;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use resource::{Labels, canonical_label_key};

use crate::decision::{Decision, Denial, DenialKind, Permit, Subject};
use crate::entries::{Kind, ListVerdict};
use crate::explain::Explanation;
use crate::expression;
use crate::index::Search;
use crate::label::{Side, canonical};
use crate::limits::MAX_SUBJECT_BYTES;
use crate::role_set::{CompiledRole, LabelOutcome, MfaDemand, RoleSet};

use bits::Bits;
pub use patterns::Patterns;
pub use question::{AccessState, AppRef, DeviceTrust};

/// What one user may do with one app: all work on labels is done.
///
/// Owned and cheap to clone, so that it can be kept for as long as neither the roles nor the app change.
#[derive(Debug, Clone)]
pub struct AppAccess(Arc<Prepared>);

#[derive(Debug)]
struct Prepared {
    roles: RoleSet,
    app: Arc<str>,
    namespace: String,
    labels: Labels,
    /// Keys of labels without values yet, canonical.
    unknown: BTreeSet<String>,
    state: AccessState,
    /// The first role whose deny labels decide, with how.
    deny_stop: Option<(usize, DenialKind)>,
    /// Roles before that whose deny lists apply.
    denying: Bits,
    /// The first role whose allow labels cannot be evaluated.
    allow_error: Option<usize>,
    /// Roles before that which grant the app.
    granting: Bits,
    plans: [Plan; 3],
}

/// What is known about one kind before any name is.
#[derive(Debug, Clone, Copy)]
struct Plan {
    /// The first applicable deny list that has an entry which cannot be evaluated.
    deny_broken: Option<usize>,
    /// The first applicable allow list that has one.
    allow_broken: Option<usize>,
    /// The first granting role that leaves the kind open.
    open: Option<usize>,
}

/// The first role, in order, of which a pattern matches.
struct First<'a> {
    eligible: &'a Bits,
    best: usize,
    /// Any role will do: nothing that a later one may come behind.
    any: bool,
}

/// A place in the order in which a pass meets things.
type Event<T> = Option<(usize, u8, T)>;

// === impl AppAccess ===

impl AppAccess {
    pub(crate) fn new(roles: RoleSet, app: AppRef<'_>, state: AccessState) -> Self {
        let set = &roles.0;
        let labels = canonical(app.labels);
        let unknown: BTreeSet<String> =
            app.unknown.iter().map(|key| canonical_label_key(key).into_owned()).collect();
        let context = expression::Context { labels: &labels, user: &set.user, traits: &set.traits };
        let mut denying = Bits::new(set.roles.len());
        let mut deny_stop = None;
        for (at, role) in set.roles.iter().enumerate() {
            if !role.deny.covers(app.namespace) {
                continue;
            }
            match role.deny.judge_labels(context, &unknown) {
                LabelOutcome::Miss => denying.set(at),
                LabelOutcome::Hit => deny_stop = Some((at, DenialKind::Denied)),
                LabelOutcome::Error => deny_stop = Some((at, DenialKind::Evaluation)),
            }
            if deny_stop.is_some() {
                break;
            }
        }
        let mut granting = Bits::new(set.roles.len());
        let mut allow_error = None;
        for (at, role) in set.roles.iter().enumerate() {
            if !role.allow.covers(app.namespace) {
                continue;
            }
            match role.allow.judge_labels(context, &unknown) {
                LabelOutcome::Hit => granting.set(at),
                LabelOutcome::Miss => {}
                LabelOutcome::Error => {
                    allow_error = Some(at);
                    break;
                }
            }
        }
        let plans = Kind::ALL.map(|kind| Plan {
            deny_broken: denying.iter().find(|at| {
                set.roles.get(*at).is_some_and(|role| role.deny.list(kind).broken.is_some())
            }),
            allow_broken: granting.iter().find(|at| {
                set.roles.get(*at).is_some_and(|role| role.allow.list(kind).broken.is_some())
            }),
            open: granting.iter().find(|at| {
                kind.is_open_by_default()
                    && set.roles.get(*at).is_some_and(|role| !role.allow.list(kind).mentioned)
            }),
        });
        Self(Arc::new(Prepared {
            app: app.name.into(),
            namespace: app.namespace.to_owned(),
            labels,
            unknown,
            state,
            deny_stop,
            denying,
            allow_error,
            granting,
            plans,
            roles,
        }))
    }

    /// The app's name.
    #[must_use]
    pub fn app(&self) -> &str {
        &self.0.app
    }

    /// The roles that decide.
    #[must_use]
    pub fn roles(&self) -> &RoleSet {
        &self.0.roles
    }

    pub(crate) fn labels(&self) -> &Labels {
        &self.0.labels
    }

    pub(crate) fn unknown_labels(&self) -> &BTreeSet<String> {
        &self.0.unknown
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.0.namespace
    }

    pub(crate) fn state(&self) -> AccessState {
        self.0.state
    }

    /// Whether the user may connect to the app.
    pub fn connect(&self) -> Decision<'static> {
        self.decision(Subject::Connect, self.check_connect())
    }

    /// Whether the user may call a tool.
    pub fn tool<'n>(&self, name: &'n str) -> Decision<'n> {
        self.decide(Kind::Tool, name)
    }

    /// Whether the user may get a prompt.
    pub fn prompt<'n>(&self, name: &'n str) -> Decision<'n> {
        self.decide(Kind::Prompt, name)
    }

    /// Whether the user may read, subscribe to or be told of a resource, by URI. The entries of a list of
    /// resource templates are decided upon by their URI template.
    pub fn resource<'n>(&self, uri: &'n str) -> Decision<'n> {
        self.decide(Kind::Resource, uri)
    }

    /// Whether the user may use something of this kind.
    pub fn decide<'n>(&self, kind: Kind, name: &'n str) -> Decision<'n> {
        self.decision(Subject::of(kind, Cow::Borrowed(name)), self.check(kind, name))
    }

    /// Whether a list shows a tool: exactly when it may be called.
    #[must_use]
    pub fn tool_visible(&self, name: &str) -> bool {
        self.visible(Kind::Tool, name)
    }

    /// Whether a list shows something of this kind: exactly when it may be used.
    #[must_use]
    pub fn visible(&self, kind: Kind, name: &str) -> bool {
        self.check(kind, name).is_ok()
    }

    /// The patterns of one kind that apply to this app, for people to read. What the root of a visitor denies is
    /// among them where what it allows is.
    #[must_use]
    pub fn patterns(&self, kind: Kind) -> Patterns {
        let mut found = Patterns::default();
        let set = &self.0.roles.0;
        let plan = self.plan(kind);
        // What cannot be evaluated ends a pass: of a deny nothing is granted then, of an allow nothing
        // by the roles behind it.
        let grants = self.check_connect().is_ok() && plan.deny_broken.is_none();
        let last = plan.allow_broken.unwrap_or(usize::MAX);
        let mut guarded = false;
        for (at, role) in set.roles.iter().enumerate() {
            let list = role.allow.list(kind);
            if grants && at <= last && self.0.granting.has(at) {
                guarded |= kind == Kind::Tool && list.entries.iter().any(|entry| entry.guarded);
                if list.mentioned || !kind.is_open_by_default() {
                    found.allow(list);
                } else {
                    found.allow_everything();
                }
            }
            if role.deny.covers(&self.0.namespace) {
                found.deny(role.deny.list(kind));
            }
        }
        if guarded {
            found.deny(&set.root_denied);
        }
        found.each_once()
    }

    /// Why something is decided as it is.
    #[must_use]
    pub fn explain(&self, subject: &Subject<'_>) -> Explanation {
        Explanation::of(self, subject)
    }

    fn decision<'n>(&self, subject: Subject<'n>, found: Result<(), DenialKind>) -> Decision<'n> {
        match found {
            Ok(()) => Decision::Allow(Permit::mint(self.clone(), subject)),
            Err(kind) => Decision::Deny(Denial::new(self.clone(), subject, kind)),
        }
    }

    /// What refuses everything, whatever is asked.
    fn check_session(&self) -> Result<(), DenialKind> {
        let (set, state) = (&self.0.roles.0, self.0.state);
        if !set.missing.is_empty() {
            return Err(DenialKind::UnknownRole);
        }
        let always = state.cluster_requires_mfa || set.options.mfa == MfaDemand::Always;
        if always && !state.mfa_verified { Err(DenialKind::MfaRequired) } else { Ok(()) }
    }

    fn check_connect(&self) -> Result<(), DenialKind> {
        self.check_session()?;
        if let Some((_, kind)) = self.0.deny_stop {
            return Err(kind);
        }
        if self.looks_further() {
            return self.check_each_role(|_| ListVerdict::Unrestricted);
        }
        match (self.0.granting.iter().next(), self.0.allow_error) {
            (Some(_), _) => Ok(()),
            (None, Some(_)) => Err(DenialKind::Evaluation),
            (None, None) => Err(DenialKind::NotGranted),
        }
    }

    /// The decision about a name; allocates nothing.
    fn check(&self, kind: Kind, name: &str) -> Result<(), DenialKind> {
        self.check_session()?;
        if name.len() > MAX_SUBJECT_BYTES {
            return Err(DenialKind::TooLong);
        }
        let prepared = &*self.0;
        let set = &prepared.roles.0;
        let plan = self.plan(kind);
        let root_denies = set.guarded && self.root_denies(kind, name);

        let any = prepared.deny_stop.is_none() && plan.deny_broken.is_none();
        let mut search = First { eligible: &prepared.denying, best: usize::MAX, any };
        let list = |at: usize| set.roles.get(at).map(|role| role.deny.list(kind));
        set.index(Side::Deny, kind).search(name, list, root_denies, &mut search);
        let denied = first([
            prepared.deny_stop.map(|(at, kind)| (at, 0, kind)),
            search.hit().map(|at| (at, 1, DenialKind::Denied)),
            plan.deny_broken.map(|at| (at, 2, DenialKind::Evaluation)),
        ]);
        if let Some(kind) = denied {
            return Err(kind);
        }

        if self.looks_further() {
            return self.check_each_role(|role| {
                role.allow.list(kind).judge(kind, Side::Allow, name, root_denies)
            });
        }
        let any = prepared.allow_error.is_none() && plan.allow_broken.is_none();
        let best = plan.open.unwrap_or(usize::MAX);
        let mut search = First { eligible: &prepared.granting, best, any };
        let list = |at: usize| set.roles.get(at).map(|role| role.allow.list(kind));
        set.index(Side::Allow, kind).search(name, list, root_denies, &mut search);
        first([
            search.hit().map(|at| (at, 0, Ok(()))),
            plan.allow_broken.map(|at| (at, 1, Err(DenialKind::Evaluation))),
            prepared.allow_error.map(|at| (at, 0, Err(DenialKind::Evaluation))),
        ])
        .unwrap_or(Err(DenialKind::NotGranted))
    }

    fn plan(&self, kind: Kind) -> &Plan {
        let [tools, prompts, resources] = &self.0.plans;
        match kind {
            Kind::Tool => tools,
            Kind::Prompt => prompts,
            Kind::Resource => resources,
        }
    }

    /// Whether a grant is not the end: a later role may demand what the session does not have.
    fn looks_further(&self) -> bool {
        !(self.mfa_satisfied() && self.device_satisfied())
    }

    pub(crate) fn mfa_satisfied(&self) -> bool {
        self.0.state.mfa_verified || self.0.roles.0.options.mfa == MfaDemand::Never
    }

    pub(crate) fn device_satisfied(&self) -> bool {
        self.0.state.device != DeviceTrust::Unknown
    }

    /// The allow pass role by role, to its end.
    fn check_each_role<'a>(
        &'a self,
        verdict: impl Fn(&'a CompiledRole) -> ListVerdict<'a>,
    ) -> Result<(), DenialKind> {
        let mut granted = Err(DenialKind::NotGranted);
        for at in self.0.granting.iter() {
            let Some(role) = self.0.roles.0.roles.get(at) else { continue };
            match verdict(role) {
                ListVerdict::Miss => continue,
                ListVerdict::Broken(_) => return Err(DenialKind::Evaluation),
                ListVerdict::Hit(_) | ListVerdict::Unrestricted => {}
            }
            if role.demands_mfa && !self.mfa_satisfied() {
                return Err(DenialKind::MfaRequired);
            }
            if role.demands_device && !self.device_satisfied() {
                return Err(DenialKind::DeviceRequired);
            }
            granted = Ok(());
        }
        match self.0.allow_error {
            Some(_) => Err(DenialKind::Evaluation),
            None => granted,
        }
    }

    /// Whether the root cluster of the user denies a tool, as far as that can be told.
    pub(crate) fn root_denies(&self, kind: Kind, name: &str) -> bool {
        let denied = &self.0.roles.0.root_denied;
        kind == Kind::Tool
            && !matches!(denied.judge(kind, Side::Deny, name, false), ListVerdict::Miss)
    }
}

// === impl First ===

impl First<'_> {
    fn hit(&self) -> Option<usize> {
        (self.best != usize::MAX).then_some(self.best)
    }
}

impl Search for First<'_> {
    fn wants(&self, role: usize) -> bool {
        role < self.best && self.eligible.has(role)
    }

    fn found(&mut self, role: usize) -> bool {
        self.best = role;
        self.any
    }
}

/// What is met first: by role, then by the order of steps within a role.
fn first<T>(events: [Event<T>; 3]) -> Option<T> {
    events.into_iter().flatten().min_by_key(|(at, step, _)| (*at, *step)).map(|(_, _, what)| what)
}

#[cfg(test)]
mod tests;
