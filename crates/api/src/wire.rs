//! What travels in the bodies of the auth API, beside resources themselves.
//!
//! Bodies that carry a password, a code, a token or a link show no more than their name in `Debug`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use time::OffsetDateTime;

use crate::schema::{AnyEvent, AnyResource, Instant};

/// A type that shows no more than its name: what it holds is secret.
macro_rules! debug_by_name {
    ($($type:ident),* $(,)?) => {$(
        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($type)).finish_non_exhaustive()
            }
        }
    )*};
}

mod arrival;
mod bot;
mod cluster;
mod local;
mod mfa;
mod oauth;
mod rotation;
mod seen;
mod session_mfa;
mod sso;

pub use self::arrival::{
    Arrival, ArrivalAnswer, ArrivalAnswered, ArrivalChoice, ArrivalPage, ArrivalRead,
};
pub use self::bot::{
    BotInstance, BotInstanceQuery, BotInstances, BotJoinRequest, BotOutputRequest, BotRenewRequest,
};
pub use self::cluster::{
    ClusterExchange, ClusterInfo, ClusterJoin, ClusterList, ClusterWelcome, Permissions, Permitted,
    VisitEvidence, VisitRequest, VisitorApps, VisitorRequest,
};
pub use self::local::{
    Enrolled, HeadlessFinished, HeadlessMachine, HeadlessOpen, HeadlessStart, HeadlessStarted,
    Invite, InviteAnswer, InviteDetails, InvitePurpose, InviteRequest, KeyUse, KeyWanted,
    LoginAnswer, LoginAnswered, LoginPage, LoginRead, TotpEnrolment,
};
pub use self::mfa::{
    MfaAnswer, MfaAnswered, MfaBegin, MfaBegun, MfaDevice, MfaDeviceKind, MfaDevices, MfaPage,
    MfaRead, MfaStage,
};
pub use self::oauth::{
    OauthAsker, OauthAuthorization, OauthClient, OauthConsent, OauthConsentAnswer,
    OauthConsentRead, OauthConsented, OauthError, OauthRefusal, OauthRegistered, OauthRegistration,
    OauthRevocation, OauthStarted, OauthTokenAnswer, OauthTokenRequest, OauthTokens,
};
pub use self::rotation::{AuthorityStatus, RotationReport, RotationRequest};
pub use self::seen::{SeenApp, SeenDefinition, SeenQuery, SeenReport, SeenTools};
pub use self::session_mfa::{
    SessionCertificate, SessionMfaAnswer, SessionMfaAnswered, SessionMfaFinish, SessionMfaPage,
    SessionMfaRead, SessionMfaStart, SessionMfaStarted, SessionMfaTyped, SessionWish,
};
pub use self::sso::{
    AppTokenIdentity, AppTokenRequest, SignInChoice, SsoAnswer, SsoAnswered, SsoBegin, SsoBegun,
    SsoFinish, SsoReport, SsoRole, SsoStart, SsoStarted, SsoTest,
};

/// An answer to listing a kind.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct ListBody {
    /// The resources, ordered by name.
    #[schemars(with = "Vec<AnyResource>")]
    pub items: Vec<Box<RawValue>>,
    /// The position from which a watch continues after this list.
    pub cursor: String,
}

/// One line of a watch.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WatchLine {
    /// The resource was created or changed.
    Put {
        /// The resource as it is.
        #[schemars(with = "AnyResource")]
        resource: Box<RawValue>,
        /// Where to continue after this event.
        cursor: String,
    },
    /// The resource is gone.
    Delete {
        /// Its kind.
        kind: String,
        /// Its name.
        name: String,
        /// Where to continue after this event.
        cursor: String,
    },
    /// The resource was created or changed, or is gone: of a kind whose changes are told of and nothing else.
    Changed {
        /// Its kind.
        kind: String,
        /// Its name.
        name: String,
        /// Where to continue after this event.
        cursor: String,
    },
    /// Nothing happened; the stream is alive and has come as far as this.
    Bookmark {
        /// Where to continue.
        cursor: String,
    },
    /// The stream ends because the position is no longer kept, or for another fault.
    Error {
        /// What happened.
        error: crate::error::ErrorFields,
    },
}

/// What an agent says of the apps that it serves: what is new, and that it is still there.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Heartbeat {
    /// The records that are new or different.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<AnyResource>")]
    pub records: Vec<Box<RawValue>>,
    /// The names of apps that it no longer serves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<String>,
    /// Whether it has just begun, and is to be told which records an earlier run left.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recall: bool,
    /// Whether it ends, so that none of its records stays.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leaving: bool,
}

/// The answer to a heartbeat.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct HeartbeatReceipt {
    /// Whether nothing was heard of the host for so long that its records are gone: all of them have to
    /// be told again.
    pub lapsed: bool,
    /// The apps that there are records of, for who asks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub apps: Vec<String>,
}

/// A service asks to become part of the cluster.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct JoinRequest {
    /// The join token.
    pub token: String,
    /// What the platform signed that the service runs on, for a join token that asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    /// What the machine calls itself.
    pub node_name: String,
    /// The services that it is to run: `app`, `proxy`.
    pub services: Vec<String>,
    /// The public key to certify, PEM (SubjectPublicKeyInfo).
    pub public_key: String,
    /// Host names and addresses under which the service is reached.
    #[serde(default)]
    pub names: Vec<String>,
}

