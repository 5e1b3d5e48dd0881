//! Who this process is: a host id that never changes, and a certificate that is renewed in time.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use api::wire::{JoinRequest, RenewRequest, ServiceCredentials};
use api::{AUTH_SERVER_NAME, Client, Endpoint};
use pki::{
    CaCertificate, CaKind, Certificate, CredentialsSlot, IdentityFile, PrivateKey, ServerTrust,
    Service, Trust, TrustStore,
};
use resource::token::JoinMethodName;
use runtime::{Backoff, Clock, Tasks};
use tokio::sync::watch;

use crate::config::Join;

/// The file in the data directory that holds key, certificate and authorities.
const FILE: &str = "identity.pem";
/// Delays between attempts to join or renew.
const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_MOST: Duration = Duration::from_secs(30);
/// A certificate is looked at so often; it is renewed when half its life is over.
const CHECK_INTERVAL: Duration = Duration::from_secs(300);

/// A service's identity on this machine.
#[derive(Debug)]
pub(crate) struct HostIdentity {
    pub(crate) host_id: String,
    pub(crate) slot: CredentialsSlot,
    pub(crate) trust: TrustStore,
    file: IdentityFile,
    path: PathBuf,
    /// Counts the certificates by another authority than the one before.
    reissues: watch::Sender<u64>,
}

/// What a certificate is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) node_name: String,
    pub(crate) services: Vec<Service>,
    /// Names and addresses under which the services are reached.
    pub(crate) names: Vec<String>,
}

/// How a service reaches others of its cluster, whatever its certificate is at the time.
#[derive(Clone, Debug)]
pub(crate) struct Peers {
    trust: TrustStore,
    slot: CredentialsSlot,
}

// === impl Peers ===

impl Peers {
    /// The cluster.
    pub(crate) fn cluster(&self) -> String {
        self.trust.cluster()
    }

    /// A service of the cluster.
    pub(crate) fn endpoint(
        &self,
        addresses: Vec<String>,
        server_name: &str,
        alpn: &[u8],
    ) -> anyhow::Result<Endpoint> {
        let trust = ServerTrust::Cluster(self.trust.clone());
        let config = pki::tls::client_config(trust, Some(&self.slot), &[alpn])?;
        let server_name = pki::tls::server_name(server_name)?;
        Ok(Endpoint::Tls { addresses, server_name, config: std::sync::Arc::new(config) })
    }
}

// === impl HostIdentity ===

impl HostIdentity {
    /// The identity that the data directory holds.
    pub(crate) fn load(data_dir: &Path) -> anyhow::Result<Option<Self>> {
        let path = data_dir.join(FILE);
        if !path.try_exists().with_context(|| format!("cannot look for {}", path.display()))? {
            return Ok(None);
        }
        let file = IdentityFile::read(&path)?;
        let identity = file.certificate.unverified_identity()?;
        let Some(service) = identity.as_service() else {
            anyhow::bail!("{} is not a service's identity", path.display());
        };
        let host_id = service.host_id.clone();
        Self::from_file(file, host_id, path).map(Some)
    }

    /// By what the service joined, as its certificate says. Renewing changes nothing about it.
    pub(crate) fn join_token(&self) -> Option<String> {
        self.file.certificate.unverified_identity().ok()?.as_service()?.join_token.clone()
    }

    /// Whether the certificate still holds and says what is wanted.
    pub(crate) fn is_good_for(&self, wanted: &Wanted, clock: &Clock) -> bool {
        let Ok(identity) = self.file.certificate.unverified_identity() else { return false };
        identity.expires() > clock.now()
            && wanted.services.iter().all(|service| identity.is_service(*service))
            && identity.as_service().is_some_and(|service| service.node_name == wanted.node_name)
    }

    /// Whether this is an identity of the cluster whose auth service that is.
    pub(crate) fn is_of(&self, auth: &auth::Auth) -> bool {
        self.trust.trust() == auth.trust().trust()
    }

    /// An identity from credentials that were just issued; written to the data directory.
    pub(crate) fn issued(
        data_dir: &Path,
        key: PrivateKey,
        credentials: &ServiceCredentials,
    ) -> anyhow::Result<Self> {
        let path = data_dir.join(FILE);
        let file = file_of(key, credentials)?;
        file.write(&path)?;
        Self::from_file(file, credentials.host_id.clone(), path)
    }

