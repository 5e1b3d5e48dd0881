//! `oidc`: a connector to an OpenID Connect provider, through which people sign in.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::connector::{
    AttributeMapping, Words, check_return, filled, one_or_more, provider_url, refuse_fields,
    secret, shown,
};
use crate::decode::{FromNode, Reader, Table};
use crate::kind::Kind;
use crate::metadata::{Metadata, NameRule, any_version, metadata};
use crate::object::{Object, document};
use crate::secret::{MASK, Secret, Secrets};

/// Known fields that mean nothing here, kept and printed back. Codes are always exchanged with proof
/// (PKCE), whatever `pkce_mode` says.
const OTHER_FIELDS: &[&str] = &["provider", "client_redirect_settings", "mfa", "pkce_mode"];

/// Fields that promise something which is not there.
const NOT_HERE: [&str; 6] = [
    "google_service_account_uri",
    "google_service_account",
    "google_admin_email",
    "google_transitive_groups",
    "request_object_mode",
    "user_matchers",
];

/// How entries of `claims_to_roles` are written.
const WORDS: Words = Words { name: "claim", value: "value" };

/// A connector to an OpenID Connect provider.
#[derive(Debug, Clone, PartialEq)]
pub struct OidcConnector {
    /// The name is what people say to `tsh login --auth`.
    pub metadata: Metadata,
    /// The provider, and what its statements mean here.
    pub spec: OidcSpec,
}

/// A provider, and what its statements mean here.
#[derive(Clone, PartialEq)]
pub struct OidcSpec {
    /// The provider, exactly as its tokens name it.
    pub issuer_url: String,
    /// What the provider calls this cluster.
    pub client_id: String,
    /// What the cluster proves that with.
    pub client_secret: Secret<String>,
    /// How the secret is sent; what the provider offers decides if nothing is said.
    pub client_auth: Option<ClientAuth>,
    /// Where the provider sends people back to; the proxy's own address if there is none.
    pub redirect_urls: Vec<String>,
    /// What is asked for besides `openid`.
    pub scope: Vec<String>,
    /// Which claims give which roles.
    pub claims_to_roles: Vec<AttributeMapping>,
    /// The claim with the user's name; `email` if nothing is said.
    pub username_claim: String,
    /// The authentication that must have taken place (`acr`).
    pub acr_values: String,
    /// What the provider asks people.
    pub prompt: String,
    /// How long ago people may have signed in at the provider.
    pub max_age: Option<Duration>,
    /// What the connector is called in sentences.
    pub display: String,
    /// Whether an e-mail address counts that the provider says it has not verified.
    pub allow_unverified_email: bool,
    /// Known fields that mean nothing here, kept and printed back.
    pub other: Map<String, Value>,
}

/// How a client proves itself to a provider's token endpoint (RFC 6749, section 2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientAuth {
    /// In the `Authorization` header.
    Basic,
    /// In the body.
    Post,
}

impl ClientAuth {
    const SPELLINGS: [(&'static str, Self); 2] =
        [("client_secret_basic", Self::Basic), ("client_secret_post", Self::Post)];

    /// The name that OpenID Connect gives it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "client_secret_basic",
            Self::Post => "client_secret_post",
        }
    }
}

impl FromNode for ClientAuth {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.choice("client authentication", &Self::SPELLINGS)
    }
}

impl OidcConnector {
    /// The connector's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// What the connector is called in sentences.
    #[must_use]
    pub fn display_name(&self) -> &str {
        if self.spec.display.is_empty() { self.name() } else { &self.spec.display }
    }

    /// Whether the secret is only a mask: a connector that was read where secrets are not shown.
    #[must_use]
    pub fn is_masked(&self) -> bool {
        self.spec.client_secret.expose() == MASK
    }

    pub(crate) fn read(document: &mut Table<'_>) -> Option<Self> {
        any_version(document, Kind::Oidc);
        let metadata = metadata(document, NameRule::Plain);
        let spec = document.required("spec").and_then(|reader| reader.table(spec));
        Some(Self { metadata: metadata?, spec: spec? })
    }

    /// The connector as JSON.
    #[must_use]
    pub fn to_json(&self, secrets: Secrets) -> Value {
        let from = &self.spec;
        let claims: Vec<Value> =
            from.claims_to_roles.iter().map(|mapping| mapping.to_value(WORDS)).collect();
        let mut spec = Object::default();
        spec.put("issuer_url", from.issuer_url.as_str())
            .put("client_id", from.client_id.as_str())
            .put("client_secret", shown(&from.client_secret, secrets))
            .put_some("token_endpoint_auth_method", from.client_auth.map(ClientAuth::as_str))
            .put_list("redirect_url", &from.redirect_urls)
            .put_text("display", &from.display)
            .put_list("scope", &from.scope)
            .put("claims_to_roles", claims)
            .put_text("username_claim", &from.username_claim)
            .put_text("acr_values", &from.acr_values)
            .put_text("prompt", &from.prompt)
            .put_duration("max_age", from.max_age)
            .put_flag("allow_unverified_email", from.allow_unverified_email)
            .put_kept(&from.other);
        let version = Kind::Oidc.version();
        document(Kind::Oidc, "", version, &self.metadata, spec, Object::default())
    }
}

fn spec(table: &mut Table<'_>) -> Option<OidcSpec> {
    let issuer_url = table.required("issuer_url").and_then(provider_url);
    let client_id = table.required("client_id").and_then(filled);
    let client_secret = table.required("client_secret").and_then(secret);
    let client_auth = table.get("token_endpoint_auth_method");
    let redirect_urls = match table.field("redirect_url") {
        None => Some(Vec::new()),
        Some(reader) => redirect_urls(reader),
    };
    let claims_to_roles = AttributeMapping::read_list(table, "claims_to_roles", WORDS);
    refuse_fields(table, &NOT_HERE);
    let spec = OidcSpec {
        issuer_url: String::new(),
        client_id: String::new(),
        client_secret: Secret::new(String::new()),
        client_auth,
        redirect_urls: Vec::new(),
        scope: table.get_or_default("scope"),
        claims_to_roles: Vec::new(),
        username_claim: table.get_or_default("username_claim"),
        acr_values: table.get_or_default("acr_values"),
        prompt: table.get_or_default("prompt"),
        max_age: table.get("max_age"),
        display: table.get_or_default("display"),
        allow_unverified_email: table.get_or_default("allow_unverified_email"),
        other: table.keep(OTHER_FIELDS),
    };
    Some(OidcSpec {
        issuer_url: issuer_url?,
        client_id: client_id?,
        client_secret: client_secret?,
        redirect_urls: redirect_urls?,
        claims_to_roles: claims_to_roles?,
        ..spec
    })
}

fn redirect_urls(reader: Reader<'_>) -> Option<Vec<String>> {
    let urls = one_or_more(reader)?;
    for url in &urls {
        check_return(reader, url, CALLBACK_PATH)?;
    }
    Some(urls)
}

/// Where proxies take people back from a provider.
pub const CALLBACK_PATH: &str = "/v1/webapi/oidc/callback";

impl fmt::Debug for OidcSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcSpec")
            .field("issuer_url", &self.issuer_url)
            .field("client_id", &self.client_id)
            .field("claims_to_roles", &self.claims_to_roles)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
