//! `app_auth_config`: whose tokens let clients in to which apps, without a certificate.

use serde_json::Value;

use crate::connector::{filled, provider_url};
use crate::decode::{Reader, Table};
use crate::kind::Kind;
use crate::label::{LabelSelector, canonical_label_key};
use crate::metadata::{Metadata, NameRule, any_version, metadata};
use crate::node::NodeValue;
use crate::object::{Object, document};

/// The header that a token is in if nothing else is said.
pub const DEFAULT_HEADER: &str = "authorization";
/// The claim with the user's name if nothing else is said.
pub const DEFAULT_USERNAME_CLAIM: &str = "email";

/// Headers that mean something else, or that would go on to the server.
const TAKEN_HEADERS: [&str; 16] = [
    "accept",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "baggage",
    "host",
    "last-event-id",
    "origin",
    "te",
    "traceparent",
    "tracestate",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];
const TAKEN_PREFIXES: [&str; 3] = ["mcp-", "tessera-", "x-forwarded-"];

/// Whose tokens let clients in to which apps.
#[derive(Debug, Clone, PartialEq)]
pub struct AppAuthConfig {
    /// Name, labels and the rest.
    pub metadata: Metadata,
    /// The apps, and the tokens.
    pub spec: AppAuthSpec,
}

/// Which apps, and which tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct AppAuthSpec {
    /// The apps.
    pub app_labels: LabelSelector,
    /// The tokens.
    pub jwt: JwtAuth,
}

/// Which tokens are accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct JwtAuth {
    /// Who issues them, exactly as they say.
    pub issuer: String,
    /// For whom they must be.
    pub audience: String,
    /// The claim with the user's name.
    pub username_claim: String,
    /// The header that they are in, in small letters.
    pub header: String,
    /// What verifies them.
    pub keys: JwtKeys,
}

/// Where the keys are that verify tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JwtKeys {
    /// At this address, as a JSON Web Key Set.
    Url(String),
    /// Here, as a JSON Web Key Set.
    Static(String),
}

impl AppAuthConfig {
    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    pub(crate) fn read(document: &mut Table<'_>) -> Option<Self> {
        any_version(document, Kind::AppAuthConfig);
        let metadata = metadata(document, NameRule::Plain);
        let spec = document.required("spec").and_then(|reader| reader.table(spec));
        Some(Self { metadata: metadata?, spec: spec? })
    }

    /// The resource as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let from = &self.spec.jwt;
        let mut jwt = Object::default();
        jwt.put("issuer", from.issuer.as_str())
            .put("audience", from.audience.as_str())
            .put("username_claim", from.username_claim.as_str())
            .put("authorization_header", from.header.as_str());
        match &from.keys {
            JwtKeys::Url(url) => jwt.put("jwks_url", url.as_str()),
            JwtKeys::Static(keys) => jwt.put("static_jwks", keys.as_str()),
        };
        let labels: Vec<Value> = self
            .spec
            .app_labels
            .0
            .iter()
            .map(|(name, values)| {
                let mut label = Object::default();
                label.put("name", name.as_str()).put("values", values.clone());
                label.into()
            })
            .collect();
        let mut spec = Object::default();
        spec.put("app_labels", labels).put("jwt", jwt);
        let version = Kind::AppAuthConfig.version();
        document(Kind::AppAuthConfig, "", version, &self.metadata, spec, Object::default())
    }
}

fn spec(table: &mut Table<'_>) -> Option<AppAuthSpec> {
    let app_labels = table.required("app_labels").and_then(app_labels);
    let jwt = table.required("jwt").and_then(|reader| reader.table(jwt));
    Some(AppAuthSpec { app_labels: app_labels?, jwt: jwt? })
}

/// A mapping as in roles, or the list of names and values that documents in use have.
fn app_labels(reader: Reader<'_>) -> Option<LabelSelector> {
    let labels = match &reader.node().value {
        NodeValue::Sequence(_) => {
            let read: Vec<Option<(String, Vec<String>)>> = reader
                .items()?
                .map(|item| {
                    item.table(|table| {
                        let name = table.required("name").and_then(filled);
                        let values = table.require::<Vec<String>>("values");
                        Some((canonical_label_key(&name?).into_owned(), values?))
                    })
                })
                .collect();
            let pairs: Vec<(String, Vec<String>)> = read.into_iter().collect::<Option<_>>()?;
            let mut labels = LabelSelector::default();
            for (name, values) in pairs {
                if labels.0.insert(name, values).is_some() {
                    return reader.refuse("a label is written twice");
                }
            }
            labels
        }
        _ => reader.read()?,
    };
    if labels.is_empty() {
        return reader.refuse_with_help(
            "no labels, so that the tokens would be good for no app",
            "write {'*': '*'} for every app",
        );
    }
    Some(labels)
}

fn jwt(table: &mut Table<'_>) -> Option<JwtAuth> {
    let issuer = table.required("issuer").and_then(filled);
    let audience = table.required("audience").and_then(filled);
    let username_claim = table
        .field("username_claim")
        .map_or_else(|| Some(DEFAULT_USERNAME_CLAIM.to_owned()), filled);
    let header =
        table.field("authorization_header").map_or_else(|| Some(DEFAULT_HEADER.to_owned()), header);
    let url = table.field("jwks_url").map(provider_url);
    let keys = table.field("static_jwks").map(static_keys);
    let keys = match (url, keys) {
        (Some(url), None) => url.map(JwtKeys::Url),
        (None, Some(keys)) => keys.map(JwtKeys::Static),
        _ => table.reader().refuse_with_help(
            "expected one place where the keys are",
            "write jwks_url: https://… or static_jwks: '{\"keys\": […]}'",
        ),
    };
    Some(JwtAuth {
        issuer: issuer?,
        audience: audience?,
        username_claim: username_claim?,
        header: header?,
        keys: keys?,
    })
}

fn header(reader: Reader<'_>) -> Option<String> {
    let name = filled(reader)?.to_ascii_lowercase();
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if !name.chars().all(is_token) {
        return reader.refuse("is not the name of a header");
    }
    let is_taken = TAKEN_HEADERS.contains(&name.as_str())
        || TAKEN_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    if is_taken {
        return reader.refuse_with_help(
            format!("the header {name:?} means something else"),
            "use authorization, or a header of your own such as x-api-token",
        );
    }
    Some(name)
}

/// A key set as text, or as the object that it is. What it holds is checked by who knows keys.
fn static_keys(reader: Reader<'_>) -> Option<String> {
    match &reader.node().value {
        NodeValue::Scalar(_) => filled(reader),
        _ => Some(reader.node().to_json().to_string()),
    }
}

#[cfg(test)]
mod tests;
