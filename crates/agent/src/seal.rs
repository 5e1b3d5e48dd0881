//! What clients keep for us, sealed under a key of this process.

use mcp::bridge::Seal;
use pki::Sealer;

/// Seals what bridges give to clients.
#[derive(Debug)]
pub(crate) struct Sealed(pub(crate) Sealer);

impl Seal for Sealed {
    fn seal(&self, plain: &[u8], about: &[u8]) -> Option<String> {
        match self.0.seal(plain, about) {
            Ok(sealed) => Some(sealed),
            Err(error) => {
                tracing::error!(%error, "cannot seal what a client is to give back");
                None
            }
        }
    }

    fn open(&self, sealed: &str, about: &[u8]) -> Option<Vec<u8>> {
        self.0.open(sealed, about)
    }
}
