//! Signed statements of who a user is, for upstreams: what an agent shows to the MCP server of an
//! app so that the server need not take anybody's word for it.
//!
//! An agent gets one for a user whose certificate it shows, for an app that it serves and that the
//! user may use. The audience is the app's address, and an address that is registered belongs to
//! the apps that are registered with it: an agent cannot make up an app of its own to be given a
//! statement for somebody else's server.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use api::wire::{Assertion, AssertionRequest};
use api::{Error, ErrorKind, issuer_of};
use pki::jwt::JwtError;
use pki::{ServiceIdentity, UserIdentity};
use resource::app::{JwtClaims, Transport};
use resource::{App, Kind, Resource, Traits};
use serde::Serialize;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::core::Core;
use crate::cx::{self, Guest, OpCx};
use crate::events::{self, Statement};
use crate::{certificate, gate, locks};

/// The longest life of a statement, by its own times.
const LIFE: Duration = Duration::minutes(10);
/// Statements begin this much before they are signed, because many verifiers allow for no
/// difference between clocks. It is part of their life.
const BACKDATE: Duration = Duration::seconds(30);

/// What a token says, by the names of RFC 7519 section 4.1 and those of upstreams in use.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: [&'a str; 1],
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: &'a str,
    username: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traits: Option<&'a Traits>,
}

/// What an ID token says (OpenID Connect Core 1.0, sections 2 and 5.1).
#[derive(Serialize)]
struct IdClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: i64,
    nbf: i64,
    exp: i64,
    auth_time: i64,
    jti: &'a str,
    preferred_username: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traits: Option<&'a Traits>,
}

/// Signs who the user is that an agent shows the certificate of.
pub(crate) async fn sign(cx: &OpCx, request: AssertionRequest) -> Result<Assertion, Error> {
    let core = cx.core();
    let Some(agent) = cx.caller().service() else { return Err(gate::unauthenticated()) };
    let Who { certified, user } = who(core, &request.certificate)?;
    let app = served(core, agent, &request).await?;
    require_http(&app)?;
    let client = request.client_addr.as_deref().and_then(|text| text.parse::<SocketAddr>().ok());
    admit(core, agent, &certified, &user.roles, client.map(|address| address.ip()), &app)?;

    let now = core.clock.now();
    let (from, until) = ((now - BACKDATE), user.expires.min(now - BACKDATE + LIFE));
    if until <= now {
        return Err(Error::denied("the user's certificate has expired"));
    }
    let snapshot = core.replica.snapshot();
    let issuer = issuer_of(&snapshot);
    let token_ids: Vec<String> =
        (0..1 + usize::from(issuer.is_some())).map(|_| Uuid::new_v4().to_string()).collect();
    let claims = app.spec.rewrite.as_ref().map_or_else(JwtClaims::default, |r| r.jwt_claims);
    let statement = Statement {
        user: &user,
        app: app.name(),
        uri: &app.spec.uri,
        agent,
        token_ids: &token_ids,
        claims: claims.as_str(),
        expires: until,
        client: request.client_addr.as_deref(),
    };
    let signed = write(core, &statement, claims, issuer.as_deref(), from)?;
    events::assertion(cx, &statement).await?;
    Ok(signed)
}