    /// Joins the cluster by token; tries until it is let in, refused, or told to stop.
    pub(crate) async fn join(
        data_dir: &Path,
        join: &Join,
        wanted: &Wanted,
        tasks: &Tasks,
    ) -> anyhow::Result<Self> {
        let Some(token) = &join.token else {
            anyhow::bail!(
                "this machine has not joined the cluster and has no token: make one on the auth \
                 host with `tctl tokens add --type=app` and set join_params.token_name"
            );
        };
        let token = token.read()?;
        let key = PrivateKey::generate()?;
        let services = wanted.services.iter().map(|service| service.as_str().to_owned()).collect();
        let mut request = JoinRequest {
            token: token.expose().clone(),
            id_token: None,
            node_name: wanted.node_name.clone(),
            services,
            public_key: key.public().to_pem(),
            names: wanted.names.clone(),
        };
        let mut backoff = Backoff::new(RETRY_FIRST, RETRY_MOST);
        loop {
            let error = match ask_to_join(join, &mut request, tasks).await {
                Ok(credentials) => return Self::issued(data_dir, key, &credentials),
                Err(error) => error,
            };
            match error.kind() {
                api::ErrorKind::Unavailable | api::ErrorKind::RateLimited => {
                    tracing::warn!(error = error.message(), "cannot join yet; trying again");
                }
                _ => return Err(error.into()),
            }
            tokio::select! {
                () = tasks.cancelled() => anyhow::bail!("stopped before the cluster was joined"),
                () = tokio::time::sleep(backoff.next_delay()) => {}
            }
        }
    }

    /// The auth API as this service.
    pub(crate) fn client(&self, addresses: Vec<String>, tasks: &Tasks) -> anyhow::Result<Client> {
        let endpoint = self.peers().endpoint(addresses, AUTH_SERVER_NAME, api::ALPN_AUTH)?;
        Ok(Client::new(endpoint, tasks.clone()))
    }

    /// How this service reaches others of its cluster.
    pub(crate) fn peers(&self) -> Peers {
        Peers { trust: self.trust.clone(), slot: self.slot.clone() }
    }

    /// Tells when connections are better opened again, as the authority of the certificate, or who is believed, is
    /// another.
    pub(crate) fn reissues(&self) -> watch::Receiver<u64> {
        self.reissues.subscribe()
    }

    /// Renews the certificate in time, and when another authority signs, and keeps the file true to whom
    /// the cluster believes; until shutdown.
    pub(crate) fn renew_in_time(
        self,
        client: Client,
        wanted: Wanted,
        clock: Clock,
        mut trust_changes: watch::Receiver<u64>,
        tasks: &Tasks,
    ) {
        let mut identity = self;
        tasks.spawn_until_cancelled("server.identity", async move {
            let mut backoff = Backoff::new(RETRY_FIRST, RETRY_MOST);
            let mut believed = identity.trust.generation();
            loop {
                trust_changes.mark_unchanged();
                let now = identity.trust.generation();
                if std::mem::replace(&mut believed, now) != now {
                    // Who was believed when a connection was opened may not be any more.
                    identity.reissues.send_modify(|count| *count += 1);
                }
                if let Err(error) = identity.keep_authorities() {
                    let error = format!("{error:#}");
                    tracing::warn!(error, "cannot keep the cluster's authorities");
                }
                if !identity.is_due(&clock) {
                    let changed = tokio::time::timeout(CHECK_INTERVAL, trust_changes.changed());
                    if changed.await.is_ok_and(|told| told.is_err()) {
                        // Nobody tells of changes any more: the process ends.
                        return;
                    }
                    continue;
                }
                match identity.renew(&client, &wanted).await {
                    Ok(()) => {
                        tracing::info!("renewed this service's certificate");
                        if identity.is_outdated() {
                            // One of several auth services does not know of the new authority yet.
                            tokio::time::sleep(backoff.next_delay()).await;
                        } else {
                            backoff.reset();
                        }
                    }
                    Err(error) => {
                        tracing::warn!(
                            error = format!("{error:#}"),
                            "cannot renew the certificate"
                        );
                        tokio::time::sleep(backoff.next_delay()).await;
                    }
                }
            }
        });
    }

