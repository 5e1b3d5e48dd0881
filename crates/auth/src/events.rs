//! What the auth service tells the audit log, and who is named as having done it.

use std::collections::BTreeMap;
use std::sync::Arc;

use audit::event::Moment;
use audit::record::{
    AccessDenied, AppAuthConfigChange, AppChange, AssertionCreate, AuthPreferenceUpdate, BotJoin,
    CertCreate, CertIdentity, Change, ConnectorChange, ConnectorKind, InstanceJoin, JoinAttempt,
    JoinTokenCreate, LockChange, LockTarget, LoginMethod, ResourceChange, RoleChange, UserChange,
    UserKind, UserLogin, UserMetadata,
};
use audit::redact::{ResourceName, TokenName, Uri};
use audit::{Code, Outcome, Record, Text};
use pki::{Identity, ServiceIdentity, UserIdentity};
use resource::{JoinRole, Resource, Token};
use serde::Serialize;
use time::OffsetDateTime;

use api::Error;

use crate::audit_log::AuditLog;
use crate::caller::Caller;
use crate::cx::OpCx;
use crate::join::{Admission, Refusal};
use crate::sso;

/// Something that was recorded before it happened did not happen after all.
static OPERATION_FAILED: Code = Code {
    event: "operation.failed",
    code: "TSF00E",
    about: "What an earlier event announced was not done.",
};

/// See [`OPERATION_FAILED`].
#[derive(Serialize)]
struct OperationFailed<'a> {
    #[serde(flatten)]
    actor: &'a UserMetadata,
    /// The event that announced it.
    announced_by: &'a str,
    #[serde(flatten)]
    outcome: Outcome<'a>,
}

impl Record for OperationFailed<'_> {
    fn code(&self) -> &'static Code {
        &OPERATION_FAILED
    }
}

/// What is recorded of a statement.
#[derive(Clone, Copy)]
pub(crate) struct Statement<'a> {
    pub(crate) user: &'a Arc<UserIdentity>,
    pub(crate) app: &'a str,
    pub(crate) uri: &'a str,
    pub(crate) agent: &'a ServiceIdentity,
    pub(crate) token_ids: &'a [String],
    pub(crate) claims: &'a str,
    pub(crate) expires: OffsetDateTime,
    pub(crate) client: Option<&'a str>,
}

/// The caller as the one who did something.
pub(crate) fn actor(caller: &Caller) -> UserMetadata {
    match caller {
        Caller::User(user) | Caller::Visitor(user) => UserMetadata {
            user: user.name.clone(),
            kind: match user.kind {
                pki::UserKind::Human => UserKind::Human,
                pki::UserKind::Bot => UserKind::Bot,
            },
            cluster: Some(user.cluster.clone()),
            roles: user.roles.clone(),
            traits: user.traits.clone(),
        },
        Caller::Service(_)
        | Caller::ForeignAuth(_)
        | Caller::LocalAdmin { .. }
        | Caller::Anonymous => UserMetadata::system(&caller.name()),
    }
}

/// A resource is about to be created, changed or deleted. What services report of themselves every
/// few seconds is not an event.
pub(crate) async fn changed(
    audit: &AuditLog,
    actor: &UserMetadata,
    change: Change,
    resource: &Resource,
) -> Result<(), Error> {
    let name = resource.name();
    let expires = resource.metadata().expires.map(Moment);
    match resource {
        Resource::App(app) => {
            let app_uri = Some(Uri::new(&app.spec.uri));
            let app_labels = Some(&app.metadata.labels);
            let event =
                AppChange { change, actor, name, app_name: name, app_uri, app_labels, expires };
            audit.record(&event).await
        }
        Resource::Role(_) => audit.record(&RoleChange { change, actor, name, expires }).await,
        Resource::User(user) => {
            let roles = user.spec.roles.as_slice();
            let origin = sso::origin_of(user);
            let connector = Some(origin.as_ref().map_or("local", |origin| &origin.connector));
            audit.record(&UserChange { change, actor, name, roles, connector, expires }).await
        }
        Resource::Lock(lock) => {
            let target = &lock.spec.target;
            let target = Some(LockTarget {
                user: target.user.as_deref(),
                role: target.role.as_deref(),
                mfa_device: target.mfa_device.as_deref(),
                app: target.app.as_deref(),
                server_id: target.server_id.as_deref(),
                login: target.login.as_deref(),
                bot_instance_id: target.bot_instance_id.as_deref(),
                join_token: target.join_token.as_deref(),
                oauth_grant: target.oauth_grant.as_deref(),
            });
            let message = Some(Text::new(&lock.spec.message));
            let expires = lock.spec.expires.map(Moment).or(expires);
            audit.record(&LockChange { change, actor, name, target, message, expires }).await
        }
        Resource::Token(token) if change != Change::Deleted => {
            let roles = role_names(&token.spec.roles);
            let event = JoinTokenCreate {
                actor,
                name: token_name(token),
                roles: &roles,
                join_method: token.spec.join_method.name().as_str(),
                expires,
            };
            audit.record(&event).await
        }
        Resource::Token(token) => {
            let kind = resource.kind().as_str();
            let name = ResourceName::new(kind, &token.metadata.name);
            audit.record(&ResourceChange { change, actor, kind, name }).await
        }
        Resource::ClusterAuthPreference(_) => audit.record(&AuthPreferenceUpdate { actor }).await,
        Resource::Oidc(_) => {
            let kind = ConnectorKind::Oidc;
            audit.record(&ConnectorChange { change, kind, actor, name }).await
        }
        Resource::Saml(_) => {
            let kind = ConnectorKind::Saml;
            audit.record(&ConnectorChange { change, kind, actor, name }).await
        }
        Resource::Github(_) => {
            let kind = ConnectorKind::Github;
            audit.record(&ConnectorChange { change, kind, actor, name }).await
        }
        Resource::AppAuthConfig(_) => {
            audit.record(&AppAuthConfigChange { change, actor, name }).await
        }
        Resource::Bot(_) | Resource::TrustedCluster(_) | Resource::RemoteCluster(_) => {
            let kind = resource.kind().as_str();
            let name = ResourceName::new(kind, name);
            audit.record(&ResourceChange { change, actor, kind, name }).await
        }
        // Told as the end of it.
        Resource::OauthGrant(_)
        | Resource::AppServer(_)
        | Resource::Proxy(_)
        | Resource::Agent(_)
        | Resource::CertAuthority(_) => Ok(()),
    }
}

