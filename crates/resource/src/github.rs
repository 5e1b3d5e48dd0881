//! `github`: a connector to GitHub, or to a GitHub Enterprise Server, through which people sign in.

use std::fmt;

use serde_json::{Map, Value};

use crate::connector::{
    AttributeMapping, Words, check_return, filled, provider_url, refuse_fields, secret, shown,
};
use crate::decode::{Reader, Table};
use crate::kind::Kind;
use crate::metadata::{Metadata, NameRule, any_version, metadata};
use crate::object::{Object, document};
use crate::secret::{MASK, Secret, Secrets};

/// Where proxies take people back from GitHub.
pub const CALLBACK_PATH: &str = "/v1/webapi/github/callback";

/// Where people sign in, if the connector does not say.
const PUBLIC: &str = "https://github.com";
/// Where that site's API is.
const PUBLIC_API: &str = "https://api.github.com";
/// Where a GitHub Enterprise Server has its API.
const SERVER_API_PATH: &str = "/api/v3";

/// Known fields that mean nothing here, kept and printed back.
const OTHER_FIELDS: &[&str] = &["client_redirect_settings"];
/// Fields that promise something which is not there.
const NOT_HERE: [&str; 2] = ["teams_to_logins", "user_matchers"];
/// How entries of `teams_to_roles` are written.
const WORDS: Words = Words { name: "organization", value: "team" };

/// A connector to GitHub.
#[derive(Debug, Clone, PartialEq)]
pub struct GithubConnector {
    /// The name is what people say to `tsh login --auth`.
    pub metadata: Metadata,
    /// The OAuth app, and what teams mean here.
    pub spec: GithubSpec,
}

/// The OAuth app, and what teams mean here.
#[derive(Clone, PartialEq)]
pub struct GithubSpec {
    /// What GitHub calls this cluster.
    pub client_id: String,
    /// What the cluster proves that with.
    pub client_secret: Secret<String>,
    /// Where GitHub sends people back to; the proxy's own address if there is none.
    pub redirect_url: Option<String>,
    /// What the connector is called in sentences.
    pub display: String,
    /// Which teams of which organizations give which roles.
    pub teams_to_roles: Vec<AttributeMapping>,
    /// Where people sign in; github.com if nothing is said.
    pub endpoint_url: String,
    /// Where the API is; what belongs to `endpoint_url` if nothing is said.
    pub api_endpoint_url: String,
    /// Known fields that mean nothing here, kept and printed back.
    pub other: Map<String, Value>,
}

impl GithubConnector {
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
        any_version(document, Kind::Github);
        let metadata = metadata(document, NameRule::Plain);
        let spec = document.required("spec").and_then(|reader| reader.table(spec));
        Some(Self { metadata: metadata?, spec: spec? })
    }

    /// The connector as JSON.
    #[must_use]
    pub fn to_json(&self, secrets: Secrets) -> Value {
        let from = &self.spec;
        let teams: Vec<Value> =
            from.teams_to_roles.iter().map(|mapping| mapping.to_value(WORDS)).collect();
        let mut spec = Object::default();
        spec.put("client_id", from.client_id.as_str())
            .put("client_secret", shown(&from.client_secret, secrets))
            .put_some("redirect_url", from.redirect_url.as_deref())
            .put_text("display", &from.display)
            .put("teams_to_roles", teams)
            .put_text("endpoint_url", &from.endpoint_url)
            .put_text("api_endpoint_url", &from.api_endpoint_url)
            .put_kept(&from.other);
        let version = Kind::Github.version();
        document(Kind::Github, "", version, &self.metadata, spec, Object::default())
    }
}

impl GithubSpec {
    /// Where people sign in, without a slash at the end.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        match self.endpoint_url.trim_end_matches('/') {
            "" => PUBLIC,
            url => url,
        }
    }

    /// Where the API is, without a slash at the end.
    #[must_use]
    pub fn api(&self) -> String {
        match (self.api_endpoint_url.trim_end_matches('/'), self.endpoint()) {
            ("", PUBLIC) => PUBLIC_API.to_owned(),
            ("", server) => format!("{server}{SERVER_API_PATH}"),
            (url, _) => url.to_owned(),
        }
    }
}

fn spec(table: &mut Table<'_>) -> Option<GithubSpec> {
    let client_id = table.required("client_id").and_then(filled);
    let client_secret = table.required("client_secret").and_then(secret);
    let redirect_url = match table.field("redirect_url") {
        None => Some(None),
        Some(reader) => return_url(reader).map(Some),
    };
    let teams_to_roles = AttributeMapping::read_list(table, "teams_to_roles", WORDS);
    let endpoint_url = address(table, "endpoint_url");
    let api_endpoint_url = address(table, "api_endpoint_url");
    refuse_fields(table, &NOT_HERE);
    let display = table.get_or_default("display");
    let other = table.keep(OTHER_FIELDS);
    Some(GithubSpec {
        client_id: client_id?,
        client_secret: client_secret?,
        redirect_url: redirect_url?,
        display,
        teams_to_roles: teams_to_roles?,
        endpoint_url: endpoint_url?,
        api_endpoint_url: api_endpoint_url?,
        other,
    })
}

fn return_url(reader: Reader<'_>) -> Option<String> {
    let text = filled(reader)?;
    check_return(reader, &text, CALLBACK_PATH)?;
    Some(text)
}

/// The address of a server. A path is added to it, so it ends with nothing that a path cannot follow.
fn address(table: &mut Table<'_>, name: &'static str) -> Option<String> {
    let Some(reader) = table.field(name) else { return Some(String::new()) };
    let text = provider_url(reader)?;
    if text.contains('?') {
        return reader.refuse("cannot have a query (\"?…\")");
    }
    Some(text)
}

impl fmt::Debug for GithubSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GithubSpec")
            .field("client_id", &self.client_id)
            .field("endpoint_url", &self.endpoint_url)
            .field("teams_to_roles", &self.teams_to_roles)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
