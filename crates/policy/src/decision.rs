//! Decisions, and the permits without which nothing goes upstream.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::access::AppAccess;
use crate::entries::Kind;
use crate::explain::Explanation;

/// The one answer to the question whether something may be done.
#[derive(Debug)]
#[must_use]
pub enum Decision<'n> {
    /// Yes, with what has to be shown to whoever acts upstream.
    Allow(Permit<'n>),
    /// No.
    Deny(Denial<'n>),
}

/// What is done with an app.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject<'n> {
    /// Connecting to it.
    Connect,
    /// Calling a tool.
    Tool(Cow<'n, str>),
    /// Getting a prompt.
    Prompt(Cow<'n, str>),
    /// Using a resource, by URI or URI template.
    Resource(Cow<'n, str>),
}

/// Proof that a decision allowed something. Only this crate makes permits.
///
/// ```compile_fail
/// # fn forge(permit: policy::Permit<'_>) -> policy::Permit<'_> {
/// let policy::Permit { access, subject } = permit;
/// policy::Permit { access, subject }
/// # }
/// ```
///
/// A permit is used once, so it cannot be copied:
///
/// ```compile_fail
/// # fn copy(permit: &policy::Permit<'_>) {
/// let again = permit.clone();
/// let _: policy::Permit<'_> = again;
/// # }
/// ```
#[must_use]
pub struct Permit<'n> {
    access: AppAccess,
    subject: Subject<'n>,
}

/// A decision against something.
#[derive(Clone)]
pub struct Denial<'n> {
    access: AppAccess,
    subject: Subject<'n>,
    kind: DenialKind,
}

/// In which way something is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DenialKind {
    /// No role grants it.
    NotGranted,
    /// A role denies it.
    Denied,
    /// A role that had to be asked cannot be evaluated.
    Evaluation,
    /// A role of the user does not exist.
    UnknownRole,
    /// It needs a second factor for this session.
    MfaRequired,
    /// It needs a trusted device.
    DeviceRequired,
    /// The name is too long to be decided upon.
    TooLong,
}

/// Whether a verb is permitted on a kind of resource.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum RuleDecision {
    /// Yes, by this rule of this role.
    Allow {
        /// The role.
        role: Arc<str>,
        /// Position among its allow rules.
        rule: usize,
    },
    /// No.
    Deny(RuleDenial),
}

/// A verb that is not permitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleDenial {
    kind: String,
    verb: String,
    reason: String,
    evaluation_error: bool,
}

// === impl Decision ===

impl<'n> Decision<'n> {
    /// Whether it is allowed.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allow(_))
    }

    /// The permit, or the denial.
    ///
    /// # Errors
    ///
    /// The denial, when there is no permit.
    pub fn into_result(self) -> Result<Permit<'n>, Denial<'n>> {
        match self {
            Self::Allow(permit) => Ok(permit),
            Self::Deny(denial) => Err(denial),
        }
    }

    /// Why, for administrators.
    #[must_use]
    pub fn reasons(&self) -> Explanation {
        match self {
            Self::Allow(permit) => permit.reasons(),
            Self::Deny(denial) => denial.reasons(),
        }
    }
}

// === impl Subject ===

impl<'n> Subject<'n> {
    /// The use of something of this kind.
    #[must_use]
    pub fn of(kind: Kind, name: Cow<'n, str>) -> Self {
        match kind {
            Kind::Tool => Self::Tool(name),
            Kind::Prompt => Self::Prompt(name),
            Kind::Resource => Self::Resource(name),
        }
    }

    /// What kind of thing is used and its name; `None` for connecting.
    #[must_use]
    pub fn named(&self) -> Option<(Kind, &str)> {
        match self {
            Self::Connect => None,
            Self::Tool(name) => Some((Kind::Tool, name)),
            Self::Prompt(name) => Some((Kind::Prompt, name)),
            Self::Resource(name) => Some((Kind::Resource, name)),
        }
    }

    /// The same, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> Subject<'static> {
        match self {
            Self::Connect => Subject::Connect,
            Self::Tool(name) => Subject::Tool(Cow::Owned(name.into_owned())),
            Self::Prompt(name) => Subject::Prompt(Cow::Owned(name.into_owned())),
            Self::Resource(name) => Subject::Resource(Cow::Owned(name.into_owned())),
        }
    }
}

// === impl Permit ===

impl<'n> Permit<'n> {
    pub(crate) fn mint(access: AppAccess, subject: Subject<'n>) -> Self {
        Self { access, subject }
    }

