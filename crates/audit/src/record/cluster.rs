//! Identities and access to the cluster itself.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Outcome, Record, UserMetadata};
use crate::event::Moment;
use crate::redact::{ResourceName, Text, TokenName, Uri};
use crate::{Code, code};

/// A certificate was issued.
#[derive(Clone, Debug, Serialize)]
pub struct CertCreate<'a> {
    /// Who asked for it.
    #[serde(flatten)]
    pub actor: &'a UserMetadata,
    /// `user` or `host`.
    pub cert_type: &'a str,
    /// What it says.
    pub identity: CertIdentity<'a>,
}

/// What a certificate says.
#[derive(Clone, Debug, Serialize)]
pub struct CertIdentity<'a> {
    /// The user's name, or the service's host identifier.
    pub user: &'a str,
    /// The user's roles, or what the service is.
    pub roles: &'a [String],
    /// The user's traits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traits: Option<&'a BTreeMap<String, Vec<String>>>,
    /// When it ends.
    pub expires: Moment,
}

/// A change of the cluster's keys went on to another phase.
#[derive(Clone, Debug, Serialize)]
pub struct AuthorityRotate<'a> {
    /// Who took the step: a user, or the auth service when it was due.
    #[serde(flatten)]
    pub actor: &'a UserMetadata,
    /// Which authorities: `user`, `host`, `jwt`.
    pub authorities: Vec<&'a str>,
    /// The phase that begins.
    pub phase: &'a str,
    /// Who takes the next step: `manual` or `auto`.
    pub mode: &'a str,
    /// Names the change; none when it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rotation_id: Option<&'a str>,
}

/// A statement of who a user is was signed for an MCP server.
#[derive(Clone, Debug, Serialize)]
pub struct AssertionCreate<'a> {
    /// Of whom it tells.
    #[serde(flatten)]
    pub user: &'a UserMetadata,
    /// The app that it is for.
    pub app_name: &'a str,
    /// Its address, which is the audience.
    pub app_uri: Uri,
    /// The agent that asked for it.
    pub server_id: &'a str,
    /// The name of the agent's machine.
    pub server_hostname: Text<'a>,
    /// The identifiers of the tokens (`jti`).
    pub token_ids: &'a [String],
    /// How much it tells, in the words of `rewrite.jwt_claims`.
    pub jwt_claims: &'a str,
    /// When it ends.
    pub expires: Moment,
    /// Where the user's connection comes from.
    #[serde(rename = "addr.remote", skip_serializing_if = "Option::is_none")]
    pub remote_addr: Option<&'a str>,
}

/// A user of this cluster was let on to another, where it is decided and recorded what the user does.
#[derive(Clone, Debug, Serialize)]
pub struct VisitCreate<'a> {
    /// The user.
    #[serde(flatten)]
    pub user: &'a UserMetadata,
    /// The other cluster.
    pub target_cluster: &'a str,
    /// The one app that it is for, if it is for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_name: Option<Text<'a>>,
    /// The proxy that asked for it.
    pub server_id: &'a str,
    /// When it ends.
    pub expires: Moment,
    /// Where the user's connection comes from.
    #[serde(rename = "addr.remote", skip_serializing_if = "Option::is_none")]
    pub remote_addr: Option<&'a str>,
}

/// An attempt to join the cluster, whatever wants to.
#[derive(Clone, Debug, Serialize)]
pub struct JoinAttempt<'a> {
    /// How it proved that it may.
    pub method: Text<'a>,
    /// The token that it used, hidden where that is a secret.
    pub token_name: TokenName,
    /// What its platform says of it, where that is the proof.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub workload: BTreeMap<&'a str, Text<'a>>,
    /// Whether it was let in.
    #[serde(flatten)]
    pub outcome: Outcome<'a>,
    /// Where from.
    #[serde(rename = "addr.remote", skip_serializing_if = "Option::is_none")]
    pub remote_addr: Option<&'a str>,
}

/// A service joined the cluster, or tried to.
#[derive(Clone, Debug, Serialize)]
pub struct InstanceJoin<'a> {
    /// The identifier it has, or would have.
    pub host_id: &'a str,
    /// The name that it gives itself.
    pub node_name: Text<'a>,
    /// What it is, or wants to be.
    pub role: Text<'a>,
    /// How it went.
    #[serde(flatten)]
    pub attempt: JoinAttempt<'a>,
}

/// A bot joined the cluster, or tried to.
#[derive(Clone, Debug, Serialize)]
pub struct BotJoin<'a> {
    /// The bot, as far as it is known.
    pub bot_name: Text<'a>,
    /// How it went.
    #[serde(flatten)]
    pub attempt: JoinAttempt<'a>,
}

/// Evidence of an identity was not accepted.
#[derive(Clone, Debug, Serialize)]
pub struct AuthAttempt<'a> {
    /// The name in the evidence, as far as there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<Text<'a>>,
    /// Why it was not accepted.
    #[serde(flatten)]
    pub outcome: Outcome<'a>,
    /// Where from.
    #[serde(rename = "addr.remote", skip_serializing_if = "Option::is_none")]
    pub remote_addr: Option<&'a str>,
}

/// An identity was not allowed to do something in the administration.
#[derive(Clone, Debug, Serialize)]
pub struct AccessDenied<'a> {
    /// Who.
    #[serde(flatten)]
    pub actor: &'a UserMetadata,
    /// Wanted to do what,
    pub verb: Text<'a>,
    /// to which kind of resource,
    pub kind: Text<'a>,
    /// and to which one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<ResourceName>,
    /// Why not.
    #[serde(flatten)]
    pub outcome: Outcome<'a>,
    /// Where from.
    #[serde(rename = "addr.remote", skip_serializing_if = "Option::is_none")]
    pub remote_addr: Option<&'a str>,
}

// === impl Record ===

impl Record for CertCreate<'_> {
    fn code(&self) -> &'static Code {
        &code::CERTIFICATE_CREATE
    }
}

impl Record for AuthorityRotate<'_> {
    fn code(&self) -> &'static Code {
        &code::AUTHORITY_ROTATE
    }
}

impl Record for AssertionCreate<'_> {
    fn code(&self) -> &'static Code {
        &code::ASSERTION_CREATE
    }
}

impl Record for VisitCreate<'_> {
    fn code(&self) -> &'static Code {
        &code::VISIT_CREATE
    }
}

impl Record for InstanceJoin<'_> {
    fn code(&self) -> &'static Code {
        self.attempt.outcome.code(&code::INSTANCE_JOIN, &code::INSTANCE_JOIN_FAILURE)
    }
}

impl Record for BotJoin<'_> {
    fn code(&self) -> &'static Code {
        self.attempt.outcome.code(&code::BOT_JOIN, &code::BOT_JOIN_FAILURE)
    }
}

impl Record for AuthAttempt<'_> {
    fn code(&self) -> &'static Code {
        &code::AUTH_ATTEMPT_FAILURE
    }
}

impl Record for AccessDenied<'_> {
    fn code(&self) -> &'static Code {
        &code::ACCESS_DENIED
    }
}
