//! `cluster_auth_preference`: how people sign in to the cluster, and what their sessions are held to.

mod webauthn;

use std::time::Duration;

use serde_json::{Map, Value};

pub use self::webauthn::{Webauthn, is_domain};
use crate::decode::{FromNode, Reader, Table};
use crate::kind::Kind;
use crate::metadata::{Metadata, NameRule, any_version, metadata};
use crate::object::{Object, document};
use crate::role::{LockMode, MfaRequirement};

/// The name of the one resource of this kind.
pub const NAME: &str = "cluster-auth-preference";

/// Known fields that mean nothing here, kept and printed back.
const OTHER_FIELDS: &[&str] = &[
    "u2f",
    "idp",
    "okta",
    "hardware_key",
    "piv_slot",
    "allow_cli_auth_via_browser",
    "signature_algorithm_suite",
    "stable_unix_user_config",
];

/// How people sign in to the cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterAuthPreference {
    /// Always named [`NAME`].
    pub metadata: Metadata,
    /// What is preferred. Absent fields leave it to the cluster.
    pub spec: AuthPreferenceSpec,
}

/// What is preferred. [`None`] leaves it to the cluster.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AuthPreferenceSpec {
    /// How people sign in when they do not say.
    pub connector_type: Option<ConnectorType>,
    /// Through which connector, when there are several.
    pub connector_name: Option<String>,
    /// What proves possession besides a password; empty for nothing.
    pub second_factors: Option<Vec<SecondFactor>>,
    /// What is asked of security keys and passkeys.
    pub webauthn: Option<Webauthn>,
    /// Whether a passkey that verifies its user is enough to sign in, without a password.
    pub allow_passwordless: Option<bool>,
    /// Whether a login of a machine without a browser may be approved elsewhere.
    pub allow_headless: Option<bool>,
    /// Whether users get codes for when they have lost their second factor.
    pub allow_recovery_codes: Option<bool>,
    /// Whether local users may sign in.
    pub allow_local_auth: Option<bool>,
    /// Whether clients without a certificate may have people sign in, by OAuth.
    pub allow_oauth: Option<bool>,
    /// Whether such clients may register themselves.
    pub allow_oauth_registration: Option<bool>,
    /// The only hosts whose documents make clients known; any public one if none are named.
    pub oauth_client_hosts: Option<Vec<String>>,
    /// Whether connections end with the certificate they were opened with.
    pub disconnect_expired_cert: Option<bool>,
    /// Whether each session needs a second factor.
    pub require_session_mfa: Option<MfaRequirement>,
    /// Whether clients prove with each request to an MCP server that they hold their certificate's key.
    pub require_client_proof: Option<bool>,
    /// How long certificates live when nothing else says.
    pub default_session_ttl: Option<Duration>,
    /// What happens when locks cannot be read.
    pub locking_mode: Option<LockMode>,
    /// What people are shown before they sign in.
    pub message_of_the_day: Option<String>,
    /// Whether trusted devices are needed; `mode` and the rest as in documents.
    pub device_trust: Option<Value>,
    /// Known fields that mean nothing here, kept and printed back.
    pub other: Map<String, Value>,
}

impl AuthPreferenceSpec {
    /// Whether clients without a certificate may have people sign in.
    #[must_use]
    pub fn allows_oauth(&self) -> bool {
        self.allow_oauth == Some(true)
    }

    /// Whether such clients may register themselves.
    #[must_use]
    pub fn allows_oauth_registration(&self) -> bool {
        self.allows_oauth() && self.allow_oauth_registration == Some(true)
    }
}

/// How people sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConnectorType {
    /// With a password of the cluster.
    Local,
    /// Through an OIDC provider.
    Oidc,
    /// Through a SAML provider.
    Saml,
    /// Through GitHub.
    Github,
}

impl ConnectorType {
    const SPELLINGS: [(&'static str, Self); 4] = [
        ("local", Self::Local),
        ("oidc", Self::Oidc),
        ("saml", Self::Saml),
        ("github", Self::Github),
    ];

    /// The spelling in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Oidc => "oidc",
            Self::Saml => "saml",
            Self::Github => "github",
        }
    }
}

/// What proves possession besides a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SecondFactor {
    /// A code of an authenticator.
    Otp,
    /// A security key or a passkey.
    Webauthn,
    /// What the single sign-on provider asks for.
    Sso,
}

impl SecondFactor {
    const SPELLINGS: [(&'static str, Self); 3] =
        [("otp", Self::Otp), ("webauthn", Self::Webauthn), ("sso", Self::Sso)];

    /// The spelling in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Otp => "otp",
            Self::Webauthn => "webauthn",
            Self::Sso => "sso",
        }
    }
}

