//! `oauth_grant`: what a person granted a client that holds no certificate. It is made by consenting to it, and removing
//! it ends all that rests on it.

use std::net::IpAddr;

use serde_json::Value;
use time::OffsetDateTime;
use url::Url;

use crate::cluster_auth_preference::AuthPreferenceSpec;
use crate::decode::{FromNode, Reader, Table};
use crate::kind::Kind;
use crate::label::Traits;
use crate::metadata::{Metadata, NameRule, any_version, metadata};
use crate::object::{Object, document};
use crate::user::traits;

/// A client may use one app in the name of a user, until `metadata.expires`.
#[derive(Debug, Clone, PartialEq)]
pub struct OauthGrant {
    /// The name, which is in every certificate that rests on it.
    pub metadata: Metadata,
    /// Who may do what for whom.
    pub spec: OauthGrantSpec,
}

/// Who may do what for whom.
#[derive(Debug, Clone, PartialEq)]
pub struct OauthGrantSpec {
    /// Who granted it.
    pub user: String,
    /// To which client.
    pub client: OauthGrantClient,
    /// The app.
    pub app: String,
    /// The cluster that has it, if it is another one.
    pub cluster: Option<String>,
    /// The address of the proxy at which it is good, `host:port`.
    pub proxy: String,
    /// When the user signed in for it.
    pub created: OffsetDateTime,
    /// The user's roles then.
    pub roles: Vec<String>,
    /// What was known of the user then.
    pub traits: Traits,
    /// What names the sign-in.
    pub login_id: String,
    /// The device that proved a second factor then.
    pub mfa_device: Option<String>,
    /// The one address from which it may be used, if roles bind it to one.
    pub source_ip: Option<IpAddr>,
}

/// A client, as it says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OauthGrantClient {
    /// The address of its document, or what its registration is known by.
    pub id: String,
    /// What it says it is called.
    pub name: String,
    /// How it is known.
    pub known_by: OauthKnownBy,
}

/// How a client is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OauthKnownBy {
    /// By a document at an address of its own.
    Document,
    /// It registered itself.
    Registration,
}

impl OauthKnownBy {
    const SPELLINGS: [(&'static str, Self); 2] =
        [("document", Self::Document), ("registration", Self::Registration)];

    /// The spelling in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Registration => "registration",
        }
    }

    /// Whether a cluster with these rules takes such clients.
    #[must_use]
    pub fn is_allowed(self, rules: Option<&AuthPreferenceSpec>) -> bool {
        rules.is_some_and(match self {
            Self::Document => AuthPreferenceSpec::allows_oauth,
            Self::Registration => AuthPreferenceSpec::allows_oauth_registration,
        })
    }
}

impl OauthGrantClient {
    /// Whether a cluster with these rules takes the client.
    #[must_use]
    pub fn is_allowed(&self, rules: Option<&AuthPreferenceSpec>) -> bool {
        let named = rules.and_then(|rules| rules.oauth_client_hosts.as_deref());
        let is_named = match (self.known_by, named) {
            (OauthKnownBy::Document, Some(named)) => {
                let url = Url::parse(&self.id).ok();
                let host = url.as_ref().and_then(Url::host_str);
                host.is_some_and(|host| named.iter().any(|one| one.eq_ignore_ascii_case(host)))
            }
            _ => true,
        };
        is_named && self.known_by.is_allowed(rules)
    }
}

impl FromNode for OauthKnownBy {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.choice("known_by", &Self::SPELLINGS)
    }
}

impl OauthGrant {
    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// When it ends. One without an end has ended.
    #[must_use]
    pub fn ends(&self) -> OffsetDateTime {
        self.metadata.expires.unwrap_or(self.spec.created)
    }

    /// Whether it is good for anything in a cluster with these rules.
    #[must_use]
    pub fn is_in_force(&self, rules: Option<&AuthPreferenceSpec>, now: OffsetDateTime) -> bool {
        now < self.ends() && self.spec.client.is_allowed(rules)
    }

    pub(crate) fn read(document: &mut Table<'_>) -> Option<Self> {
        any_version(document, Kind::OauthGrant);
        let metadata = metadata(document, NameRule::Plain);
        let spec = document.required("spec").and_then(|reader| reader.table(spec));
        Some(Self { metadata: metadata?, spec: spec? })
    }

    /// The resource as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let from = &self.spec;
        let mut client = Object::default();
        client
            .put("id", from.client.id.as_str())
            .put_text("name", &from.client.name)
            .put("known_by", from.client.known_by.as_str());
        let mut spec = Object::default();
        spec.put("user", from.user.as_str())
            .put("client", client)
            .put("app", from.app.as_str())
            .put_some("cluster", from.cluster.as_deref())
            .put("proxy", from.proxy.as_str())
            .put_time("created", Some(from.created))
            .put_list("roles", &from.roles)
            .put_map("traits", from.traits.iter().map(|(name, values)| (name, values.clone())))
            .put("login_id", from.login_id.as_str())
            .put_some("mfa_device", from.mfa_device.as_deref())
            .put_some("source_ip", from.source_ip.map(|ip| ip.to_string()));
        let kind = Kind::OauthGrant;
        document(kind, "", kind.version(), &self.metadata, spec, Object::default())
    }
}

fn spec(table: &mut Table<'_>) -> Option<OauthGrantSpec> {
    let user = table.required("user").and_then(String::from_node);
    let client = table.required("client").and_then(|reader| reader.table(client));
    let app = table.required("app").and_then(String::from_node);
    let proxy = table.required("proxy").and_then(String::from_node);
    let created = table.required("created").and_then(Option::<OffsetDateTime>::from_node);
    let login_id = table.required("login_id").and_then(String::from_node);
    let source_ip = match table.field("source_ip") {
        None => Some(None),
        Some(reader) => match reader.text()?.parse() {
            Ok(ip) => Some(Some(ip)),
            Err(_) => reader.refuse("not an address"),
        },
    };
    Some(OauthGrantSpec {
        cluster: table.get("cluster"),
        roles: table.get_or_default("roles"),
        traits: table.field("traits").map_or_else(|| Some(Traits::new()), traits)?,
        mfa_device: table.get("mfa_device"),
        user: user?,
        client: client?,
        app: app?,
        proxy: proxy?,
        // The zero of other programs: long over.
        created: created?.unwrap_or(OffsetDateTime::UNIX_EPOCH),
        login_id: login_id?,
        source_ip: source_ip?,
    })
}

fn client(table: &mut Table<'_>) -> Option<OauthGrantClient> {
    let id = table.required("id").and_then(String::from_node);
    let known_by = table.required("known_by").and_then(OauthKnownBy::from_node);
    let name = table.get_or_default("name");
    Some(OauthGrantClient { id: id?, name, known_by: known_by? })
}

#[cfg(test)]
mod tests;
