//! How a command reaches the cluster as somebody: by a profile, or by an identity file.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use api::wire::UserCredentials;
use api::{AUTH_SERVER_NAME, Client, Endpoint, PROXY_SERVER_NAME};
use pki::{
    CaKind, Certificate, Credentials, CredentialsSlot, IdentityFile, PrivateKey, ServerTrust,
    TrustStore, UserIdentity,
};
use runtime::Tasks;
use time::OffsetDateTime;

use crate::exit::Refused;
use crate::profile::{Home, Profile};

/// Credentials, and where they are good.
#[derive(Debug)]
pub(crate) struct Session {
    /// `host:port` of the proxy.
    pub(crate) proxy: String,
    /// Who we are.
    pub(crate) user: UserIdentity,
    /// The certificate: another one after each sign-in.
    pub(crate) certificate: Arc<[u8]>,
    /// The certificate's key.
    pub(crate) key: PrivateKey,
    /// The cluster that was selected, if it is not the proxy's own.
    pub(crate) selected: Option<String>,
    slot: CredentialsSlot,
    trust: TrustStore,
}

// === impl Session ===

impl Session {
    /// The session that the options of a command name.
    pub(crate) fn open(identity: Option<&Path>, proxy: Option<&str>) -> anyhow::Result<Self> {
        match identity {
            Some(path) => {
                let file = IdentityFile::read(path)?;
                let proxy = proxy.map(str::to_owned).or_else(|| file.proxy.clone());
                let proxy = proxy.with_context(|| {
                    format!("{} names no proxy: give --proxy=HOST:PORT", path.display())
                })?;
                Self::new(Profile { proxy, identity: file, insecure: false, selected: None })
            }
            None => Self::new(Home::find()?.load(proxy)?),
        }
    }

    /// The session of an identity file that was read already.
    pub(crate) fn of_file(identity: IdentityFile, proxy: String) -> anyhow::Result<Self> {
        Self::new(Profile { proxy, identity, insecure: false, selected: None })
    }

    fn new(profile: Profile) -> anyhow::Result<Self> {
        let user = profile.user()?;
        Ok(Self {
            user,
            certificate: profile.identity.certificate.der().as_ref().into(),
            key: profile.identity.key.clone(),
            slot: CredentialsSlot::new(profile.identity.credentials()?),
            trust: TrustStore::new(profile.identity.trust()?),
            selected: profile.selected,
            proxy: profile.proxy,
        })
    }

    /// The same with another certificate, which was got with this one, and is for another key.
    pub(crate) fn continued(
        self,
        key: PrivateKey,
        certificate: &Certificate,
    ) -> anyhow::Result<Self> {
        let slot = CredentialsSlot::new(Credentials::alone(certificate, &key)?);
        Ok(Self { certificate: certificate.der().as_ref().into(), key, slot, ..self })
    }

    /// Refuses credentials that have ended: the cluster would, in fewer words.
    pub(crate) fn require_valid(&self, now: OffsetDateTime) -> Result<(), Refused> {
        if self.user.expires > now {
            return Ok(());
        }
        Err(Refused::new(format!(
            "the credentials of {} ended at {}",
            self.user.name,
            resource::timestamp::format(self.user.expires)
        ))
        .hint(format!("tsh login --proxy={} --user={}", self.proxy, self.user.name)))
    }

    /// The auth API, reached through the proxy.
    pub(crate) fn auth(&self, tasks: &Tasks) -> anyhow::Result<Client> {
        let endpoint = self.endpoint(vec![self.proxy.clone()], AUTH_SERVER_NAME, api::ALPN_AUTH)?;
        Ok(Client::new(endpoint, tasks.clone()))
    }

    /// The auth API at another address.
    pub(crate) fn auth_at(&self, address: String, tasks: &Tasks) -> anyhow::Result<Client> {
        let endpoint = self.endpoint(vec![address], AUTH_SERVER_NAME, api::ALPN_AUTH)?;
        Ok(Client::new(endpoint, tasks.clone()))
    }

    /// The cluster that a command is about, unless it is the proxy's own: the one that it names, else the one that
    /// was selected.
    pub(crate) fn elsewhere(&self, named: Option<&str>) -> Option<String> {
        let wanted = named.map(str::to_owned).or_else(|| self.selected.clone());
        wanted.filter(|cluster| *cluster != self.user.cluster)
    }

    /// The proxy's own port.
    pub(crate) fn proxy_endpoint(&self) -> anyhow::Result<Endpoint> {
        self.endpoint(vec![self.proxy.clone()], PROXY_SERVER_NAME, b"h2")
    }

    fn endpoint(
        &self,
        addresses: Vec<String>,
        server_name: &str,
        alpn: &[u8],
    ) -> anyhow::Result<Endpoint> {
        // What --insecure excused was the proxy's first word. The authorities that came with the
        // credentials are known since, and the cluster's services are checked by them.
        let trust = ServerTrust::Cluster(self.trust.clone());
        let config = pki::tls::client_config(trust, Some(&self.slot), &[alpn])?;
        let server_name = pki::tls::server_name(server_name)?;
        Ok(Endpoint::Tls { addresses, server_name, config: Arc::new(config) })
    }
}

/// The file with which programs are who they were certified as.
pub(crate) fn identity_file(
    key: PrivateKey,
    credentials: &UserCredentials,
    proxy: Option<String>,
) -> anyhow::Result<IdentityFile> {
    let certificate = Certificate::from_pem(&credentials.certificate)?;
    // Said now: what is kept of it would take the place of something that works.
    if certificate.public_key() != Ok(key.public()) {
        return Err(Refused::new("the certificate that came is not for the key that was sent")
            .hint("nothing was kept; ask whoever administers the cluster")
            .into());
    }
    let trust = api::trust_of(&credentials.cluster, &credentials.authorities)?;
    let authorities = [CaKind::User, CaKind::Host]
        .into_iter()
        .flat_map(|kind| trust.authorities(kind).cloned().collect::<Vec<_>>())
        .collect();
    Ok(IdentityFile { key, certificate, authorities, cluster: credentials.cluster.clone(), proxy })
}

#[cfg(test)]
mod tests;
