//! What clients keep for us, sealed under a key of this process. The agent that has sealed it is named in front:
//! what it is of use for is nowhere else.

use mcp::bridge::Seal;
use pki::Sealer;

/// What everything begins with that is sealed by an agent.
const MARK: &str = "tessera.";
/// The longest name of a host; whatever names a longer one was sealed by none.
const HOST_BYTES: usize = 255;

/// Seals what bridges give to clients.
#[derive(Debug)]
pub(crate) struct Sealed {
    sealer: Sealer,
    host_id: String,
}

// === impl Sealed ===

impl Sealed {
    pub(crate) fn new(sealer: Sealer, host_id: &str) -> Self {
        Self { sealer, host_id: host_id.to_owned() }
    }

    /// The other agent that has sealed this, as far as it says so.
    pub(crate) fn other<'s>(&self, sealed: &'s str) -> Option<&'s str> {
        let (host, _) = parts(sealed)?;
        (host != self.host_id).then_some(host)
    }
}

/// Who has sealed a text, and what.
fn parts(sealed: &str) -> Option<(&str, &str)> {
    // Names of hosts may have dots, what is sealed has none.
    let named = sealed.strip_prefix(MARK)?.rsplit_once('.');
    named.filter(|(host, _)| host.len() <= HOST_BYTES)
}

impl Seal for Sealed {
    fn seal(&self, plain: &[u8], about: &[u8]) -> Option<String> {
        match self.sealer.seal(plain, about) {
            Ok(sealed) => Some(format!("{MARK}{}.{sealed}", self.host_id)),
            Err(error) => {
                tracing::error!(%error, "cannot seal what a client is to give back");
                None
            }
        }
    }

    fn open(&self, sealed: &str, about: &[u8]) -> Option<Vec<u8>> {
        let (host, sealed) = parts(sealed)?;
        if host != self.host_id {
            return None;
        }
        self.sealer.open(sealed, about)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_names_who_has_sealed_it_and_is_of_use_to_nobody_else() {
        pki::install_crypto_provider();
        let one = Sealed::new(Sealer::new().unwrap(), "host.one");
        let other = Sealed::new(Sealer::new().unwrap(), "host.other");
        let sealed = one.seal(b"plain", b"about").unwrap();
        assert!(sealed.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\'));
        assert_eq!(one.open(&sealed, b"about").unwrap(), b"plain");
        assert_eq!((one.other(&sealed), other.other(&sealed)), (None, Some("host.one")));
        assert_eq!(other.open(&sealed, b"about"), None);
        assert_eq!(one.open(&sealed, b"another"), None);
        // Whoever changes the name changes nothing but where it is refused.
        let renamed = sealed.replace("host.one", "host.other");
        assert_eq!(other.open(&renamed, b"about"), None);
        let longest = |bytes: usize| format!("tessera.{}.x", "h".repeat(bytes));
        assert_eq!(one.other(&longest(HOST_BYTES)).map(str::len), Some(HOST_BYTES));
        assert_eq!(one.other(&longest(HOST_BYTES + 1)), None);
        for foreign in ["", "tessera.", "tessera.x", "x.host.one.y", "of a server"] {
            assert_eq!(one.other(foreign), None, "{foreign}");
        }
    }
}