/// What was announced did not happen. The announcement stands, so this must be told as well; when
/// even that fails there is only the service's own log left.
pub(crate) async fn failed(cx: &OpCx, announced_by: &str, error: &Error) {
    did_not_happen(&cx.core().audit, &actor(cx.caller()), announced_by, error).await;
}

/// The same of what the service does by itself.
pub(crate) async fn did_not_happen(
    audit: &AuditLog,
    actor: &UserMetadata,
    announced_by: &str,
    error: &Error,
) {
    let outcome = Outcome::Failure(Text::new(error.message()));
    let event = OperationFailed { actor, announced_by, outcome };
    if let Err(unrecorded) = audit.record(&event).await {
        tracing::error!(
            announced_by,
            error = error.message(),
            cause = unrecorded.cause(),
            "an audited operation failed, and that could not be recorded"
        );
    }
}

/// Somebody who is known wanted what they may not have.
pub(crate) async fn denied(
    cx: &OpCx,
    verb: &str,
    kind: &str,
    name: Option<&str>,
    error: &Error,
) -> Result<(), Error> {
    let actor = actor(cx.caller());
    let remote = cx.remote();
    let event = AccessDenied {
        actor: &actor,
        verb: Text::new(verb),
        kind: Text::new(kind),
        name: name.map(|name| ResourceName::new(kind, name)),
        outcome: Outcome::Failure(Text::new(error.message())),
        remote_addr: remote.as_deref(),
    };
    cx.core().audit.record(&event).await
}

/// Somebody signed in, or did not.
pub(crate) async fn login(
    audit: &AuditLog,
    user: &str,
    client: Option<&str>,
    device: Option<&str>,
    outcome: Result<(), &Error>,
) -> Result<(), Error> {
    let outcome = match outcome {
        Ok(()) => Outcome::Success,
        Err(error) => Outcome::Failure(Text::new(error.message())),
    };
    let event = UserLogin {
        user: Text::new(user),
        method: LoginMethod::Local,
        outcome,
        remote_addr: client,
        user_agent: None,
        with_mfa: device,
    };
    audit.record(&event).await
}

/// Somebody did not sign in, of whom perhaps nobody knows who it was to be. Anybody can cause that.
pub(crate) async fn login_failed(
    audit: &AuditLog,
    user: Option<&str>,
    client: Option<&str>,
    error: &Error,
) -> Result<(), Error> {
    if let Some(user) = user {
        return login(audit, user, client, None, Err(error)).await;
    }
    let event = UserLogin {
        user: Text::new(""),
        method: LoginMethod::Local,
        outcome: Outcome::Failure(Text::new(error.message())),
        remote_addr: client,
        user_agent: None,
        with_mfa: None,
    };
    audit.record_anonymous(&event).await
}

/// A certificate is about to be handed out.
pub(crate) async fn certificate(
    audit: &AuditLog,
    actor: &UserMetadata,
    identity: &Identity,
) -> Result<(), Error> {
    let services: Vec<String>;
    let (cert_type, user, roles, traits) = match identity {
        Identity::User(user) => ("user", &user.name, &user.roles, Some(&user.traits)),
        Identity::Service(service) => {
            services = service_names(service);
            ("host", &service.host_id, &services, None)
        }
    };
    let expires = Moment(identity.expires());
    let identity = CertIdentity { user, roles, traits, expires };
    audit.record(&CertCreate { actor, cert_type, identity }).await
}

