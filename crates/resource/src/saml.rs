//! `saml`: a connector to a SAML 2.0 provider, through which people sign in.

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

/// Where providers send people back to (the assertion consumer service); the connector's name may follow.
pub const ACS_PATH: &str = "/v1/webapi/saml/acs";

/// Known fields that mean nothing here, kept and printed back.
const OTHER_FIELDS: &[&str] =
    &["provider", "client_redirect_settings", "single_logout_url", "include_subject"];
/// Fields that promise something which is not there.
const NOT_HERE: [&str; 3] = ["preferred_request_binding", "mfa", "user_matchers"];
/// How entries of `attributes_to_roles` are written.
const WORDS: Words = Words { name: "name", value: "value" };

/// A connector to a SAML provider.
#[derive(Debug, Clone, PartialEq)]
pub struct SamlConnector {
    /// The name is what people say to `tsh login --auth`.
    pub metadata: Metadata,
    /// The provider, and what its statements mean here.
    pub spec: SamlSpec,
}

/// A provider, and what its statements mean here.
#[derive(Clone, PartialEq)]
pub struct SamlSpec {
    /// Where the provider sends people back to, of a proxy of this cluster.
    pub acs: String,
    /// The provider's name, if the metadata does not say it.
    pub issuer: String,
    /// The provider's page, if the metadata does not say it.
    pub sso: String,
    /// The certificates of the provider's keys, PEM, if the metadata does not have them.
    pub cert: String,
    /// The provider's metadata.
    pub entity_descriptor: String,
    /// Where the provider's metadata is.
    pub entity_descriptor_url: String,
    /// For whom assertions are; `acs` if nothing is said.
    pub audience: String,
    /// What the provider calls this cluster; `acs` if nothing is said.
    pub service_provider_issuer: String,
    /// What the connector is called in sentences.
    pub display: String,
    /// Whether logins may begin at the provider, where nobody here asked for one.
    pub allow_idp_initiated: bool,
    /// Whether people sign in at the provider anew each time, whoever is signed in there.
    pub force_authn: bool,
    /// Which attributes give which roles.
    pub attributes_to_roles: Vec<AttributeMapping>,
    /// What requests are signed with; made when the connector is written without.
    pub signing_key_pair: Option<KeyPair>,
    /// What encrypted assertions are decrypted with.
    pub assertion_key_pair: Option<KeyPair>,
    /// Known fields that mean nothing here, kept and printed back.
    pub other: Map<String, Value>,
}

/// A private key with its certificate, PEM.
#[derive(Clone, PartialEq)]
pub struct KeyPair {
    /// The key.
    pub private_key: Secret<String>,
    /// The certificate by which the provider knows it.
    pub cert: String,
}

impl SamlConnector {
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

    pub(crate) fn read(document: &mut Table<'_>) -> Option<Self> {
        any_version(document, Kind::Saml);
        let metadata = metadata(document, NameRule::Plain);
        let name = metadata.as_ref().map(|metadata| metadata.name.clone()).unwrap_or_default();
        let spec =
            document.required("spec").and_then(|reader| reader.table(|table| spec(table, &name)));
        Some(Self { metadata: metadata?, spec: spec? })
    }

    /// The connector as JSON.
    #[must_use]
    pub fn to_json(&self, secrets: Secrets) -> Value {
        let from = &self.spec;
        let attributes: Vec<Value> =
            from.attributes_to_roles.iter().map(|mapping| mapping.to_value(WORDS)).collect();
        let mut spec = Object::default();
        spec.put("acs", from.acs.as_str())
            .put_text("issuer", &from.issuer)
            .put_text("sso", &from.sso)
            .put_text("cert", &from.cert)
            .put_text("entity_descriptor", &from.entity_descriptor)
            .put_text("entity_descriptor_url", &from.entity_descriptor_url)
            .put_text("audience", &from.audience)
            .put_text("service_provider_issuer", &from.service_provider_issuer)
            .put_text("display", &from.display)
            .put_flag("allow_idp_initiated", from.allow_idp_initiated)
            .put_flag("force_authn", from.force_authn)
            .put("attributes_to_roles", attributes);
        for (name, pair) in [
            ("signing_key_pair", &from.signing_key_pair),
            ("assertion_key_pair", &from.assertion_key_pair),
        ] {
            if let Some(pair) = pair {
                spec.put_object(name, pair.to_object(secrets));
            }
        }
        spec.put_kept(&from.other);
        let version = Kind::Saml.version();
        document(Kind::Saml, "", version, &self.metadata, spec, Object::default())
    }
}

impl SamlSpec {
    /// For whom assertions are.
    #[must_use]
    pub fn audience(&self) -> &str {
        if self.audience.is_empty() { &self.acs } else { &self.audience }
    }

    /// What the provider calls this cluster.
    #[must_use]
    pub fn service_provider_issuer(&self) -> &str {
        if self.service_provider_issuer.is_empty() {
            &self.acs
        } else {
            &self.service_provider_issuer
        }
    }

    /// Where the provider is: a name for people.
    #[must_use]
    pub fn provider(&self) -> &str {
        let places = [&self.issuer, &self.entity_descriptor_url, &self.sso];
        places.into_iter().find(|text| !text.is_empty()).map_or("", String::as_str)
    }
}

