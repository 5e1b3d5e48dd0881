//! What travels when clients that hold no certificate have a person sign in by OAuth 2.1. What RFCs name keeps its
//! name. A refusal that a client or a person is to be told in OAuth's own way is an answer, not an error.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::schema::Instant;

/// A client registers itself (RFC 7591, section 2). What is not named here is not needed.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OauthRegistration {
    /// Where it is sent answers.
    pub redirect_uris: Vec<String>,
    /// What it says it is called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// How it shows who it is: `none` is all there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_endpoint_auth_method: Option<String>,
    /// By what it wants tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_types: Option<Vec<String>>,
    /// What it wants of the authorization endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_types: Option<Vec<String>>,
    /// Where its connection comes from, filled in by the proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_addr: Option<String>,
}

/// A client as it is registered (RFC 7591, section 3.2.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OauthClient {
    /// What it calls itself from now on: all that is kept of it is in this text.
    pub client_id: String,
    /// Since when, Unix time in seconds.
    pub client_id_issued_at: i64,
    /// As in [`OauthRegistration`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// As in [`OauthRegistration`].
    pub redirect_uris: Vec<String>,
    /// `none`.
    pub token_endpoint_auth_method: String,
    /// `authorization_code` and `refresh_token`.
    pub grant_types: Vec<String>,
    /// `code`.
    pub response_types: Vec<String>,
}

/// What comes of a registration.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OauthRegistered {
    /// 201.
    Client(OauthClient),
    /// 400.
    Refused(OauthRefusal),
}

/// A refusal in OAuth's own words (RFC 6749, section 5.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OauthRefusal {
    /// Which.
    pub error: OauthError,
    /// In a sentence, of characters that RFC 6749 allows there.
    pub error_description: String,
}

/// Why something is refused: RFC 6749, sections 4.1.2.1 and 5.2; RFC 7591, section 3.2.2; RFC 8707, section 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the RFCs say what each is")]
pub enum OauthError {
    InvalidRequest,
    InvalidClient,
    InvalidGrant,
    InvalidTarget,
    InvalidRedirectUri,
    InvalidClientMetadata,
    UnauthorizedClient,
    UnsupportedGrantType,
    UnsupportedResponseType,
    AccessDenied,
}

/// A browser comes to the authorization endpoint: the parameters as they were sent, each once.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OauthAuthorization {
    /// RFC 6749, section 4.1.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// RFC 6749, section 4.1.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_uri: Option<String>,
    /// RFC 6749, section 4.1.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_type: Option<String>,
    /// RFC 7636, section 4.3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_challenge: Option<String>,
    /// RFC 7636, section 4.3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_challenge_method: Option<String>,
    /// RFC 8707, section 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Not looked at: what somebody may do is what the roles say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// RFC 6749, section 4.1.1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// A text that only the browser knows.
    pub binding: String,
    /// Where the browser's connection comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_addr: Option<String>,
    /// `host:port` of the proxy that is asked: the issuer.
    pub proxy_addr: String,
}

/// Where a browser goes from the authorization endpoint.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OauthStarted {
    /// To where the person signs in, and from there to the page `https://PROXY/oauth/consent/TOKEN`.
    SignIn {
        /// The address.
        location: String,
    },
    /// Back to the client, which is told an error.
    Back {
        /// The redirect URI, with the error.
        location: String,
        /// The same for a page, where the browser is not sent there by itself.
        refusal: OauthRefusal,
    },
    /// Nowhere: who asks, or where the answer would go, is not known to be good. For a page.
    Refused(OauthRefusal),
}

/// For which client somebody signs in, on the page where that is done.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct OauthAsker {
    /// What the client says it is called. Nobody has verified it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// Where the answer goes: a host, or the scheme of a program on the person's machine.
    pub redirect_host: String,
}

/// A proxy asks what the consent page shows.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct OauthConsentRead {
    /// A text that only the browser knows.
    pub binding: String,
}

/// What the consent page shows.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct OauthConsent {
    /// What the client says it is called. Nobody has verified it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// The address of the document by which the client is known; none of one that registered itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The host of that, and the port unless it is the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_host: Option<String>,
    /// Where the answer goes: a host, or the scheme of a program on the person's machine.
    pub redirect_host: String,
    /// Whether that is the person's own machine.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub redirect_is_local: bool,
    /// The app.
    pub app: String,
    /// The cluster that has it, if it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Who is signed in.
    pub user: String,
    /// When it ends at the latest.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Instant")]
    pub expires: OffsetDateTime,
}

/// What a person answered at the consent page.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OauthConsentAnswer {
    /// A text that only the browser knows.
    pub binding: String,
    /// Yes. Everything else is no.
    pub approve: bool,
    /// Where the browser's connection comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_addr: Option<String>,
}

/// Where the browser goes on to: the client.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct OauthConsented {
    /// The redirect URI, with a code or an error.
    pub location: String,
}

/// A client wants tokens: the parameters as they were sent, each once.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OauthTokenRequest {
    /// `authorization_code` or `refresh_token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant_type: Option<String>,
    /// RFC 6749, section 4.1.3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// RFC 6749, section 4.1.3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_uri: Option<String>,
    /// RFC 7636, section 4.5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code_verifier: Option<String>,
    /// Who asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// RFC 6749, section 6.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// RFC 8707, section 2.2: what was authorized, if it is said at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Not looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Where the client's connection comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_addr: Option<String>,
    /// `host:port` of the proxy that is asked.
    pub proxy_addr: String,
}

/// What comes of it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OauthTokenAnswer {
    /// 200.
    Issued(OauthTokens),
    /// 400; 401 for [`OauthError::InvalidClient`].
    Refused(OauthRefusal),
}

/// Tokens (RFC 6749, section 5.1).
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct OauthTokens {
    /// What goes with each request to the app.
    pub access_token: String,
    /// `Bearer`.
    pub token_type: String,
    /// Seconds.
    pub expires_in: u64,
    /// What the next tokens are got with, once.
    pub refresh_token: String,
    /// None: there are no scopes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// A client gives up what it was given (RFC 7009).
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OauthRevocation {
    /// An access token or a refresh token.
    pub token: String,
    /// Who asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// Where the client's connection comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_addr: Option<String>,
}

// === impl OauthError ===

impl OauthError {
    /// As RFCs spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::AccessDenied => "access_denied",
        }
    }
}

impl fmt::Display for OauthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

debug_by_name!(
    OauthRegistration,
    OauthAuthorization,
    OauthStarted,
    OauthConsentRead,
    OauthConsent,
    OauthConsentAnswer,
    OauthConsented,
    OauthTokenRequest,
    OauthTokenAnswer,
    OauthTokens,
    OauthRevocation,
);