    /// Writes down whom the cluster believes now, so that another start does too. While the certificate
    /// is by an authority that is gone, the file would be of no use, and stays as it is.
    fn keep_authorities(&mut self) -> anyhow::Result<()> {
        let trust = self.trust.trust();
        let authorities = authorities(&trust);
        if authorities == self.file.authorities || trust.issuer_of(&self.file.certificate).is_none()
        {
            return Ok(());
        }
        let file = IdentityFile { authorities, ..self.file.clone() };
        file.write(&self.path)?;
        self.file = file;
        Ok(())
    }

    /// Whether services are certified by another authority than this one was. The first one signs.
    fn is_outdated(&self) -> bool {
        let trust = self.trust.trust();
        trust.issuer_of(&self.file.certificate) != trust.authorities(CaKind::Host).next()
    }

    fn is_due(&self, clock: &Clock) -> bool {
        if self.is_outdated() {
            return true;
        }
        match self.file.certificate.unverified_identity() {
            Ok(identity) => {
                let half = (identity.expires() - identity.issued()) / 2;
                clock.now() >= identity.issued() + half
            }
            Err(_unreadable) => true,
        }
    }

    async fn renew(&mut self, client: &Client, wanted: &Wanted) -> anyhow::Result<()> {
        let key = PrivateKey::generate()?;
        let request =
            RenewRequest { public_key: key.public().to_pem(), names: wanted.names.clone() };
        let credentials = client.renew(&request).await?;
        let file = file_of(key, &credentials)?;
        file.write(&self.path)?;
        self.slot.replace(with_authority(&file)?);
        let is_by_another = {
            let trust = self.trust.trust();
            trust.issuer_of(&file.certificate) != trust.issuer_of(&self.file.certificate)
        };
        self.file = file;
        if is_by_another {
            // What was opened as who this service was ends with the old authority.
            client.renew_connection().await;
            self.reissues.send_modify(|count| *count += 1);
        }
        Ok(())
    }

    fn from_file(file: IdentityFile, host_id: String, path: PathBuf) -> anyhow::Result<Self> {
        let trust = TrustStore::new(file.trust()?);
        let slot = CredentialsSlot::new(with_authority(&file)?);
        let (reissues, _) = watch::channel(0);
        Ok(Self { host_id, slot, trust, file, path, reissues })
    }
}

/// The certificate with its authority's: who has only a pin finds the authority in the chain.
fn with_authority(file: &IdentityFile) -> anyhow::Result<pki::Credentials> {
    let trust = file.trust()?;
    let authority = trust
        .issuer_of(&file.certificate)
        .context("the identity's certificate was issued by none of its authorities")?;
    Ok(pki::Credentials::new(&file.certificate, authority, &file.key)?)
}

fn file_of(key: PrivateKey, credentials: &ServiceCredentials) -> anyhow::Result<IdentityFile> {
    let authorities = authorities(&api::trust_of(&credentials.cluster, &credentials.authorities)?);
    Ok(IdentityFile {
        key,
        certificate: Certificate::from_pem(&credentials.certificate)?,
        authorities,
        cluster: credentials.cluster.clone(),
        proxy: None,
    })
}

/// One attempt, with what the platform says of this process now.
async fn ask_to_join(
    join: &Join,
    request: &mut JoinRequest,
    tasks: &Tasks,
) -> Result<ServiceCredentials, api::Error> {
    let client = join.contact.client(tasks).await?;
    if join.method != JoinMethodName::Token {
        let cluster = client.ping().await?.cluster;
        let variable = |name: &str| std::env::var(name).ok();
        let token = api::workload_token(join.method, &cluster, variable).await?;
        request.id_token = token.map(|token| token.expose().clone());
    }
    client.join(request).await
}

/// The authorities of a trust, as a file holds them.
fn authorities(trust: &Trust) -> Vec<CaCertificate> {
    let of = |kind| trust.authorities(kind).cloned();
    of(CaKind::User).chain(of(CaKind::Host)).collect()
}