impl FromNode for ConnectorType {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.choice("type", &Self::SPELLINGS)
    }
}

impl FromNode for SecondFactor {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.choice("second factor", &Self::SPELLINGS)
    }
}

impl Default for ClusterAuthPreference {
    fn default() -> Self {
        Self { metadata: Metadata::named(NAME), spec: AuthPreferenceSpec::default() }
    }
}

impl ClusterAuthPreference {
    pub(crate) fn read(document: &mut Table<'_>) -> Option<Self> {
        any_version(document, Kind::ClusterAuthPreference);
        let metadata = metadata(document, NameRule::Fixed(NAME));
        let spec =
            document.required("spec").and_then(|reader| reader.table(|table| Some(spec(table))));
        Some(Self { metadata: metadata?, spec: spec? })
    }

    /// The preference as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let from = &self.spec;
        let mut spec = Object::default();
        spec.put_some("type", from.connector_type.map(ConnectorType::as_str))
            .put_some("connector_name", from.connector_name.as_deref());
        match from.second_factors.as_deref() {
            None => {}
            Some([]) => {
                spec.put("second_factor", "off");
            }
            Some(factors) => {
                let names: Vec<&str> = factors.iter().map(|factor| factor.as_str()).collect();
                spec.put("second_factors", names);
            }
        }
        spec.put_some("webauthn", from.webauthn.as_ref().map(Webauthn::to_object))
            .put_some("allow_passwordless", from.allow_passwordless)
            .put_some("allow_headless", from.allow_headless)
            .put_some("allow_recovery_codes", from.allow_recovery_codes)
            .put_some("allow_local_auth", from.allow_local_auth)
            .put_some("allow_oauth", from.allow_oauth)
            .put_some("allow_oauth_registration", from.allow_oauth_registration)
            .put_some("oauth_client_hosts", from.oauth_client_hosts.clone())
            .put_some("disconnect_expired_cert", from.disconnect_expired_cert)
            .put_some("require_session_mfa", from.require_session_mfa.map(crate::role::spelling))
            .put_some("require_client_proof", from.require_client_proof)
            .put_duration("default_session_ttl", from.default_session_ttl)
            .put_some("locking_mode", from.locking_mode.map(LockMode::as_str))
            .put_some("message_of_the_day", from.message_of_the_day.as_deref())
            .put_some("device_trust", from.device_trust.clone())
            .put_kept(&from.other);
        let kind = Kind::ClusterAuthPreference;
        document(kind, "", kind.version(), &self.metadata, spec, Object::default())
    }
}

fn spec(table: &mut Table<'_>) -> AuthPreferenceSpec {
    let older = table.field("second_factor").and_then(second_factor);
    let newer: Option<Vec<SecondFactor>> = table.get("second_factors");
    AuthPreferenceSpec {
        connector_type: table.get("type"),
        connector_name: table.get("connector_name"),
        second_factors: newer.or(older),
        webauthn: table.get("webauthn"),
        allow_passwordless: table.get("allow_passwordless"),
        allow_headless: table.get("allow_headless"),
        allow_recovery_codes: table.get("allow_recovery_codes"),
        allow_local_auth: table.get("allow_local_auth"),
        allow_oauth: table.get("allow_oauth"),
        allow_oauth_registration: table.get("allow_oauth_registration"),
        oauth_client_hosts: table.get("oauth_client_hosts"),
        disconnect_expired_cert: table.get("disconnect_expired_cert"),
        require_session_mfa: table.get("require_session_mfa"),
        require_client_proof: table.get("require_client_proof"),
        default_session_ttl: table.get("default_session_ttl"),
        locking_mode: table.get("locking_mode"),
        message_of_the_day: table.get("message_of_the_day"),
        device_trust: table.get("device_trust"),
        other: table.keep(OTHER_FIELDS),
    }
}

/// The older field, one word for a set. `optional` has no counterpart: either possession is proven or not.
fn second_factor(reader: Reader<'_>) -> Option<Vec<SecondFactor>> {
    use SecondFactor::{Otp, Webauthn};
    match reader.text()?.to_ascii_lowercase().as_str() {
        "off" | "no" | "false" => Some(Vec::new()),
        "on" | "yes" | "true" => Some(vec![Otp, Webauthn]),
        "otp" => Some(vec![Otp]),
        "webauthn" => Some(vec![Webauthn]),
        _ => {
            let help = "expected one of off, on, otp, webauthn; or list second_factors";
            reader.refuse_with_help("unknown second factor", help)
        }
    }
}

#[cfg(test)]
mod tests;
