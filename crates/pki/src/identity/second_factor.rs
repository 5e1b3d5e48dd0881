//! With which devices a user proved a second factor, and for how long that counts.

/// The devices with which a user proved a second factor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct SecondFactors {
    /// The one that was shown at sign-in, if one was. Whoever has a copy of the certificate and of its key has this.
    pub at_sign_in: Option<String>,
    /// The one that was shown for one session with the one app that the certificate is good for. Such a certificate
    /// is in the memory of the process that asked for it, and nowhere else.
    pub for_session: Option<String>,
}

// === impl SecondFactors ===

impl SecondFactors {
    /// Shown at sign-in, if at all.
    #[must_use]
    pub const fn shown_at_sign_in(device: Option<String>) -> Self {
        Self { at_sign_in: device, for_session: None }
    }

    /// Whether one was shown for the session.
    #[must_use]
    pub const fn are_fresh(&self) -> bool {
        self.for_session.is_some()
    }

    /// The device that was shown last.
    #[must_use]
    pub fn newest(&self) -> Option<&str> {
        self.for_session.as_deref().or(self.at_sign_in.as_deref())
    }

    /// All of them: a lock on any shuts the user out.
    pub fn devices(&self) -> impl Iterator<Item = &str> {
        [&self.at_sign_in, &self.for_session].into_iter().flatten().map(String::as_str)
    }
}
