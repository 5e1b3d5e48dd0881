//! What is asked: about which app, in which session.

use std::collections::BTreeSet;

use resource::Labels;
use resource::app::KnownLabels;

static NONE: BTreeSet<String> = BTreeSet::new();

/// An app to decide about.
#[derive(Debug, Clone, Copy)]
pub struct AppRef<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its namespace; empty for the default.
    pub namespace: &'a str,
    /// Its labels, static and dynamic ones together, as far as they have values.
    pub labels: &'a Labels,
    /// Labels that it has and of which nobody knows the values yet. Whatever could turn on one of them
    /// is decided as if it forbade: see [`AppRef::with_unknown`].
    pub unknown: &'a BTreeSet<String>,
}

/// What is known about the session that asks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccessState {
    /// A second factor was shown for this session.
    pub mfa_verified: bool,
    /// The cluster demands a second factor for every session.
    pub cluster_requires_mfa: bool,
    /// Whether devices are looked at, and what was found.
    pub device: DeviceTrust,
}

/// What is known about the user's device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DeviceTrust {
    /// The cluster does not look at devices.
    #[default]
    NotEvaluated,
    /// The device is not known.
    Unknown,
    /// The device is trusted.
    Trusted,
}

// === impl AppRef ===

impl<'a> AppRef<'a> {
    /// An app of the default namespace.
    #[must_use]
    pub fn new(name: &'a str, labels: &'a Labels) -> Self {
        Self { name, namespace: "", labels, unknown: &NONE }
    }

    /// An app of the default namespace, with its labels as they are known.
    #[must_use]
    pub fn known(name: &'a str, known: &'a KnownLabels) -> Self {
        Self::new(name, &known.labels).with_unknown(&known.unknown)
    }

    /// The same app with labels whose values are not known yet.
    ///
    /// A deny that turns on one of them cannot be evaluated, which denies; a selector that allows does
    /// not hold by one, and an expression that reads one cannot be evaluated, which never allows.
    #[must_use]
    pub fn with_unknown(self, unknown: &'a BTreeSet<String>) -> Self {
        Self { unknown, ..self }
    }
}