/// A statement of who a user is is about to be handed to an agent.
pub(crate) async fn assertion(cx: &OpCx, statement: &Statement<'_>) -> Result<(), Error> {
    let Statement { user, app, uri, agent, token_ids, claims, expires, client } = *statement;
    let user = actor(&Caller::User(user.clone()));
    let event = AssertionCreate {
        user: &user,
        app_name: app,
        app_uri: Uri::new(uri),
        server_id: &agent.host_id,
        server_hostname: Text::new(&agent.node_name),
        token_ids,
        jwt_claims: claims,
        expires: Moment(expires),
        remote_addr: client,
    };
    cx.core().audit.record(&event).await
}

/// A service joins.
pub(crate) async fn joined(
    cx: &OpCx,
    identity: &ServiceIdentity,
    admission: &Admission,
) -> Result<(), Error> {
    let role = service_names(identity).join(",");
    let remote = cx.remote();
    let event = InstanceJoin {
        host_id: &identity.host_id,
        node_name: Text::new(&identity.node_name),
        role: Text::new(&role),
        attempt: admitted(admission, remote.as_deref()),
    };
    cx.core().audit.record(&event).await
}

/// A service was not let in. Anybody can cause this, so it is recorded as far as there is room.
pub(crate) async fn join_refused(
    cx: &OpCx,
    node_name: &str,
    services: &[String],
    refusal: &Refusal,
) -> Result<(), Error> {
    let role = services.join(",");
    let remote = cx.remote();
    let words = reason(&refusal.error);
    let event = InstanceJoin {
        host_id: "",
        node_name: Text::new(node_name),
        role: Text::new(&role),
        attempt: turned_away(refusal, &words, remote.as_deref()),
    };
    cx.core().audit.record_anonymous(&event).await
}

/// A bot joins.
pub(crate) async fn bot_joined(cx: &OpCx, bot: &str, admission: &Admission) -> Result<(), Error> {
    let remote = cx.remote();
    let event =
        BotJoin { bot_name: Text::new(bot), attempt: admitted(admission, remote.as_deref()) };
    cx.core().audit.record(&event).await
}

/// A bot was not let in. Anybody can cause this.
pub(crate) async fn bot_refused(cx: &OpCx, refusal: &Refusal) -> Result<(), Error> {
    let remote = cx.remote();
    let words = reason(&refusal.error);
    let bot =
        refusal.token.as_ref().and_then(|token| token.spec.bot_name.as_deref()).unwrap_or_default();
    let event = BotJoin {
        bot_name: Text::new(bot),
        attempt: turned_away(refusal, &words, remote.as_deref()),
    };
    cx.core().audit.record_anonymous(&event).await
}

fn admitted<'a>(admission: &'a Admission, remote_addr: Option<&'a str>) -> JoinAttempt<'a> {
    let Admission { token, workload } = admission;
    JoinAttempt {
        method: Text::new(token.spec.join_method.name().as_str()),
        token_name: token_name(token),
        workload: workload.as_ref().map(|workload| told(&workload.claims)).unwrap_or_default(),
        outcome: Outcome::Success,
        remote_addr,
    }
}

fn turned_away<'a>(
    refusal: &'a Refusal,
    words: &'a str,
    remote_addr: Option<&'a str>,
) -> JoinAttempt<'a> {
    let Refusal { error: _, token, workload } = refusal;
    let method = token.as_ref().map_or("token", |token| token.spec.join_method.name().as_str());
    JoinAttempt {
        method: Text::new(method),
        // Whatever was shown may be a secret of something else.
        token_name: token.as_ref().map_or_else(|| TokenName::new(""), token_name),
        workload: workload.as_ref().map(|workload| told(&workload.claims)).unwrap_or_default(),
        outcome: Outcome::Failure(Text::new(words)),
        remote_addr,
    }
}

/// Why something was refused, with what only administrators are told.
fn reason(error: &Error) -> String {
    match error.cause() {
        Some(cause) => format!("{}: {cause}", error.message()),
        None => error.message().to_owned(),
    }
}

/// What is recorded as the name of a token: a secret is hidden.
fn token_name(token: &Token) -> TokenName {
    let name = &token.metadata.name;
    if token.spec.join_method.is_secret() { TokenName::new(name) } else { TokenName::public(name) }
}

fn told(claims: &BTreeMap<String, String>) -> BTreeMap<&str, Text<'_>> {
    claims.iter().map(|(name, value)| (name.as_str(), Text::new(value))).collect()
}

fn service_names(identity: &ServiceIdentity) -> Vec<String> {
    identity.services.iter().map(|service| service.as_str().to_owned()).collect()
}

fn role_names(roles: &[JoinRole]) -> Vec<String> {
    roles.iter().map(|role| role.as_str().to_owned()).collect()
}
