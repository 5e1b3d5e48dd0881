//! The context of an operation: who asks, by what rights, and whether a thing is allowed.
//!
//! There is one way to get one, and that is to be authenticated against the newest state.

mod visits;

use std::net::IpAddr;
use std::sync::Arc;

use api::{Error, ErrorKind};
use pki::{Service, ServiceIdentity, UserIdentity};
use policy::{AccessState, AppRef, Decision, ResourceRef, RoleSet, RuleContext};
use resource::{App, AppServer, Kind, Metadata, MfaRequirement, Resource, Revision, Role, Secrets};
use rustls::pki_types::CertificateDer;

use self::visits::hold_visitor;
pub(crate) use self::visits::{Granted, Guest, guest, tools_of_visit};
use crate::caller::Caller;
use crate::core::Core;
use crate::http::Peer;
use crate::rights::{self, Extent};
use crate::verb::Verb;
use crate::{gate, locks, roles, user};

/// Who asks, and by what rights.
#[derive(Clone, Debug)]
pub(crate) struct OpCx {
    core: Arc<Core>,
    peer: Peer,
    rights: Rights,
}

/// By what a caller may do things.
#[derive(Clone, Debug)]
enum Rights {
    /// By being on the auth service's own machine.
    Everything,
    /// By the fixed rights of a service.
    Host(Arc<ServiceIdentity>),
    /// By roles.
    Roles(Arc<Held>),
    /// By none.
    Nothing,
}

