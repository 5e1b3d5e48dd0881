//! Certificates for users: what they say and how long they last.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use api::wire::{UserCertificateRequest, UserCredentials};
use api::{Error, ErrorKind};
use pki::{BoundApp, Certificate, Identity, PublicKey, SecondFactors, UserIdentity, UserKind};
use resource::{Kind, Resource, Role, User};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::bot;
use crate::core::Core;
use crate::cx::{OpCx, Target};
use crate::verb::Verb;
use crate::{events, locks, roles, user};

/// How long a certificate lives when nobody says.
const DEFAULT_TTL: Duration = Duration::from_secs(12 * 60 * 60);
/// The longest life of a user certificate, whatever roles allow.
pub(crate) const MAX_TTL: Duration = Duration::from_secs(30 * 60 * 60);
/// The shortest: less could not be used before it ends.
const MIN_TTL: Duration = Duration::from_secs(60);

/// For whom a certificate is asked.
pub(crate) struct Ticket<'a> {
    pub(crate) user: &'a User,
    pub(crate) key: &'a PublicKey,
    pub(crate) ttl_seconds: Option<u64>,
    /// Where who asks is, as a proxy saw it: an address, with or without a port.
    pub(crate) client: Option<&'a str>,
    /// The device that proved a second factor.
    pub(crate) device: Option<String>,
    /// The one app that it is to be good for.
    pub(crate) app: Option<String>,
    /// The roles of a bot's certificate; none if it is not one.
    pub(crate) bot_roles: Option<Vec<String>>,
    /// When it is to end at the latest.
    pub(crate) until: Option<OffsetDateTime>,
    /// What names the sign-in; a new name if there is none.
    pub(crate) login_id: Option<String>,
    /// The place where a bot runs.
    pub(crate) bot_instance_id: Option<String>,
    /// By what a bot joined.
    pub(crate) join_token: Option<String>,
}

/// A certificate, and what it says.
pub(crate) struct Issued {
    pub(crate) identity: Identity,
    pub(crate) credentials: UserCredentials,
}

// === impl Ticket ===

impl<'a> Ticket<'a> {
    /// An ordinary certificate.
    pub(crate) fn of(user: &'a User, key: &'a PublicKey) -> Self {
        let (ttl_seconds, client, device) = (None, None, None);
        let (app, bot_roles, until, login_id) = (None, None, None, None);
        Self {
            user,
            key,
            ttl_seconds,
            client,
            device,
            app,
            bot_roles,
            until,
            login_id,
            bot_instance_id: None,
            join_token: None,
        }
    }
}

/// The public key that a caller wants certified.
pub(crate) fn read_key(pem: &str) -> Result<PublicKey, Error> {
    PublicKey::from_pem(pem)
        .map_err(|error| Error::invalid(format!("the public key cannot be used: {error}")))
}

/// The user of this cluster whose certificate somebody else shows.
pub(crate) fn of_user(core: &Core, pem: &str) -> Result<(Certificate, Arc<UserIdentity>), Error> {
    let certificate = Certificate::from_pem(pem)
        .map_err(|error| Error::invalid(format!("the user's certificate: {error}")))?;
    let identity =
        core.trust.verify(&[certificate.der().clone()], core.clock.now()).map_err(|error| {
            Error::denied(format!("the user's certificate is not accepted: {error}"))
        })?;
    let user =
        identity.as_user().ok_or_else(|| Error::denied("the certificate is not a user's"))?;
    Ok((certificate, Arc::new(user.clone())))
}

/// A user of another cluster who visits this one, whose certificate somebody else shows.
pub(crate) fn of_visitor(core: &Core, pem: &str) -> Result<Arc<UserIdentity>, Error> {
    let certificate = Certificate::from_pem(pem)
        .map_err(|error| Error::invalid(format!("the visitor's certificate: {error}")))?;
    let identity =
        core.trust.verify_foreign(&[certificate.der().clone()], core.clock.now()).map_err(
            |error| Error::denied(format!("the visitor's certificate is not accepted: {error}")),
        )?;
    let user =
        identity.as_user().ok_or_else(|| Error::denied("the certificate is not a visitor's"))?;
    Ok(Arc::new(user.clone()))
}

/// Whether a certificate says that it is for a visit. Nothing else of it is believed.
pub(crate) fn is_for_visit(pem: &str) -> bool {
    let identity = Certificate::from_pem(pem).ok().and_then(|one| one.unverified_identity().ok());
    identity.is_some_and(|one| one.as_user().is_some_and(|user| user.visit.is_some()))
}

/// A refusal of the user whose certificate somebody shows, who is who they say.
pub(crate) fn of_somebody_else(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Unauthenticated => {
            let denied = Error::denied(error.message().to_owned());
            error.hints().iter().fold(denied, |denied, hint| denied.hint(hint))
        }
        _ => error,
    }
}

/// The address in what a proxy says of where somebody is: an address, with or without a port.
pub(crate) fn ip_of(text: &str) -> Option<IpAddr> {
    let address = text.parse::<SocketAddr>().map(|address| address.ip());
    address.or_else(|_| text.parse()).ok()
}

