//! The one app that a certificate is good for.

/// The one app that a certificate is good for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum BoundApp {
    /// In the cluster where the certificate is good: the user's own, or the one that is visited.
    Here(String),
    /// In another one, where the user's own lets the user on to. Boxed, as it is seldom there.
    Elsewhere(Box<AppElsewhere>),
}

/// An app of another cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AppElsewhere {
    /// The cluster.
    pub cluster: String,
    /// The app there.
    pub app: String,
}

// === impl BoundApp ===

impl BoundApp {
    /// An app of another cluster.
    #[must_use]
    pub fn elsewhere(cluster: String, app: String) -> Self {
        Self::Elsewhere(Box::new(AppElsewhere { cluster, app }))
    }

    /// The app's name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Here(app) => app,
            Self::Elsewhere(there) => &there.app,
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
    pub fn is_in(&self, cluster: &str, name: &str) -> bool {
        matches!(self, Self::Elsewhere(there) if there.cluster == cluster && there.app == name)
    }
}
