//! One file with everything a program needs to be somebody: key, certificate, whom to believe, and
//! where to go. For scripts and CI jobs, which do not sign in.

use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateDer;
use zeroize::Zeroizing;

use crate::authority::{CaCertificate, CaKind};
use crate::certificate::{Certificate, CertificateError};
use crate::key::{KeyError, PrivateKey};
use crate::pem;
use crate::secret_file::{self, SecretFileError};
use crate::tls::{Credentials, TlsError};
use crate::trust::{Trust, TrustError};

/// The content of an identity file.
///
/// Text: comment lines with the cluster and the proxy's address, then PEM blocks: the private key,
/// the certificate, the certificates of the cluster's authorities.
#[derive(Debug, Clone)]
pub struct IdentityFile {
    /// The private key.
    pub key: PrivateKey,
    /// The certificate.
    pub certificate: Certificate,
    /// The cluster's authorities; those for hosts are what servers are checked by.
    pub authorities: Vec<CaCertificate>,
    /// The cluster.
    pub cluster: String,
    /// The address of a proxy, if one is known.
    pub proxy: Option<String>,
}

/// Why an identity file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityFileError {
    /// It cannot be read or written.
    #[error(transparent)]
    File(#[from] SecretFileError),
    /// It has no line that tells the cluster.
    #[error("the identity file does not name its cluster: expected a line \"# cluster: NAME\"")]
    NoCluster,
    /// A name or address cannot be written into one line.
    #[error("{value:?} cannot be written into an identity file")]
    Value {
        /// What was to be written.
        value: String,
    },
    /// Its key cannot be read.
    #[error("the identity file's private key cannot be used")]
    Key {
        /// Why.
        #[source]
        source: KeyError,
    },
    /// A certificate cannot be read.
    #[error("a certificate of the identity file cannot be used")]
    Certificate {
        /// Why.
        #[source]
        source: CertificateError,
    },
    /// Key and certificate are not of each other.
    #[error("the identity file's private key does not belong to its certificate")]
    KeyMismatch,
    /// Its authorities are not those of its cluster.
    #[error("the identity file's authorities cannot be used")]
    Trust {
        /// Why.
        #[source]
        source: TrustError,
    },
    /// An error with the file's path.
    #[error("in {}", .path.display())]
    In {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        #[source]
        source: Box<IdentityFileError>,
    },
}

const TITLE: &str = "# Tessera identity. It holds a private key: keep it secret.";
const CLUSTER: &str = "# cluster: ";
const PROXY: &str = "# proxy: ";

// === impl IdentityFile ===

impl IdentityFile {
    /// Reads a file, refusing one that others can read.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or is not an identity file.
    pub fn read(path: &Path) -> Result<Self, IdentityFileError> {
        let text = secret_file::read(path)?;
        Self::parse(&text).map_err(|source| IdentityFileError::In {
            path: path.to_owned(),
            source: Box::new(source),
        })
    }

    /// Writes the file, for its owner only, replacing what is there.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), IdentityFileError> {
        Ok(secret_file::write(path, self.to_text()?.as_bytes())?)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// When it is not that of an identity file.
    pub fn parse(text: &str) -> Result<Self, IdentityFileError> {
        let cluster = header(text, CLUSTER).ok_or(IdentityFileError::NoCluster)?;
        let key = PrivateKey::from_pem(text).map_err(|source| IdentityFileError::Key { source })?;
        let unusable = |source| IdentityFileError::Certificate { source };
        let mut certificates = pem::certificates(text).map_err(|e| unusable(e.into()))?.into_iter();
        let first: CertificateDer<'static> =
            certificates.next().ok_or_else(|| unusable(CertificateError::Malformed))?;
        let certificate = Certificate::from_der(first).map_err(unusable)?;
        if certificate.public_key() != Ok(key.public()) {
            return Err(IdentityFileError::KeyMismatch);
        }
        let authorities = certificates
            .map(CaCertificate::from_der)
            .collect::<Result<_, _>>()
            .map_err(unusable)?;
        let file = Self { key, certificate, authorities, cluster, proxy: header(text, PROXY) };
        file.trust()?;
        Ok(file)
    }

    /// The text of the file.
    ///
    /// # Errors
    ///
    /// When the cluster or the proxy's address does not fit a line.
    pub fn to_text(&self) -> Result<Zeroizing<String>, IdentityFileError> {
        let mut head = format!("{TITLE}\n{CLUSTER}{}\n", line(&self.cluster)?);
        if let Some(proxy) = &self.proxy {
            head.push_str(&format!("{PROXY}{}\n", line(proxy)?));
        }
        let (key, own) = (self.key.to_pem(), self.certificate.to_pem());
        let authorities: String = self.authorities.iter().map(CaCertificate::to_pem).collect();
        let all = [head.as_str(), key.as_str(), own.as_str(), authorities.as_str()];
        Ok(Zeroizing::new(all.concat()))
    }

    /// What to present.
    ///
    /// # Errors
    ///
    /// When key and certificate are not of each other.
    pub fn credentials(&self) -> Result<Credentials, TlsError> {
        Credentials::alone(&self.certificate, &self.key)
    }

    /// Whom to believe.
    ///
    /// # Errors
    ///
    /// When the authorities are not those of the cluster.
    pub fn trust(&self) -> Result<Trust, IdentityFileError> {
        let (users, hosts) =
            self.authorities.iter().cloned().partition(|a| a.kind() == CaKind::User);
        Trust::new(&self.cluster, users, hosts)
            .map_err(|source| IdentityFileError::Trust { source })
    }
}

/// The value of a header line; only what comes before the first PEM block is header.
fn header(text: &str, prefix: &str) -> Option<String> {
    let mut lines = text.lines().take_while(|l| !l.starts_with("-----BEGIN"));
    lines
        .find_map(|l| l.strip_prefix(prefix))
        .map(|v| v.trim().to_owned())
        .filter(|v| !v.is_empty())
}

fn line(value: &str) -> Result<&str, IdentityFileError> {
    let fits = !value.is_empty() && value == value.trim() && !value.contains(char::is_control);
    if fits { Ok(value) } else { Err(IdentityFileError::Value { value: value.to_owned() }) }
}

#[cfg(test)]
mod tests;
