//! The cluster's own keys: made when the cluster begins, kept in the store, read again whenever they
//! change there.

use std::sync::Arc;
use std::time::Duration;

use api::{Error, ErrorKind, Snapshot, wire};
use pki::{CaCertificate, CaKind, CertificateAuthority, JwtKey, PrivateKey, Trust, TrustStore};
use resource::{AuthorityType, CaKey, CertAuthority, Kind, Resource, Secret};
use runtime::Backoff;
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::core::Core;
use crate::records::{Condition, Records};
use crate::rotation;

/// How long an authority's certificate lives: ten years, as a change of keys needs every client.
const VALIDITY: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
/// How long an answer waits until this service signs by what was written.
const SETTLE: Duration = Duration::from_millis(500);
/// Delays between attempts to read the keys.
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_MOST: Duration = Duration::from_secs(30);

/// What the cluster signs with.
#[derive(Debug)]
pub(crate) struct Authorities {
    pub(crate) user: CertificateAuthority,
    pub(crate) host: CertificateAuthority,
    pub(crate) jwt: JwtKey,
    /// The same as resources, without what signs.
    records: [CertAuthority; 3],
}

/// The newest [`Authorities`], and whom they make the cluster believe.
#[derive(Debug)]
pub(crate) struct Keyring {
    current: watch::Sender<Arc<Authorities>>,
    cluster: String,
    trust: TrustStore,
}

// === impl Keyring ===

impl Keyring {
    pub(crate) fn new(authorities: Authorities, cluster: &str) -> Result<Self, Error> {
        let trust = TrustStore::new(authorities.trust(cluster)?);
        let (current, _) = watch::channel(Arc::new(authorities));
        Ok(Self { current, cluster: cluster.to_owned(), trust })
    }

    /// What signs now. Whatever belongs together is taken from one of these.
    pub(crate) fn current(&self) -> Arc<Authorities> {
        self.current.borrow().clone()
    }

    /// Tells of changes. Trust has changed when this does.
    pub(crate) fn changes(&self) -> watch::Receiver<Arc<Authorities>> {
        self.current.subscribe()
    }

    /// Whom the cluster believes.
    pub(crate) fn trust(&self) -> &TrustStore {
        &self.trust
    }

    /// Waits until what was written is what this service signs by.
    pub(crate) async fn settle(&self, written: &[Resource]) {
        let mut changes = self.changes();
        let is_shown = |current: &Arc<Authorities>| {
            written.iter().all(|resource| {
                let mut records = current.records.iter();
                records.any(|record| record.metadata.revision == resource.metadata().revision)
            })
        };
        if tokio::time::timeout(SETTLE, changes.wait_for(is_shown)).await.is_err() {
            tracing::debug!("the authorities that were written are not in use yet");
        }
    }

    /// A key is believed before it signs. What is known of other clusters is as of `snapshot`.
    fn replace(
        &self,
        authorities: Authorities,
        snapshot: &Snapshot,
        now: OffsetDateTime,
    ) -> Result<(), Error> {
        self.trust.replace(api::with_foreign(authorities.trust(&self.cluster)?, snapshot, now));
        self.current.send_replace(Arc::new(authorities));
        Ok(())
    }
}

/// Reads the keys again whenever they change in the store, whoever changed them, or when it changes which
/// other clusters are believed. What cannot be read changes nothing.
pub(crate) async fn follow(core: Arc<Core>) {
    let mut changes = core.replica.changes();
    let mut backoff = Backoff::new(RETRY_FIRST, RETRY_MOST);
    let mut seen = None;
    loop {
        changes.mark_unchanged();
        let shown = core.replica.snapshot();
        let is_news = |seen: &Arc<Snapshot>| {
            !(shown.authorities.is_same(&seen.authorities)
                && shown.trusted_clusters.is_same(&seen.trusted_clusters)
                && shown.remote_clusters.is_same(&seen.remote_clusters))
        };
        if seen.as_ref().is_none_or(is_news) {
            let read = stored(&core.records, &core.cluster).await.and_then(Authorities::read);
            match read.and_then(|new| core.authorities.replace(new, &shown, core.clock.now())) {
                Ok(()) => {
                    seen = Some(shown);
                    backoff.reset();
                }
                Err(error) => {
                    tracing::error!(
                        %error,
                        cause = error.cause(),
                        "the authorities cannot be read; they stay what they were"
                    );
                    backoff.wait().await;
                    continue;
                }
            }
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}

/// The authorities of the cluster in the store, in the order of [`AuthorityType::ALL`].
pub(crate) async fn stored(records: &Records, cluster: &str) -> Result<Vec<CertAuthority>, Error> {
    let (resources, _cursor) = records.list(Kind::CertAuthority).await?;
    let found: Vec<CertAuthority> = resources
        .into_iter()
        .filter_map(|resource| CertAuthority::try_from(resource).ok())
        .collect();
    let of = |authority: AuthorityType| {
        let name = CertAuthority::name_of(authority, cluster);
        let mut all = found.iter();
        all.find(|found| found.metadata.name == name && found.spec.authority == authority)
            .cloned()
            .ok_or_else(|| {
                Error::internal(format!("the {authority} authority is not in the store"))
            })
    };
    AuthorityType::ALL.into_iter().map(of).collect()
}

// === impl Authorities ===

impl Authorities {
    /// Reads the cluster's authorities, and makes those that are missing.
    pub(crate) async fn load(
        records: &Records,
        cluster: &str,
        now: OffsetDateTime,
    ) -> Result<Self, Error> {
        for authority in AuthorityType::ALL {
            make_if_missing(records, authority, cluster, now).await?;
        }
        Self::read(stored(records, cluster).await?)
    }

    /// What signs, from the records in the store.
    fn read(records: Vec<CertAuthority>) -> Result<Self, Error> {
        let [user, host, jwt] = <[CertAuthority; 3]>::try_from(records).map_err(|_others| {
            Error::internal("the store holds other authorities than it should")
        })?;
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
        self.records.iter().map(|record| rotation::status(&record.spec)).collect()
    }

    /// When the next step of an automatic change of keys is due.
    pub(crate) fn next_step(&self) -> Option<OffsetDateTime> {
        let due = self.records.iter().filter_map(|record| rotation::due(&record.spec.rotation));
        due.map(|(_phase, at)| at).min()
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

async fn make_if_missing(
    records: &Records,
    authority: AuthorityType,
    cluster: &str,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let name = CertAuthority::name_of(authority, cluster);
    if records.find(Kind::CertAuthority, &name).await?.is_some() {
        return Ok(());
    }
    let fresh = CertAuthority::new(authority, cluster, vec![generate(authority, cluster, now)?]);
    match records.write(&Resource::from(fresh), Condition::Absent, Vec::new()).await {
        Ok(_kept) => Ok(()),
        // Another auth service over the same store was faster: its keys are the cluster's.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// A new key that signs.
pub(crate) fn generate(
    authority: AuthorityType,
    cluster: &str,
    now: OffsetDateTime,
) -> Result<CaKey, Error> {
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