impl KeyPair {
    /// Whether the key is only a mask: of a connector that was read where secrets are not shown.
    #[must_use]
    pub fn is_masked(&self) -> bool {
        self.private_key.expose() == MASK
    }

    fn read(reader: Reader<'_>) -> Option<Self> {
        reader.table(|table| {
            let private_key = table.required("private_key").and_then(secret);
            let cert = table.required("cert").and_then(filled);
            Some(Self { private_key: private_key?, cert: cert? })
        })
    }

    fn to_object(&self, secrets: Secrets) -> Object {
        let mut object = Object::default();
        object
            .put("private_key", shown(&self.private_key, secrets))
            .put("cert", self.cert.as_str());
        object
    }
}

fn spec(table: &mut Table<'_>, name: &str) -> Option<SamlSpec> {
    let acs = table.required("acs").and_then(acs);
    let attributes_to_roles = AttributeMapping::read_list(table, "attributes_to_roles", WORDS);
    let sso = address(table, "sso");
    let entity_descriptor_url = address(table, "entity_descriptor_url");
    let signing_key_pair = key_pair(table, "signing_key_pair");
    let assertion_key_pair = key_pair(table, "assertion_key_pair");
    refuse_fields(table, &NOT_HERE);
    let spec = SamlSpec {
        acs: String::new(),
        issuer: table.get_or_default("issuer"),
        sso: sso?,
        cert: table.get_or_default("cert"),
        entity_descriptor: table.get_or_default("entity_descriptor"),
        entity_descriptor_url: entity_descriptor_url?,
        audience: table.get_or_default("audience"),
        service_provider_issuer: table.get_or_default("service_provider_issuer"),
        display: table.get_or_default("display"),
        allow_idp_initiated: table.get_or_default("allow_idp_initiated"),
        force_authn: table.get_or_default("force_authn"),
        attributes_to_roles: Vec::new(),
        signing_key_pair: signing_key_pair?,
        assertion_key_pair: assertion_key_pair?,
        other: table.keep(OTHER_FIELDS),
    };
    check_provider(table, &spec)?;
    let spec = SamlSpec { acs: acs?, attributes_to_roles: attributes_to_roles?, ..spec };
    check_arrivals(table, &spec, name)?;
    Some(spec)
}

/// There is one place that says who the provider is.
fn check_provider(table: &mut Table<'_>, spec: &SamlSpec) -> Option<()> {
    let by_hand = [("issuer", &spec.issuer), ("sso", &spec.sso), ("cert", &spec.cert)];
    match (spec.entity_descriptor.is_empty(), spec.entity_descriptor_url.is_empty()) {
        (false, false) => table.missing_with_help(
            "entity_descriptor",
            "given together with entity_descriptor_url",
            "write one of them",
        ),
        (true, true) => match by_hand.iter().find(|(_, value)| value.is_empty()) {
            None => Some(()),
            Some((name, _)) => table.missing_with_help(
                name,
                "missing",
                "write entity_descriptor_url, or entity_descriptor, or issuer, sso and cert",
            ),
        },
        // What the metadata says counts; `issuer` says which of several providers is meant.
        _ if !spec.sso.is_empty() || !spec.cert.is_empty() => table.missing_with_help(
            if spec.sso.is_empty() { "cert" } else { "sso" },
            "given together with metadata, which says the same",
            "leave it out, or leave out the metadata",
        ),
        _ => Some(()),
    }
}

/// Who comes unasked says by the address alone through which connector.
fn check_arrivals(table: &mut Table<'_>, spec: &SamlSpec, name: &str) -> Option<()> {
    if !spec.allow_idp_initiated {
        return Some(());
    }
    if spec.force_authn {
        return table.missing_with_help(
            "allow_idp_initiated",
            "given together with force_authn, which nobody asks for who begins at the provider",
            "leave one of them out",
        );
    }
    if spec.acs.ends_with(&format!("{ACS_PATH}/{name}")) {
        return Some(());
    }
    table.missing_with_help(
        "acs",
        "does not end with the connector's name, by which logins that begin at the provider are known",
        &format!("write it as https://PROXY{ACS_PATH}/{name}, and tell the provider"),
    )
}

fn acs(reader: Reader<'_>) -> Option<String> {
    let text = filled(reader)?;
    // The name of a connector may follow; what it is does not matter to who finds the login by its state.
    let path = url::Url::parse(&text).ok().map(|url| url.path().to_owned()).unwrap_or_default();
    let is_named = path
        .strip_prefix(ACS_PATH)
        .and_then(|rest| rest.strip_prefix('/'))
        .is_some_and(|name| !name.is_empty() && !name.contains('/'));
    check_return(reader, &text, if is_named { &path } else { ACS_PATH })?;
    Some(text)
}

fn address(table: &mut Table<'_>, name: &'static str) -> Option<String> {
    match table.field(name) {
        None => Some(String::new()),
        Some(reader) => provider_url(reader),
    }
}

fn key_pair(table: &mut Table<'_>, name: &'static str) -> Option<Option<KeyPair>> {
    match table.field(name) {
        None => Some(None),
        Some(reader) => KeyPair::read(reader).map(Some),
    }
}

impl fmt::Debug for SamlSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SamlSpec")
            .field("acs", &self.acs)
            .field("issuer", &self.issuer)
            .field("attributes_to_roles", &self.attributes_to_roles)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