/// To what something is to be done.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target<'a> {
    /// To resources of a kind, whichever.
    Any,
    /// To the one of this name, which is not there.
    Named(&'a str),
    /// To this one.
    Resource(&'a Resource),
    /// To this app.
    App(&'a App),
    /// To this record of an app that is served.
    Server(&'a AppServer),
}

/// The roles of a user.
#[derive(Debug)]
struct Held {
    set: RoleSet,
    /// Which versions of which roles these are.
    versions: Vec<(String, Option<Revision>)>,
}

// === impl OpCx ===

impl OpCx {
    /// Looks a caller up in the newest state. Refused: whose evidence has expired, who is locked or
    /// gone, whose roles are not all there.
    pub(crate) fn authenticate(core: &Arc<Core>, peer: &Peer) -> Result<Self, Error> {
        let rights = match &peer.caller {
            Caller::Anonymous => Rights::Nothing,
            Caller::ForeignAuth(_) => {
                refuse_expired(&peer.caller, core.clock.now())?;
                refuse_disbelieved(core, peer)?;
                Rights::Nothing
            }
            // They come through a proxy of ours, with what they show in its request.
            Caller::Visitor(_) => {
                return Err(Error::denied("only who is of this cluster may do this"));
            }
            Caller::LocalAdmin { .. } => Rights::Everything,
            Caller::Service(service) => {
                let now = core.clock.now();
                refuse_expired(&peer.caller, now)?;
                refuse_disbelieved(core, peer)?;
                locks::refuse_service(&core.replica.snapshot(), now, service)?;
                Rights::Host(service.clone())
            }
            Caller::User(identity) => {
                refuse_expired(&peer.caller, core.clock.now())?;
                refuse_disbelieved(core, peer)?;
                if identity.app.is_some() {
                    return Err(Error::denied("this certificate is good for one MCP server only"));
                }
                let held = hold(core, identity)?;
                refuse_elsewhere(identity, &held.set, peer.address.map(|address| address.ip()))?;
                Rights::Roles(Arc::new(held))
            }
        };
        Ok(Self { core: core.clone(), peer: peer.clone(), rights })
    }

    /// Who asks.
    pub(crate) fn caller(&self) -> &Caller {
        &self.peer.caller
    }

    /// The certificates that say so.
    pub(crate) fn chain(&self) -> &[CertificateDer<'static>] {
        &self.peer.chain
    }

    /// Where the connection comes from.
    pub(crate) fn remote(&self) -> Option<String> {
        self.peer.address.map(|address| address.to_string())
    }

    /// What all operations share.
    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    /// The same caller, looked up again. [`ErrorKind::Gone`] when the rights are not the same any
    /// more, so that what was derived from them must be derived again.
    pub(crate) fn refresh(&self) -> Result<Self, Error> {
        let fresh = Self::authenticate(&self.core, &self.peer)?;
        if let (Rights::Roles(before), Rights::Roles(now)) = (&self.rights, &fresh.rights)
            && before.versions != now.versions
        {
            return Err(Error::new(ErrorKind::Gone, "your roles have changed; list again"));
        }
        Ok(fresh)
    }

    /// Refuses what the caller may not do to resources of a kind, or to this one.
    pub(crate) fn authorize(
        &self,
        verb: Verb,
        kind: Kind,
        target: Target<'_>,
    ) -> Result<(), Error> {
        if self.may(verb, kind, target) { Ok(()) } else { Err(self.refusal(verb, kind.as_str())) }
    }

    /// Whether the caller may do this to resources of a kind, or to this one. For apps, labels
    /// decide as well: see [`OpCx::reaches`].
    pub(crate) fn may(&self, verb: Verb, kind: Kind, target: Target<'_>) -> bool {
        match &self.rights {
            Rights::Nothing => false,
            Rights::Everything => true,
            Rights::Host(host) => match rights::extent(host, verb, kind) {
                Some(Extent::All) => true,
                Some(Extent::Own) => {
                    target.name().is_none_or(|name| rights::owns(host, kind, name))
                }
                None => false,
            },
            Rights::Roles(held) => {
                self.is_own(verb, kind, target) || held.allows(verb, kind, target)
            }
        }
    }

    /// As [`OpCx::authorize`], for what rules name and no resource is.
    pub(crate) fn authorize_named(&self, verb: Verb, kind: &str) -> Result<(), Error> {
        let allowed = match &self.rights {
            Rights::Nothing | Rights::Host(_) => false,
            Rights::Everything => true,
            Rights::Roles(held) => {
                held.set.rule(kind, verb.as_str(), &RuleContext::NO_RESOURCE).is_allowed()
            }
        };
        if allowed { Ok(()) } else { Err(self.refusal(verb, kind)) }
    }

    /// Whether there may be resources of a kind to which the caller may do this.
    pub(crate) fn may_some(&self, verb: Verb, kind: Kind) -> bool {
        match &self.rights {
            Rights::Roles(held) => held.set.possibly(kind.as_str(), verb.as_str()),
            Rights::Nothing | Rights::Everything | Rights::Host(_) => {
                self.may(verb, kind, Target::Any)
            }
        }
    }

    /// Whether an app is one of those that the caller's roles are about, wherever it is served.
    pub(crate) fn reaches(&self, app: &App) -> bool {
        match &self.rights {
            Rights::Nothing => false,
            Rights::Everything | Rights::Host(_) => true,
            Rights::Roles(held) if app.spec.dynamic_labels.is_empty() => held.reaches(app),
            Rights::Roles(held) => self
                .core
                .catalog
                .views(app, self.core.clock.now())
                .iter()
                .any(|view| held.reaches(view)),
        }
    }

    /// The same of the app as one agent serves it.
    pub(crate) fn reaches_server(&self, server: &AppServer) -> bool {
        match &self.rights {
            Rights::Nothing => false,
            Rights::Everything | Rights::Host(_) => true,
            Rights::Roles(held) => held.reaches(&server.spec.app),
        }
    }

    /// Whether a resource belongs into what the caller is shown.
    pub(crate) fn sees(&self, verb: Verb, resource: &Resource) -> bool {
        match resource {
            Resource::App(app) => self.sees_app(verb, app),
            Resource::AppServer(server) => self.sees_server(verb, server),
            _ => self.may(verb, resource.kind(), Target::Resource(resource)),
        }
    }

    /// The same for an app.
    pub(crate) fn sees_app(&self, verb: Verb, app: &App) -> bool {
        self.reaches(app) && self.may(verb, Kind::App, Target::App(app))
    }

    /// The same for a record of an app that is served.
    pub(crate) fn sees_server(&self, verb: Verb, server: &AppServer) -> bool {
        self.reaches_server(server) && self.may(verb, Kind::AppServer, Target::Server(server))
    }

    /// Whether the caller is shown what a server is given in confidence: who asks for secrets and may
    /// set it, and the agents, which hand it on. Everybody who is in the cluster may read apps.
    pub(crate) fn is_confidant(&self, target: Target<'_>, secrets: Secrets) -> bool {
        let asks = secrets == Secrets::Include;
        match &self.rights {
            Rights::Nothing => false,
            Rights::Everything => asks,
            Rights::Host(host) => host.services.contains(&Service::App),
            Rights::Roles(_) => {
                asks && target.kind().is_some_and(|kind| self.may(Verb::Update, kind, target))
            }
        }
    }

    /// Whether the caller is shown everything of a kind, or things may be left out.
    pub(crate) fn sees_all_of(&self, kind: Kind) -> bool {
        match &self.rights {
            Rights::Everything => true,
            Rights::Host(host) => {
                let all = |verb| rights::extent(host, verb, kind) == Some(Extent::All);
                all(Verb::List) && all(Verb::ReadNoSecrets)
            }
            Rights::Roles(_) | Rights::Nothing => false,
        }
    }

    /// Users read their own user and the roles that they hold.
    fn is_own(&self, verb: Verb, kind: Kind, target: Target<'_>) -> bool {
        let (Some(user), Some(name)) = (self.peer.caller.user(), target.name()) else {
            return false;
        };
        verb == Verb::ReadNoSecrets
            && match kind {
                Kind::User => user.name == name,
                Kind::Role => user.roles.iter().any(|role| role == name),
                _ => false,
            }
    }

    fn refusal(&self, verb: Verb, kind: &str) -> Error {
        let error =
            || Error::denied(format!("access denied to perform action \"{verb}\" on \"{kind}\""));
        match &self.rights {
            Rights::Nothing => gate::unauthenticated(),
            Rights::Everything | Rights::Host(_) => error(),
            Rights::Roles(_) => error().hint(format!(
                "ask for a role with the rule {{resources: [{kind}], verbs: [{verb}]}}"
            )),
        }
    }
}

// === impl Target ===

impl<'a> Target<'a> {
    /// What was found under a name, or the name.
    pub(crate) fn found(found: Option<&'a Resource>, name: &'a str) -> Self {
        found.map_or(Self::Named(name), Self::Resource)
    }

    fn name(&self) -> Option<&'a str> {
        match *self {
            Self::Any => None,
            Self::Named(name) => Some(name),
            Self::Resource(resource) => Some(resource.name()),
            Self::App(app) => Some(app.name()),
            Self::Server(server) => Some(&server.metadata.name),
        }
    }

    /// Of which kind it is, if it is there.
    fn kind(&self) -> Option<Kind> {
        match *self {
            Self::Any | Self::Named(_) => None,
            Self::Resource(resource) => Some(resource.kind()),
            Self::App(_) => Some(Kind::App),
            Self::Server(_) => Some(Kind::AppServer),
        }
    }
}

// === impl Held ===

impl Held {
    fn allows(&self, verb: Verb, kind: Kind, target: Target<'_>) -> bool {
        let context = match target {
            Target::Resource(resource) => RuleContext::of(reference(resource)),
            Target::App(app) => RuleContext::of(described(Kind::App, &app.metadata)),
            Target::Server(server) => RuleContext::of(described(Kind::AppServer, &server.metadata)),
            Target::Any | Target::Named(_) => RuleContext::NO_RESOURCE,
        };
        self.set.rule(kind.as_str(), verb.as_str(), &context).is_allowed()
    }

    /// A second factor is asked for when an app is used, not when it is administered.
    fn reaches(&self, app: &App) -> bool {
        let known = app.known_labels();
        let state = AccessState { mfa_verified: true, ..AccessState::default() };
        self.set.access_with(AppRef::known(app.name(), &known), state).connect().is_allowed()
    }
}

/// Refuses a user, calling from `client`, who may not use an app, as the agent sees it that asks on the user's
/// behalf.
pub(crate) fn refuse_user_of(
    core: &Core,
    user: &UserIdentity,
    client: Option<IpAddr>,
    app: &App,
) -> Result<(), Error> {
    if user.app.as_ref().is_some_and(|bound| !bound.is_here(app.name())) {
        return Err(Error::denied("the user's certificate is good for another app"));
    }
    let held = if user.visit.is_some() { hold_visitor(core, user)? } else { hold(core, user)? };
    refuse_elsewhere(user, &held.set, client)?;
    refuse_ungranted(core, user)?;
    let state = AccessState {
        mfa_verified: user.mfa.are_fresh(),
        cluster_requires_mfa: cluster_requires_mfa(core),
        ..AccessState::default()
    };
    let known = app.known_labels();
    match held.set.access_with(AppRef::known(app.name(), &known), state).connect() {
        Decision::Allow(_) => Ok(()),
        Decision::Deny(denial) => {
            Err(Error::denied(denial.public_message()).because(denial.reasons().to_string()))
        }
    }
}

/// Refuses what rests on a grant to a client that is over. That of a visitor is the visitor's cluster's business.
fn refuse_ungranted(core: &Core, user: &UserIdentity) -> Result<(), Error> {
    let (Some(name), None) = (&user.oauth_grant, &user.visit) else { return Ok(()) };
    let snapshot = core.replica.snapshot();
    let rules = snapshot.auth_preference.as_deref().map(|preference| &preference.spec);
    let grant = snapshot.oauth_grants.get(name);
    let is_good = grant.is_some_and(|grant| {
        grant.spec.user == user.name && grant.is_in_force(rules, core.clock.now())
    });
    if is_good { Ok(()) } else { Err(Error::denied("what the user granted the client is over")) }
}

/// Whether the cluster wants a second factor to be shown for each session, whatever roles say.
pub(crate) fn cluster_requires_mfa(core: &Core) -> bool {
    let demand = core.replica.snapshot().auth_preference.clone();
    let demand = demand.and_then(|preference| preference.spec.require_session_mfa);
    demand.is_some_and(MfaRequirement::is_required)
}

/// A resource as clauses of rules look at it.
fn reference(resource: &Resource) -> ResourceRef<'_> {
    let described = described(resource.kind(), resource.metadata());
    match resource {
        Resource::CertAuthority(authority) => {
            ResourceRef { ca_type: authority.spec.authority.as_str(), ..described }
        }
        _ => described,
    }
}

fn described(kind: Kind, metadata: &Metadata) -> ResourceRef<'_> {
    ResourceRef {
        kind: kind.as_str(),
        name: &metadata.name,
        description: &metadata.description,
        labels: &metadata.labels,
        ca_type: "",
    }
}

