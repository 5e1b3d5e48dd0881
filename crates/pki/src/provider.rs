//! The cryptographic provider: aws-lc-rs, chosen here and nowhere else.

use std::sync::{Arc, LazyLock};

use aws_lc_rs::digest;
use aws_lc_rs::rand;
use rustls::crypto::CryptoProvider;

static PROVIDER: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));

/// Makes this crate's provider the default of the process, for libraries that ask rustls for one.
///
/// The configurations made by this crate do not depend on it. Calling it again changes nothing.
pub fn install_crypto_provider() {
    // The error means that a provider is installed already, which is what we want.
    drop(CryptoProvider::install_default(CryptoProvider::clone(&PROVIDER)));
}

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::clone(&PROVIDER)
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

/// The SHA-256 of some texts, by which they are known together: it differs when any of them, or
/// where one ends, does.
#[must_use]
pub fn digest_of(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

/// Random bytes from the provider's generator; `None` when the system has no randomness to give.
pub(crate) fn random<const N: usize>() -> Option<[u8; N]> {
    let mut out = [0; N];
    rand::fill(&mut out).ok()?;
    Some(out)
}
