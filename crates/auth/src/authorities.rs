//! The cluster's own keys: made when the cluster begins, kept in the store, read when the service
//! starts.

use std::time::Duration;

use api::{Error, ErrorKind, wire};
use pki::{CaCertificate, CaKind, CertificateAuthority, JwtKey, PrivateKey, Trust};
use resource::{AuthorityType, CaKey, CertAuthority, Kind, Resource, Secret};
use time::OffsetDateTime;

use crate::records::{Condition, Records};

/// How long an authority's certificate lives: ten years, as a change of keys needs every client.
const VALIDITY: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// What the cluster signs with.
#[derive(Debug)]
pub(crate) struct Authorities {
    pub(crate) user: CertificateAuthority,
    pub(crate) host: CertificateAuthority,
    pub(crate) jwt: JwtKey,
    /// The same as resources, without what signs.
    records: [CertAuthority; 3],
}

// === impl Authorities ===

impl Authorities {
    /// Reads the cluster's authorities, and makes those that are missing.
    pub(crate) async fn load(
        records: &Records,
        cluster: &str,
        now: OffsetDateTime,
    ) -> Result<Self, Error> {
        let user = load(records, AuthorityType::User, cluster, now).await?;
        let host = load(records, AuthorityType::Host, cluster, now).await?;
        let jwt = load(records, AuthorityType::Jwt, cluster, now).await?;
        Ok(Self {
            user: authority(&user)?,
            host: authority(&host)?,
            jwt: JwtKey::new(&private_key(&jwt)?).map_err(Error::internal)?,
            records: [user, host, jwt].map(CertAuthority::without_private_keys),
        })
    }

    /// Whom the cluster's services believe.
    pub(crate) fn trust(&self, cluster: &str) -> Result<Trust, Error> {
        let certificates = |kind| self.certificates(kind).collect::<Result<Vec<_>, _>>();
        Trust::new(cluster, certificates(AuthorityType::User)?, certificates(AuthorityType::Host)?)
            .map_err(Error::internal)
    }

    /// The authorities as they travel.
    pub(crate) fn wire(&self) -> wire::Authorities {
        wire::Authorities {
            user: self.pems(AuthorityType::User).collect(),
            host: self.pems(AuthorityType::Host).collect(),
        }
    }

    /// What a new client pins.
    pub(crate) fn pins(&self) -> Result<Vec<String>, Error> {
        self.certificates(AuthorityType::Host).map(|ca| Ok(ca?.pin().to_string())).collect()
    }

    /// One entry for each authority.
    pub(crate) fn status(&self) -> Vec<wire::AuthorityStatus> {
        self.records
            .iter()
            .map(|record| wire::AuthorityStatus {
                kind: record.spec.authority.as_str().to_owned(),
                rotation: "standby".to_owned(),
                since: record.spec.active_keys.first().and_then(|key| key.created),
            })
            .collect()
    }

    fn certificates(
        &self,
        of: AuthorityType,
    ) -> impl Iterator<Item = Result<CaCertificate, Error>> {
        self.pems(of).map(|pem| CaCertificate::from_pem(&pem).map_err(Error::internal))
    }

    fn pems(&self, of: AuthorityType) -> impl Iterator<Item = String> {
        self.records
            .iter()
            .filter(move |record| record.spec.authority == of)
            .flat_map(|record| {
                record.spec.active_keys.iter().chain(&record.spec.additional_trusted_keys)
            })
            .filter_map(|key| key.certificate.clone())
    }
}

async fn load(
    records: &Records,
    authority: AuthorityType,
    cluster: &str,
    now: OffsetDateTime,
) -> Result<CertAuthority, Error> {
    let name = CertAuthority::name_of(authority, cluster);
    if let Some(found) = records.find(Kind::CertAuthority, &name).await? {
        return CertAuthority::try_from(found).map_err(Error::internal);
    }
    let fresh = CertAuthority::new(authority, cluster, vec![generate(authority, cluster, now)?]);
    let fresh = Resource::from(fresh);
    let kept = match records.write(&fresh, Condition::Absent, Vec::new()).await {
        Ok(kept) => kept,
        // Another auth service over the same store was faster: its keys are the cluster's.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            records.get(Kind::CertAuthority, &name).await?
        }
        Err(error) => return Err(error),
    };
    CertAuthority::try_from(kept).map_err(Error::internal)
}

fn generate(authority: AuthorityType, cluster: &str, now: OffsetDateTime) -> Result<CaKey, Error> {
    let kind = match authority {
        AuthorityType::User => CaKind::User,
        AuthorityType::Host => CaKind::Host,
        AuthorityType::Jwt => {
            let key = PrivateKey::generate().map_err(Error::internal)?;
            return Ok(CaKey {
                certificate: None,
                public_key: Some(key.public().to_pem()),
                private_key: Some(Secret::new(key.to_pem().to_string())),
                created: Some(now),
            });
        }
    };
    let ca = CertificateAuthority::generate(kind, cluster, now, VALIDITY)
        .map_err(|error| Error::invalid(error.to_string()))?;
    Ok(CaKey {
        certificate: Some(ca.certificate().to_pem()),
        public_key: None,
        private_key: Some(Secret::new(ca.key_pem().to_string())),
        created: Some(now),
    })
}

/// The key that signs: the newest one.
fn signing_key(record: &CertAuthority) -> Result<(&CaKey, &Secret<String>), Error> {
    record
        .spec
        .active_keys
        .first()
        .and_then(|key| Some((key, key.private_key.as_ref()?)))
        .ok_or_else(|| {
            Error::internal(format!("the {} authority has no signing key", record.spec.authority))
        })
}

fn authority(record: &CertAuthority) -> Result<CertificateAuthority, Error> {
    let (key, private) = signing_key(record)?;
    let certificate = key.certificate.as_deref().unwrap_or_default();
    CertificateAuthority::from_pem(certificate, private.expose()).map_err(Error::internal)
}

fn private_key(record: &CertAuthority) -> Result<PrivateKey, Error> {
    let (_key, private) = signing_key(record)?;
    PrivateKey::from_pem(private.expose()).map_err(Error::internal)
}
