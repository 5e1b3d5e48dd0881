//! `cert_authority`: keys that sign what the cluster says.

pub mod rotation;

use std::fmt;

use serde_json::Value;
use time::OffsetDateTime;

pub use self::rotation::Rotation;
use crate::decode::{FromNode, Reader, Table};
use crate::kind::Kind;
use crate::metadata::{Metadata, NameRule, any_version, metadata};
use crate::object::{Object, document};
use crate::secret::{Secret, Secrets};

/// Keys that sign one sort of statement for one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertAuthority {
    /// Named `<type>.<cluster>`.
    pub metadata: Metadata,
    /// The keys.
    pub spec: CertAuthoritySpec,
}

/// The keys of a certificate authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertAuthoritySpec {
    /// What they sign.
    pub authority: AuthorityType,
    /// Whose they are.
    pub cluster_name: String,
    /// Those that sign, newest first.
    pub active_keys: Vec<CaKey>,
    /// Those that only verify, because a change of keys is under way.
    pub additional_trusted_keys: Vec<CaKey>,
    /// Where a change of keys stands.
    pub rotation: Rotation,
}

/// What an authority signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AuthorityType {
    /// Certificates of users.
    User,
    /// Certificates of services.
    Host,
    /// Tokens.
    Jwt,
}

impl AuthorityType {
    /// Every type.
    pub const ALL: [Self; 3] = [Self::User, Self::Host, Self::Jwt];

    /// The type of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|value| value.as_str() == text)
    }

    /// The spelling in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Host => "host",
            Self::Jwt => "jwt",
        }
    }
}

impl fmt::Display for AuthorityType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromNode for AuthorityType {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.choice("type", &Self::ALL.map(|value| (value.as_str(), value)))
    }
}

/// One key of an authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaKey {
    /// The certificate, in PEM; token keys have none.
    pub certificate: Option<String>,
    /// The public key, in PEM.
    pub public_key: Option<String>,
    /// The private key, in PEM. Whoever only verifies has none.
    pub private_key: Option<Secret<String>>,
    /// Since when.
    pub created: Option<OffsetDateTime>,
}

impl CertAuthority {
    /// An authority of a cluster with the keys that sign.
    #[must_use]
    pub fn new(authority: AuthorityType, cluster_name: &str, active_keys: Vec<CaKey>) -> Self {
        Self {
            metadata: Metadata::named(Self::name_of(authority, cluster_name)),
            spec: CertAuthoritySpec {
                authority,
                cluster_name: cluster_name.to_owned(),
                active_keys,
                additional_trusted_keys: Vec::new(),
                rotation: Rotation::default(),
            },
        }
    }

    /// What an authority of a cluster is called.
    #[must_use]
    pub fn name_of(authority: AuthorityType, cluster_name: &str) -> String {
        format!("{authority}.{cluster_name}")
    }

    /// The same authority without anything to sign with, for those who verify.
    #[must_use]
    pub fn without_private_keys(mut self) -> Self {
        let spec = &mut self.spec;
        for key in spec.active_keys.iter_mut().chain(&mut spec.additional_trusted_keys) {
            key.private_key = None;
        }
        self
    }

    pub(crate) fn read(document: &mut Table<'_>) -> Option<Self> {
        any_version(document, Kind::CertAuthority);
        let metadata = metadata(document, NameRule::Plain);
        let spec = document.required("spec").and_then(|reader| reader.table(spec));
        Some(Self { metadata: metadata?, spec: spec? })
    }

    /// The authority as JSON.
    #[must_use]
    pub fn to_json(&self, secrets: Secrets) -> Value {
        let keys = |keys: &[CaKey]| -> Vec<Value> {
            keys.iter().map(|key| key.to_object(secrets).into()).collect()
        };
        let mut spec = Object::default();
        spec.put("type", self.spec.authority.as_str())
            .put("cluster_name", self.spec.cluster_name.as_str())
            .put("active_keys", keys(&self.spec.active_keys))
            .put_list("additional_trusted_keys", &keys(&self.spec.additional_trusted_keys))
            .put_object("rotation", self.spec.rotation.to_object());
        let version = Kind::CertAuthority.version();
        let sub_kind = self.spec.authority.as_str();
        document(Kind::CertAuthority, sub_kind, version, &self.metadata, spec, Object::default())
    }
}

fn spec(table: &mut Table<'_>) -> Option<CertAuthoritySpec> {
    let authority = table.require("type");
    let cluster_name = table.require("cluster_name");
    let active_keys = table.get_or_default("active_keys");
    let additional_trusted_keys = table.get_or_default("additional_trusted_keys");
    let rotation = table.field("rotation").map_or_else(|| Some(Rotation::default()), Reader::read);
    Some(CertAuthoritySpec {
        authority: authority?,
        cluster_name: cluster_name?,
        active_keys,
        additional_trusted_keys,
        rotation: rotation?,
    })
}

impl CaKey {
    fn to_object(&self, secrets: Secrets) -> Object {
        let private_key = self.private_key.as_ref().filter(|_| secrets == Secrets::Include);
        let mut object = Object::default();
        object
            .put_some("certificate", self.certificate.as_deref())
            .put_some("public_key", self.public_key.as_deref())
            .put_some("private_key", private_key.map(|key| key.expose().as_str()))
            .put_time("created", self.created);
        object
    }
}

impl FromNode for CaKey {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.table(|table| {
            Some(Self {
                certificate: table.get("certificate"),
                public_key: table.get("public_key"),
                private_key: table.get("private_key"),
                created: table.get("created").flatten(),
            })
        })
    }
}

#[cfg(test)]
mod tests;