    /// The app that may be used.
    #[must_use]
    pub fn app(&self) -> &str {
        self.access.app()
    }

    /// The user who may.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.access.roles().0.user
    }

    /// What may be done with the app.
    #[must_use]
    pub fn subject(&self) -> &Subject<'n> {
        &self.subject
    }

    /// Why, for administrators.
    #[must_use]
    pub fn reasons(&self) -> Explanation {
        self.access.explain(&self.subject)
    }

    /// The same permit, borrowing nothing.
    pub fn into_owned(self) -> Permit<'static> {
        Permit { access: self.access, subject: self.subject.into_owned() }
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("app", &self.app())
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

// === impl Denial ===

impl<'n> Denial<'n> {
    pub(crate) fn new(access: AppAccess, subject: Subject<'n>, kind: DenialKind) -> Self {
        Self { access, subject, kind }
    }

    /// In which way it is refused. For administrators and audit: to the user `NotGranted`, `Denied`,
    /// `Evaluation` and `UnknownRole` look alike.
    #[must_use]
    pub fn kind(&self) -> DenialKind {
        self.kind
    }

    /// The app concerned.
    #[must_use]
    pub fn app(&self) -> &str {
        self.access.app()
    }

    /// What was asked for.
    #[must_use]
    pub fn subject(&self) -> &Subject<'n> {
        &self.subject
    }

    /// Whether it is refused because a role cannot be evaluated.
    #[must_use]
    pub fn is_evaluation_error(&self) -> bool {
        matches!(self.kind, DenialKind::Evaluation | DenialKind::UnknownRole)
    }

    /// Whether a second factor, shown for the session, is what is missing.
    #[must_use]
    pub fn needs_second_factor(&self) -> bool {
        self.kind == DenialKind::MfaRequired
    }

    /// What the user may know. It names neither a role nor a pattern.
    #[must_use]
    pub fn public_message(&self) -> String {
        let app = self.app();
        match (self.kind, self.subject.named()) {
            (DenialKind::MfaRequired, _) => {
                format!("access to the app {app:?} needs a second factor for this session")
            }
            (DenialKind::DeviceRequired, _) => {
                format!("access to the app {app:?} needs a trusted device")
            }
            (DenialKind::TooLong, Some((kind, _))) => {
                format!("the name of the {} is too long", kind.noun())
            }
            (_, None) => format!("access to the app {app:?} denied: your roles do not permit it"),
            (_, Some((kind, _))) => format!(
                "your roles on the app {app:?} do not permit this {}; an administrator can change that",
                kind.noun()
            ),
        }
    }

    /// Why, for administrators.
    #[must_use]
    pub fn reasons(&self) -> Explanation {
        self.access.explain(&self.subject)
    }

    /// The same denial, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> Denial<'static> {
        Denial { access: self.access, subject: self.subject.into_owned(), kind: self.kind }
    }
}

impl fmt::Debug for Denial<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Denial")
            .field("app", &self.app())
            .field("subject", &self.subject)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// What the user may know; the same as [`Denial::public_message`].
impl fmt::Display for Denial<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.public_message())
    }
}

impl std::error::Error for Denial<'_> {}

// === impl RuleDecision ===

impl RuleDecision {
    /// Whether it is permitted.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Allow { .. })
    }

    /// Nothing, or the denial.
    ///
    /// # Errors
    ///
    /// The denial, when it is not permitted.
    pub fn into_result(self) -> Result<(), RuleDenial> {
        match self {
            Self::Allow { .. } => Ok(()),
            Self::Deny(denial) => Err(denial),
        }
    }
}

// === impl RuleDenial ===

impl RuleDenial {
    pub(crate) fn new(kind: &str, verb: &str, reason: String, evaluation_error: bool) -> Self {
        Self { kind: kind.to_owned(), verb: verb.to_owned(), reason, evaluation_error }
    }

    /// The kind asked about.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The verb asked about.
    #[must_use]
    pub fn verb(&self) -> &str {
        &self.verb
    }

    /// Whether it is refused because a rule cannot be evaluated.
    #[must_use]
    pub fn is_evaluation_error(&self) -> bool {
        self.evaluation_error
    }

    /// What the user may know.
    #[must_use]
    pub fn public_message(&self) -> String {
        format!("access denied to perform action {:?} on {:?}", self.verb, self.kind)
    }

    /// Why, for administrators.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// What the user may know; the same as [`RuleDenial::public_message`].
impl fmt::Display for RuleDenial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.public_message())
    }
}

impl std::error::Error for RuleDenial {}