/// Signs the tokens of a statement.
fn write(
    core: &Core,
    statement: &Statement<'_>,
    claims: JwtClaims,
    issuer: Option<&str>,
    from: OffsetDateTime,
) -> Result<Assertion, Error> {
    let (user, until) = (statement.user, statement.expires);
    let roles = matches!(claims, JwtClaims::Roles | JwtClaims::RolesAndTraits)
        .then_some(user.roles.as_slice());
    let traits =
        matches!(claims, JwtClaims::Traits | JwtClaims::RolesAndTraits).then_some(&user.traits);
    let (begin, end) = (from.unix_timestamp(), until.unix_timestamp());
    let authorities = core.authorities.current();
    let key = &authorities.jwt;
    let fault = |error: JwtError| Error::internal(error);
    let mut ids = statement.token_ids.iter();
    let jwt = key.sign(&Claims {
        iss: &core.cluster,
        sub: &user.name,
        aud: [statement.uri],
        iat: begin,
        nbf: begin,
        exp: end,
        jti: ids.next().map_or("", String::as_str),
        username: &user.name,
        roles,
        traits,
    });
    let id_token = issuer.map(|issuer| {
        key.sign(&IdClaims {
            iss: issuer,
            sub: &user.name,
            aud: statement.uri,
            iat: begin,
            nbf: begin,
            exp: end,
            auth_time: user.issued.unix_timestamp(),
            jti: ids.next().map_or("", String::as_str),
            preferred_username: &user.name,
            roles,
            traits,
        })
    });
    Ok(Assertion {
        jwt: jwt.map_err(fault)?,
        id_token: id_token.transpose().map_err(fault)?,
        valid_from: from,
        valid_until: until,
    })
}

/// Whom a statement is about.
struct Who {
    /// As the certificate says it.
    certified: Arc<UserIdentity>,
    /// As this cluster sees it: a visitor has the roles that it gives, and no name of a user of its own.
    user: Arc<UserIdentity>,
}

/// The user whose certificate the agent shows, of this cluster or visiting it.
fn who(core: &Core, certificate: &str) -> Result<Who, Error> {
    if !certificate::is_for_visit(certificate) {
        let (_certificate, user) = certificate::of_user(core, certificate)?;
        return Ok(Who { certified: user.clone(), user });
    }
    let certified = certificate::of_visitor(core, certificate)?;
    let Guest { name, roles } = cx::guest(&core.replica.snapshot(), &certified, core.clock.now())?;
    let user = UserIdentity { name, roles, ..certified.as_ref().clone() };
    Ok(Who { certified, user: Arc::new(user) })
}

/// The app as it is registered with this address, or else as the agent says that it serves it.
async fn served(
    core: &Core,
    agent: &ServiceIdentity,
    request: &AssertionRequest,
) -> Result<App, Error> {
    let AssertionRequest { app: name, uri, .. } = request;
    let record = core.records.find(Kind::AppServer, &format!("{}/{name}", agent.host_id)).await?;
    let Some(Resource::AppServer(record)) = record else {
        return Err(Error::denied(format!("this agent has no record that it serves {name:?}")));
    };
    if let Some(Resource::App(app)) = core.records.find(Kind::App, name).await?
        && app.spec.uri == *uri
    {
        // What commands tell of its labels is this agent's to say.
        return Ok(app.with_results(&record.spec.app.spec.dynamic_labels));
    }
    if record.spec.app.spec.uri != *uri {
        return Err(Error::new(
            ErrorKind::Conflict,
            format!("the app {name:?} is neither registered nor served with this address now"),
        ));
    }
    // An app of the agent's configuration file, or an older registration that it falls back to.
    let taken = core.catalog.snapshot().apps.values().any(|app| app.spec.uri == *uri);
    if taken {
        return Err(Error::denied(format!(
            "the address of the app {name:?} is registered for another app"
        ))
        .hint("register this app too, or let the agent serve the one that is registered"));
    }
    Ok(*record.spec.app)
}

fn require_http(app: &App) -> Result<(), Error> {
    match app.transport() {
        Some(Transport::StreamableHttp { .. } | Transport::Sse { .. }) => Ok(()),
        Some(Transport::Stdio) | None => Err(Error::invalid(format!(
            "the app {:?} is not reached over HTTP: nobody would read the statement",
            app.name()
        ))),
    }
}

/// Refuses a user who may not use the app. The agent has decided so before; this is for the day on
/// which an agent is not to be trusted.
fn admit(
    core: &Core,
    agent: &ServiceIdentity,
    user: &UserIdentity,
    roles: &[String],
    client: Option<IpAddr>,
    app: &App,
) -> Result<(), Error> {
    let snapshot = core.replica.snapshot();
    locks::refuse_use(&snapshot, core.clock.now(), user, roles, app.name(), agent)?;
    cx::refuse_user_of(core, user, client, app).map_err(certificate::of_somebody_else)
}
