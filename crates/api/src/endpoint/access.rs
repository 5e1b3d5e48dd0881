//! Who may call the endpoints of the auth API.

/// Who may call an endpoint, before the operation itself looks closer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody who can reach it.
    Public,
    /// Any identity that verifies.
    Authenticated,
    /// Only the named kind of service.
    Service(ServiceClass),
    /// Whoever has a rule for the verb on the kind, decided by the policy engine.
    Rule,
}

/// Services, as far as endpoints tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceClass {
    /// A proxy.
    Proxy,
    /// An agent.
    App,
    /// Any service of the cluster.
    Any,
    /// An auth service of another cluster that joined this one, and nobody of this one.
    ForeignAuth,
}