/// Certifies a key as a user's. Who may ask is the caller's business.
pub(crate) async fn issue(core: &Core, ticket: &Ticket<'_>) -> Result<Issued, Error> {
    let identity = draw_up(core, ticket).await?;
    // Whatever it says that a lock may name.
    locks::refuse_identity(&core.replica.snapshot(), core.clock.now(), &identity)?;
    let certificate = seal(core, ticket.key, &identity)?;
    let credentials = UserCredentials {
        user: identity.name.clone(),
        roles: identity.roles.clone(),
        traits: identity.traits.clone(),
        certificate: certificate.to_pem(),
        cluster: core.cluster.clone(),
        authorities: core.authorities.current().wire(),
        valid_until: identity.expires,
    };
    Ok(Issued { identity: identity.into(), credentials })
}

/// What a certificate is to say.
pub(crate) async fn draw_up(core: &Core, ticket: &Ticket<'_>) -> Result<UserIdentity, Error> {
    let Ticket { user, ttl_seconds, client, device, app, bot_roles, until, login_id, .. } = ticket;
    // Bots are certified by joining, whatever else somebody can do in the name of users.
    if bot_roles.is_none() {
        bot::refuse_bot(user)?;
    }
    let now = core.clock.now();
    let roles = roles::of_user(core, user).await?;
    let ttl = ttl(core, &roles, *ttl_seconds);
    let mut expires = now + ttl;
    for end in [user.spec.expires, user.metadata.expires, *until].into_iter().flatten() {
        expires = expires.min(end);
    }
    Ok(UserIdentity {
        name: user.name().to_owned(),
        kind: if bot_roles.is_some() { UserKind::Bot } else { UserKind::Human },
        roles: bot_roles.clone().unwrap_or_else(|| user.spec.roles.clone()),
        traits: user.spec.traits.clone(),
        cluster: core.cluster.clone(),
        login_id: login_id.clone().unwrap_or_else(|| Uuid::new_v4().to_string()),
        mfa: SecondFactors::shown_at_sign_in(device.clone()),
        source_ip: pin(&roles, user.name(), *client)?,
        app: app.clone().map(BoundApp::Here),
        visit: None,
        bot_instance_id: ticket.bot_instance_id.clone(),
        oauth_grant: None,
        join_token: ticket.join_token.clone(),
        issued: now,
        expires,
    })
}

/// Certifies a key as that of whom `identity` describes.
pub(crate) fn seal(
    core: &Core,
    key: &PublicKey,
    identity: &UserIdentity,
) -> Result<Certificate, Error> {
    core.authorities.current().user.issue_user(key, identity).map_err(|error| {
        // Too many traits or roles for a certificate is something that an administrator can mend.
        Error::invalid(format!("user {:?} cannot be certified: {error}", identity.name))
    })
}

/// Certifies a key for another user, at an administrator's request.
pub(crate) async fn sign(
    cx: &OpCx,
    name: &str,
    request: &UserCertificateRequest,
) -> Result<UserCredentials, Error> {
    let core = cx.core();
    let user = core.records.find(Kind::User, name).await?;
    cx.authorize(Verb::Impersonate, Kind::User, Target::found(user.as_ref(), name))?;
    let Some(Resource::User(user)) = user else {
        return Err(Error::not_found(Kind::User.not_found(name)));
    };
    let key = read_key(&request.public_key)?;
    let now = core.clock.now();
    if !user::is_active(&user, now) {
        return Err(Error::denied(format!("user {name:?} is not active at the moment")));
    }
    locks::refuse_user(&core.replica.snapshot(), now, &user, None)?;
    let ticket = Ticket { ttl_seconds: request.ttl_seconds, ..Ticket::of(&user, &key) };
    let issued = issue(core, &ticket).await?;
    events::certificate(&core.audit, &events::actor(cx.caller()), &issued.identity).await?;
    Ok(issued.credentials)
}

/// The address that a certificate is bound to, if a role of the user wants it to be.
fn pin(roles: &[Role], user: &str, client: Option<&str>) -> Result<Option<IpAddr>, Error> {
    let wants = |role: &&Role| role.spec.options.pin_source_ip == Some(true);
    let Some(role) = roles.iter().find(wants) else { return Ok(None) };
    let known = client.and_then(ip_of);
    let known = known.map(|ip| ip.to_canonical());
    known.map(Some).ok_or_else(|| {
        let role = role.name();
        Error::denied(format!(
            "role {role:?} binds the certificates of {user:?} to the address that they are asked from \
             (options.pin_source_ip), and no address is known here"
        ))
        .hint("sign in with `tsh login` on the machine where the certificate is to be used")
    })
}

/// What was asked for, within what the cluster and every role of the user allow.
fn ttl(core: &Core, roles: &[Role], asked: Option<u64>) -> Duration {
    let longest = roles
        .iter()
        .filter_map(|role| role.spec.options.max_session_ttl)
        .filter(|limit| !limit.is_zero())
        .fold(MAX_TTL, Duration::min);
    let preference = core.replica.snapshot().auth_preference.clone();
    let default = preference.and_then(|found| found.spec.default_session_ttl);
    let asked = asked.map(Duration::from_secs).or(default).unwrap_or(DEFAULT_TTL);
    asked.max(MIN_TTL).min(longest)
}
