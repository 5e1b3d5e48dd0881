//! Clusters for tests, and certificates that the product would never issue.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyUsagePurpose,
};
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use time::macros::datetime;

use crate::authority::{CaCertificate, CaKind, CertificateAuthority, ca_subject};
use crate::certificate::Certificate;
use crate::identity::{Identity, Service, ServiceIdentity, UserIdentity, UserKind, extension};
use crate::key::PrivateKey;
use crate::tls::Credentials;
use crate::trust::{Trust, TrustStore};

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-20 12:00 UTC);
pub(crate) const HOST_ID: &str = "0193f6d5-77aa-7c3e-9d4b-1f0c5a1b2c3d";
pub(crate) const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// A cluster's authorities.
pub(crate) struct Cluster {
    pub(crate) user: CertificateAuthority,
    pub(crate) host: CertificateAuthority,
}

/// A certificate to be signed by an authority's key, without any of the product's checks.
pub(crate) struct Forgery {
    pub(crate) params: CertificateParams,
    pub(crate) key: PrivateKey,
}

// === impl Cluster ===

impl Cluster {
    pub(crate) fn new(name: &str) -> Self {
        let make = |kind| CertificateAuthority::generate(kind, name, NOW, YEAR).unwrap();
        Self { user: make(CaKind::User), host: make(CaKind::Host) }
    }

    pub(crate) fn trust(&self) -> Trust {
        let user = self.user.certificate().clone();
        let host = self.host.certificate().clone();
        let cluster = host.cluster().to_owned();
        Trust::new(&cluster, vec![user], vec![host]).unwrap()
    }

    pub(crate) fn store(&self) -> TrustStore {
        TrustStore::new(self.trust())
    }

    pub(crate) fn user(&self, user: &UserIdentity) -> (Certificate, PrivateKey) {
        let key = PrivateKey::generate().unwrap();
        (self.user.issue_user(&key.public(), user).unwrap(), key)
    }

    pub(crate) fn service(&self, service: &ServiceIdentity) -> (Certificate, PrivateKey) {
        let key = PrivateKey::generate().unwrap();
        (self.host.issue_service(&key.public(), service, &[]).unwrap(), key)
    }

    pub(crate) fn user_credentials(&self, user: &UserIdentity) -> Credentials {
        let (certificate, key) = self.user(user);
        Credentials::alone(&certificate, &key).unwrap()
    }

    pub(crate) fn service_credentials(&self, service: &ServiceIdentity) -> Credentials {
        let (certificate, key) = self.service(service);
        Credentials::new(&certificate, self.host.certificate(), &key).unwrap()
    }
}

// === impl Forgery ===

impl Forgery {
    /// A sound leaf with `identity` in it, for client and server.
    pub(crate) fn of(identity: &Identity) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::ExplicitNoCa;
        params.not_before = NOW - Duration::from_secs(60);
        params.not_after = NOW + Duration::from_secs(3600);
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        params.custom_extensions = vec![extension::encode(identity).unwrap()];
        Self { params, key: PrivateKey::generate().unwrap() }
    }

    /// The same with these bytes where the identity belongs.
    pub(crate) fn with_extension(content: Vec<u8>) -> Self {
        let mut forgery = Self::of(&alice("example").into());
        let oid: Vec<u64> = forgery.params.custom_extensions[0].oid_components().collect();
        forgery.params.custom_extensions = vec![CustomExtension::from_oid_content(&oid, content)];
        forgery
    }

    pub(crate) fn signed_by(&self, authority: &CertificateAuthority) -> CertificateDer<'static> {
        let key = PrivateKey::from_pem(&authority.key_pem()).unwrap();
        self.signed(authority.certificate().der(), &key)
    }

    pub(crate) fn signed(
        &self,
        issuer: &CertificateDer<'_>,
        key: &PrivateKey,
    ) -> CertificateDer<'static> {
        let issuer = Issuer::from_ca_cert_der(issuer, key).unwrap();
        self.params.signed_by(&self.key.public(), &issuer).unwrap().into()
    }
}

/// An authority of whatever cluster with somebody's key.
pub(crate) fn authority_with(kind: CaKind, cluster: &str, key: &PrivateKey) -> CaCertificate {
    let mut params = CertificateParams::default();
    params.distinguished_name = ca_subject(kind, cluster);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = NOW;
    params.not_after = NOW + YEAR;
    CaCertificate::from_der(params.self_signed(key).unwrap().into()).unwrap()
}

pub(crate) fn alice(cluster: &str) -> UserIdentity {
    UserIdentity {
        name: "alice".to_owned(),
        kind: UserKind::Human,
        roles: vec!["access".to_owned(), "developer".to_owned()],
        traits: BTreeMap::from([("groups".to_owned(), vec!["dev".to_owned(), "öps".to_owned()])]),
        cluster: cluster.to_owned(),
        login_id: "0193f6d5-0000-7000-8000-000000000001".to_owned(),
        mfa: crate::identity::SecondFactors::default(),
        source_ip: None,
        app: None,
        visit: None,
        bot_instance_id: None,
        oauth_grant: None,
        join_token: None,
        issued: NOW,
        expires: NOW + Duration::from_secs(3600),
    }
}

pub(crate) fn node(cluster: &str, services: &[Service]) -> ServiceIdentity {
    ServiceIdentity {
        host_id: HOST_ID.to_owned(),
        node_name: "node-1".to_owned(),
        services: BTreeSet::from_iter(services.iter().copied()),
        cluster: cluster.to_owned(),
        join_token: None,
        issued: NOW,
        expires: NOW + Duration::from_secs(3600),
    }
}
