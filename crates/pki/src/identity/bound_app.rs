//! The one app that a certificate is good for.

/// The one app that a certificate is good for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum BoundApp {
    /// In the cluster where the certificate is good: the user's own, or the one that is visited.
    Here(String),
    /// In another one, where the user's own lets the user on to.
    Elsewhere {
        /// The cluster.
        cluster: String,
        /// The app there.
        app: String,
    },
}

// === impl BoundApp ===

impl BoundApp {
    /// The app's name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Here(app) | Self::Elsewhere { app, .. } => app,
        }
    }

    /// Whether it is this app of the cluster where the certificate is good. One of that name in another cluster is
    /// another app.
    #[must_use]
    pub fn is_here(&self, name: &str) -> bool {
        matches!(self, Self::Here(app) if app == name)
    }

    /// Whether it is this app of another cluster.
    #[must_use]
    pub fn is_in(&self, there: &str, name: &str) -> bool {
        matches!(self, Self::Elsewhere { cluster, app } if cluster == there && app == name)
    }
}