/// Refuses a user who may do nothing as of now.
pub(crate) fn refuse_gone(core: &Core, identity: &UserIdentity) -> Result<(), Error> {
    hold(core, identity).map(drop)
}

/// The same, and one who calls from elsewhere than what was certified is bound to.
pub(crate) fn refuse_holder(
    core: &Core,
    identity: &UserIdentity,
    client: Option<IpAddr>,
) -> Result<(), Error> {
    refuse_elsewhere(identity, &hold(core, identity)?.set, client)
}

/// The rights of a user as of now.
fn hold(core: &Core, identity: &UserIdentity) -> Result<Held, Error> {
    let snapshot = core.replica.snapshot();
    let now = core.clock.now();
    let known = snapshot
        .users
        .get(&identity.name)
        .filter(|user| user::is_active(user, now) && user::is_holder(user, identity));
    if known.is_none() {
        return Err(Error::new(
            ErrorKind::Unauthenticated,
            "your user does not exist any more, or is not active",
        )
        .hint("sign in again, or ask your administrator"));
    }
    locks::refuse_identity(&snapshot, now, identity)?;
    let roles: Vec<Arc<Role>> = roles::of_names(&snapshot, &identity.roles)?;
    let versions =
        roles.iter().map(|role| (role.name().to_owned(), role.metadata.revision.clone())).collect();
    let find = |name: &str| roles.iter().find(|role| role.name() == name).cloned();
    let user = policy::User::new(&identity.name, &identity.traits);
    Ok(Held { set: RoleSet::resolve(&identity.roles, find, user), versions })
}