/// A service asks for a new certificate for the identity that it has.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct RenewRequest {
    /// The public key to certify, PEM.
    pub public_key: String,
    /// Host names and addresses under which the service is reached.
    #[serde(default)]
    pub names: Vec<String>,
}

/// A service's certificate and what it needs to trust others.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct ServiceCredentials {
    /// The identity that the certificate carries.
    pub host_id: String,
    /// The certificate and its authority's, PEM.
    pub certificate: String,
    /// The cluster's name.
    pub cluster: String,
    /// The authorities to trust.
    pub authorities: Authorities,
}

/// The certificate authorities of a cluster, PEM each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Authorities {
    /// Those that certify users.
    pub user: Vec<String>,
    /// Those that certify services.
    pub host: Vec<String>,
}

/// A person signs in.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct SignInRequest {
    /// The user's name.
    pub user: String,
    /// The password.
    pub password: String,
    /// The one-time code of the second factor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totp: Option<String>,
    /// The public key to certify, PEM.
    pub public_key: String,
    /// How long the certificate is asked to live, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_seconds: Option<u64>,
    /// Where the person's connection came from, filled in by the proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_addr: Option<String>,
}

/// An administrator asks for another user's certificate (`tctl auth sign`).
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct UserCertificateRequest {
    /// The public key to certify, PEM.
    pub public_key: String,
    /// How long the certificate is asked to live, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_seconds: Option<u64>,
}

/// A user's certificate and what its holder needs to trust the cluster.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct UserCredentials {
    /// The user's name.
    pub user: String,
    /// The roles that the certificate names.
    pub roles: Vec<String>,
    /// The traits that the certificate carries.
    #[serde(default)]
    pub traits: BTreeMap<String, Vec<String>>,
    /// The certificate, PEM.
    pub certificate: String,
    /// The cluster's name.
    pub cluster: String,
    /// The authorities to trust.
    pub authorities: Authorities,
    /// When the certificate ends.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Instant")]
    pub valid_until: OffsetDateTime,
}

/// An agent asks for signed statements of who a user is, to show to the MCP server of an app.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct AssertionRequest {
    /// The app that the user uses.
    pub app: String,
    /// Where the agent reaches the MCP server: the app's `spec.uri`.
    pub uri: String,
    /// The user's certificate, PEM.
    pub certificate: String,
    /// Where the user's connection comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_addr: Option<String>,
}

/// Signed statements of who a user is.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct Assertion {
    /// A token whose issuer is the cluster's name.
    pub jwt: String,
    /// The same as an OpenID Connect ID token, whose issuer is the cluster's public address. None
    /// while no proxy has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    /// From when they are valid.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Instant")]
    pub valid_from: OffsetDateTime,
    /// Until when they are valid.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Instant")]
    pub valid_until: OffsetDateTime,
}

/// Audit records that a service ships.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct AuditBatch {
    /// The spool that they come from.
    pub source: String,
    /// The sequence number of the first.
    pub first: u64,
    /// The records, in order.
    #[schemars(with = "Vec<AnyEvent>")]
    pub events: Vec<Box<RawValue>>,
}

/// How far the auth service holds a spool's records.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct AuditReceipt {
    /// The sequence number that is expected next.
    pub next: u64,
}

/// Which audit records are asked for. All that is given must hold.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct AuditQuery {
    /// Only of this user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Only of this app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// Only of this event type, for example `mcp.session.request`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// Not before this instant (RFC 3339).
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "time::serde::rfc3339::option"
    )]
    #[schemars(with = "Option<Instant>")]
    pub since: Option<OffsetDateTime>,
    /// Before this instant (RFC 3339).
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "time::serde::rfc3339::option"
    )]
    #[schemars(with = "Option<Instant>")]
    pub until: Option<OffsetDateTime>,
    /// At most this many, the newest first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// Audit records, the newest first.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct AuditPage {
    /// The records.
    #[schemars(with = "Vec<AnyEvent>")]
    pub events: Vec<Box<RawValue>>,
    /// Whether older ones match too.
    pub more: bool,
}

/// Who the caller is, as the auth service sees it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct WhoAmI {
    /// `user`, `service` or `local_admin`.
    pub kind: String,
    /// The user's name, or the service's host id.
    pub name: String,
    /// The user's roles, or the services of a host.
    pub roles: Vec<String>,
    /// The cluster's name.
    pub cluster: String,
    /// Whether the cluster wants a second factor to be shown for each session with an app, whatever roles say.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub second_factor_per_session: bool,
}

/// The state of the cluster at a glance.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// The cluster's name.
    pub cluster: String,
    /// The version of the auth service.
    pub version: String,
    /// What a new client pins, one for each host authority: `sha256:<hex>`.
    pub ca_pins: Vec<String>,
    /// One entry for each authority.
    pub authorities: Vec<AuthorityStatus>,
}

/// What a proxy says of its cluster to anybody.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Ping {
    /// The cluster's name.
    pub cluster: String,
    /// The version of the proxy.
    pub version: String,
    /// What a client may pin.
    pub ca_pins: Vec<String>,
    /// The authorities that certify the cluster's services, PEM.
    pub host_authorities: Vec<String>,
    /// How people sign in when they do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_in: Option<SignInChoice>,
}

debug_by_name!(AssertionRequest, Assertion, JoinRequest, SignInRequest,);
