//! Users of this cluster who visit another, and users of others who visit this one.

use std::net::IpAddr;
use std::sync::Arc;

use api::{Error, Snapshot};
use pki::{BoundApp, UserIdentity, UserKind, Visit, VisitTools};
use policy::{AccessState, AppRef, Decision, MfaDemand, Patterns, RoleMap, RoleSet, RootTools};
use resource::{App, LockMode, MfaRequirement, Role, TrustedCluster};
use time::OffsetDateTime;

use super::{Held, OpCx, Rights, hold, refuse_elsewhere};
use crate::caller::Caller;
use crate::core::Core;
use crate::http::Peer;
use crate::{locks, roles};

/// What a user of this cluster takes along to another.
pub(crate) struct Granted {
    tools: VisitTools,
    /// Whether locks must be known to be up to date.
    pub(crate) strict: bool,
    /// Whether this cluster, or a role, wants a second factor for some app.
    pub(crate) wants_mfa: bool,
}

/// What another cluster is told of the tools of a user of this one, who calls from `client` and wants to go there, to
/// one app or for the list. Refused: whom any operation refuses, and who may use one thing and not this.
pub(crate) fn tools_of_visit(
    core: &Core,
    user: &UserIdentity,
    client: Option<IpAddr>,
    (cluster, app): (&str, Option<&str>),
) -> Result<Granted, Error> {
    // An app of the same name in another cluster is another app.
    match &user.app {
        None => {}
        Some(BoundApp::Here(_)) => {
            return Err(Error::denied(
                "this certificate is good for one MCP server of this cluster only",
            ));
        }
        Some(bound) if app.is_some_and(|app| bound.is_in(cluster, app)) => {}
        Some(BoundApp::Elsewhere(_)) => {
            return Err(Error::denied("this certificate is good for another MCP server only"));
        }
    }
    // What a bot holds of itself has no roles, and another cluster may give such users some.
    if user.kind == UserKind::Bot && user.roles.is_empty() {
        return Err(Error::denied("this certificate is good for being renewed only"));
    }
    let held = hold(core, user)?;
    refuse_elsewhere(user, &held.set, client)?;
    let told = held.set.granted_tools().map_err(|error| {
        Error::denied(format!("what your roles say about tools cannot be told elsewhere: {error}"))
    })?;
    let preference = core.replica.snapshot().auth_preference.clone();
    let preference = preference.as_deref().map(|preference| &preference.spec);
    let of_cluster = preference.and_then(|preference| preference.locking_mode);
    let strict = held.set.options().lock.or(of_cluster) == Some(LockMode::Strict);
    let demand = preference.and_then(|preference| preference.require_session_mfa);
    let wants_mfa = demand.is_some_and(MfaRequirement::is_required)
        || held.set.options().mfa != MfaDemand::Never;
    let tools = VisitTools { allowed: told.allowed, denied: told.denied };
    Ok(Granted { tools, strict, wants_mfa })
}

// === impl Granted ===

impl Granted {
    /// What a certificate says of it that is good in a cluster.
    pub(crate) fn visit(self, cluster: &str) -> Visit {
        Visit { cluster: cluster.to_owned(), tools: self.tools }
    }
}

// === impl OpCx ===

impl OpCx {
    /// A visitor, verified, for whom the calling proxy asks, with the roles that this cluster gives.
    pub(crate) fn of_visitor(
        &self,
        user: &Arc<UserIdentity>,
        client: Option<IpAddr>,
    ) -> Result<Self, Error> {
        if user.app.is_some() {
            return Err(Error::denied("this certificate is good for one MCP server only"));
        }
        let held = hold_visitor(&self.core, user)?;
        refuse_elsewhere(user, &held.set, client)?;
        let peer = Peer {
            caller: Caller::Visitor(user.clone()),
            chain: Arc::new([]),
            address: None,
            connection: self.peer.connection.clone(),
        };
        Ok(Self { core: self.core.clone(), peer, rights: Rights::Roles(Arc::new(held)) })
    }

    /// What the caller's roles say of the tools, prompts and resources of an app, if it is roles that decide.
    pub(crate) fn patterns_of(&self, app: &App) -> Option<[Patterns; 3]> {
        let Rights::Roles(held) = &self.rights else { return None };
        let known = app.known_labels();
        let state = AccessState { mfa_verified: true, ..AccessState::default() };
        let access = held.set.access_with(AppRef::known(app.name(), &known), state);
        Some(policy::Kind::ALL.map(|kind| access.patterns(kind)))
    }

    /// Whether the caller is let into an app only with a second factor that is shown for the session.
    pub(crate) fn needs_second_factor(&self, app: &App) -> bool {
        let Rights::Roles(held) = &self.rights else { return false };
        let known = app.known_labels();
        let cluster_requires_mfa = super::cluster_requires_mfa(&self.core);
        let state = AccessState { cluster_requires_mfa, ..AccessState::default() };
        let access = held.set.access_with(AppRef::known(app.name(), &known), state);
        matches!(access.connect(), Decision::Deny(denial) if denial.needs_second_factor())
    }
}

/// A visitor as this cluster sees one: with the roles that it gives, by which everything is decided here, and
/// the name by which its own users are not mistaken for one.
pub(crate) struct Guest {
    /// What the visitor is called here.
    pub(crate) name: String,
    /// The roles here.
    pub(crate) roles: Vec<String>,
}

/// What a visitor, verified, is here as of now.
pub(crate) fn guest(
    snapshot: &Snapshot,
    user: &UserIdentity,
    now: OffsetDateTime,
) -> Result<Guest, Error> {
    let trusted = snapshot.trusted_clusters.get(&user.cluster);
    let in_force = |cluster: &&Arc<TrustedCluster>| {
        cluster.spec.enabled && cluster.metadata.expires.is_none_or(|end| now < end)
    };
    let trusted = trusted.filter(in_force).ok_or_else(|| {
        Error::denied(format!("users of cluster {:?} are not let in here", user.cluster))
    })?;
    let unmapped = |error| Error::denied(format!("failed to map roles: {error}"));
    let map = RoleMap::for_trusted_cluster(&trusted.spec.role_map).map_err(unmapped)?;
    let mapped = map.apply(&user.roles).map_err(unmapped)?;
    if mapped.is_empty() {
        return Err(Error::denied(format!(
            "no roles mapped for remote user {:?} of cluster {:?}, who came with the roles [{}]",
            user.name,
            user.cluster,
            user.roles.join(", ")
        )));
    }
    Ok(Guest { name: snapshot.visitor_name(user)?, roles: mapped })
}

/// The rights of a visitor as of now.
pub(super) fn hold_visitor(core: &Core, user: &UserIdentity) -> Result<Held, Error> {
    let snapshot = core.replica.snapshot();
    let now = core.clock.now();
    let Guest { name, roles: mapped } = guest(&snapshot, user, now)?;
    locks::refuse_visitor(&snapshot, now, user, &mapped)?;
    let roles: Vec<Arc<Role>> = roles::of_names(&snapshot, &mapped)?;
    let versions =
        roles.iter().map(|role| (role.name().to_owned(), role.metadata.revision.clone())).collect();
    let find = |name: &str| roles.iter().find(|role| role.name() == name).cloned();
    let tools = user.visit.as_ref().map(|visit| &visit.tools);
    let root = tools.map(|tools| RootTools { allowed: &tools.allowed, denied: &tools.denied });
    let described = policy::User { root, ..policy::User::new(&name, &user.traits) };
    Ok(Held { set: RoleSet::resolve(&mapped, find, described), versions })
}
