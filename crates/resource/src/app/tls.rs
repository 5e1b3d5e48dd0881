//! How the server of an app proves who it is, and how the agent does.

use super::given::absolute_path;
use crate::decode::{FromNode, Reader};
use crate::object::Object;

/// How the server of an app proves who it is, and how the agent does.
///
/// A private key is only ever named by its file on the agent's host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpstreamTls {
    /// Authorities, in PEM, that alone are believed instead of the operating system's.
    pub ca: String,
    /// The same, in a file on the agent's host.
    pub ca_file: String,
    /// The name that the server's certificate must bear, if it is not the URI's.
    pub server_name: String,
    /// The file with the certificate that the agent shows, in PEM, chain included.
    pub cert_file: String,
    /// The file with its private key, in PEM.
    pub key_file: String,
}

impl UpstreamTls {
    /// Whether some of it is in files on the agent's host.
    #[must_use]
    pub fn has_files(&self) -> bool {
        !self.ca_file.is_empty() || !self.cert_file.is_empty()
    }

    pub(super) fn to_object(&self) -> Object {
        let mut object = Object::default();
        object
            .put_text("ca", &self.ca)
            .put_text("ca_file", &self.ca_file)
            .put_text("server_name", &self.server_name)
            .put_text("cert_file", &self.cert_file)
            .put_text("key_file", &self.key_file);
        object
    }
}

impl FromNode for UpstreamTls {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.table(|table| {
            let ca = table.field("ca").map_or_else(|| Some(String::new()), certificates);
            let mut path = |name| table.field(name).map_or_else(|| Some(String::new()), path);
            let (ca_file, cert_file) = (path("ca_file"), path("cert_file"));
            let key_file = path("key_file");
            let server_name = table.get_or_default("server_name");
            let (ca, ca_file, cert_file, key_file) = (ca?, ca_file?, cert_file?, key_file?);
            if !ca.is_empty() && !ca_file.is_empty() {
                return table.reader().refuse("ca and ca_file exclude each other");
            }
            if cert_file.is_empty() != key_file.is_empty() {
                return table.reader().refuse("cert_file and key_file belong together");
            }
            Some(Self { ca, ca_file, server_name, cert_file, key_file })
        })
    }
}

fn path(reader: Reader<'_>) -> Option<String> {
    if reader.text()?.is_empty() {
        return Some(String::new());
    }
    absolute_path(reader)
}

fn certificates(reader: Reader<'_>) -> Option<String> {
    let text = reader.text()?;
    if text.contains("PRIVATE KEY") {
        return reader.refuse_secret("a private key does not belong here; use key_file");
    }
    if !text.is_empty() && !text.contains("-----BEGIN CERTIFICATE-----") {
        return reader.expected("certificates in PEM");
    }
    Some(text.to_owned())
}
