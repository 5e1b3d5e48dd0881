//! What travels when people sign in through others, and when clients show tokens of others.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use time::OffsetDateTime;

use crate::schema::{AnyResource, Instant};

/// Somebody wants to sign in through a connector. `tsh` asks a proxy, and the proxy the auth service.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct SsoStart {
    /// The connector; the cluster's own choice if it is not named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connector: Option<String>,
    /// The public key to certify, PEM.
    pub public_key: String,
    /// How long the certificate is asked to live, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_seconds: Option<u64>,
    /// Where the browser brings the result: an address of the machine that the browser is on.
    pub callback: String,
    /// The SHA-256, in base64url, of a secret that only who asks knows, and shows at the end.
    pub challenge: String,
    /// Where the connection came from, filled in by the proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_addr: Option<String>,
    /// `host:port` of the proxy that is asked, filled in by the proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_addr: Option<String>,
}

/// An administrator tries a connector.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct SsoTest {
    /// The connector, as it would be written.
    #[schemars(with = "AnyResource")]
    pub connector: Box<RawValue>,
    /// As in [`SsoStart`].
    pub callback: String,
    /// As in [`SsoStart`].
    pub challenge: String,
}

/// A login that is prepared.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct SsoStarted {
    /// The link that a browser opens, once.
    pub url: String,
    /// Until when.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Instant")]
    pub expires: OffsetDateTime,
}

/// A browser opens the link of a login.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
pub struct SsoBegin {
    /// Where the browser's connection comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_addr: Option<String>,
}

/// Where a browser is sent.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct SsoBegun {
    /// The identity provider's page.
    pub location: String,
    /// Names the cookie that ties the browser to this login.
    pub cookie: String,
    /// The cookie's value.
    pub binding: String,
    /// How long it is good, seconds.
    pub max_age: u64,
    /// Whether the provider sends the browser back with a form, so that the cookie must be one that browsers
    /// bring from other sites' pages as well.
    #[serde(default)]
    pub by_form: bool,
}

/// What an identity provider sent a browser back with.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct SsoAnswer {
    /// Which login it is about.
    pub state: String,
    /// A SAML response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saml_response: Option<String>,
    /// The provider's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Or its error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The error in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_description: Option<String>,
    /// Who answers (RFC 9207).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// The cookie of the browser.
    pub binding: String,
    /// Where the browser's connection came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_addr: Option<String>,
}

/// Where the browser brings the result.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct SsoAnswered {
    /// The address that was named when the login was prepared, with a code that is good once.
    pub location: String,
}

/// Whoever prepared a login wants what came of it.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct SsoFinish {
    /// The code that the browser brought.
    pub code: String,
    /// The secret whose hash was shown at the beginning.
    pub verifier: String,
}

/// What a login through a connector would yield.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct SsoReport {
    /// The connector's kind.
    pub kind: String,
    /// The connector's name.
    pub connector: String,
    /// What the provider calls the person.
    pub subject: String,
    /// The name that the user would have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What the provider said, claim by claim.
    pub claims: BTreeMap<String, serde_json::Value>,
    /// What becomes of it, trait by trait.
    pub traits: BTreeMap<String, Vec<String>>,
    /// The roles that come of it.
    pub roles: Vec<SsoRole>,
    /// Why such a login would be refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// The same for administrators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A role that a login gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SsoRole {
    /// The role.
    pub role: String,
    /// The claim or attribute that gave it.
    pub name: String,
    /// The value that fitted.
    pub value: String,
    /// What it had to fit.
    pub pattern: String,
    /// Whether there is such a role.
    pub exists: bool,
}

/// A client without a certificate shows tokens to a proxy.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
pub struct AppTokenRequest {
    /// The app that it wants to use.
    pub app: String,
    /// What it shows, by the header that it is in.
    pub tokens: BTreeMap<String, String>,
    /// Where the client's connection comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_addr: Option<String>,
    /// `host:port` of the proxy that is asked: tokens of the cluster's own are good at the one where they were issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_addr: Option<String>,
    /// Whether it is for what is open already: a token of the cluster's own may have ended meanwhile, what it rests on
    /// may not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub continues: bool,
}

/// Evidence for whom a token names.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct AppTokenIdentity {
    /// A certificate that is good for the app and for nothing else, PEM. Nobody has its key.
    pub certificate: String,
    /// Until when it is good.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Instant")]
    pub valid_until: OffsetDateTime,
    /// What it rests on, if the token is the cluster's own: the name of an `oauth_grant`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth_grant: Option<String>,
    /// Until when a token of the cluster's own lets further requests in. What is open already goes on.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "time::serde::rfc3339::option"
    )]
    #[schemars(with = "Option<String>")]
    pub token_expires: Option<OffsetDateTime>,
}

/// How people sign in when they do not say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SignInChoice {
    /// `local`, or the kind of a connector.
    pub kind: String,
    /// The connector's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connector: Option<String>,
    /// Whether local users need a browser: one-time codes are not taken, and a terminal has no keys.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needs_browser: bool,
}

debug_by_name!(
    SsoStart,
    SsoTest,
    SsoStarted,
    SsoBegin,
    SsoBegun,
    SsoAnswer,
    SsoAnswered,
    SsoFinish,
    SsoReport,
    AppTokenRequest,
);