/// Refuses a certificate that is bound to another address, or to none although a role wants it to be.
fn refuse_elsewhere(
    user: &UserIdentity,
    set: &RoleSet,
    client: Option<IpAddr>,
) -> Result<(), Error> {
    let again = "sign in again with `tsh login` on this machine";
    match user.source_ip.map(|ip| ip.to_canonical()) {
        Some(pinned) if client.map(|ip| ip.to_canonical()) != Some(pinned) => Err(Error::new(
            ErrorKind::Unauthenticated,
            "the certificate is bound to another address",
        )
        .hint(again)),
        None if set.options().pin_source_ip => Err(Error::new(
            ErrorKind::Unauthenticated,
            "your roles want a certificate that is bound to your address, and this one is not",
        )
        .hint(again)),
        _ => Ok(()),
    }
}

/// The connection may have been opened before the authority was replaced.
fn refuse_disbelieved(core: &Core, peer: &Peer) -> Result<(), Error> {
    if peer.is_believed(core) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Unauthenticated,
        "the certificate is by an authority that the cluster has replaced",
    )
    .hint("sign in again with `tsh login`"))
}

fn refuse_expired(caller: &Caller, now: time::OffsetDateTime) -> Result<(), Error> {
    if caller.expires().is_some_and(|end| end <= now) {
        return Err(Error::new(ErrorKind::Unauthenticated, "the certificate has expired")
            .hint("sign in again with `tsh login`"));
    }
    Ok(())
}
