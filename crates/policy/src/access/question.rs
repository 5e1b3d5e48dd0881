//! What is asked: about which app, in which session.

use resource::Labels;

/// An app to decide about.
#[derive(Debug, Clone, Copy)]
pub struct AppRef<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its namespace; empty for the default.
    pub namespace: &'a str,
    /// Its labels, static and dynamic ones together.
    pub labels: &'a Labels,
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
        Self { name, namespace: "", labels }
    }
}
