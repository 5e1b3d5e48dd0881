//! Apps that a configuration file describes, in its own, flatter form; and the built-in demo server.

use std::collections::BTreeMap;

use super::check;
use super::read::{check_cloud, checked};
use super::{App, AppSpec, dynamic};
use crate::decode::{FromNode, Reader};
use crate::label::{ORIGIN_CONFIG_FILE, ORIGIN_LABEL, RESOURCE_TYPE_DEMO, RESOURCE_TYPE_LABEL};
use crate::metadata::{Metadata, check_name, labels};

/// The name of the built-in demo server.
pub const DEMO_APP_NAME: &str = "tessera-mcp-demo";

/// The URI of the built-in demo server; nothing is started for it.
pub const DEMO_APP_URI: &str = "mcp+stdio://tessera-mcp-demo";

/// Fields of static apps that mean nothing for MCP servers.
const OTHER_FIELDS: &[&str] =
    &["cloud", "cors", "required_apps", "aws", "tcp_ports", "use_any_proxy_public_addr"];

/// An entry of `app_service.apps` in a configuration file.
#[derive(Debug, Clone, PartialEq)]
pub struct StaticApp(pub App);

impl FromNode for StaticApp {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        let app = reader.table(|table| {
            let name = table.required("name").and_then(name);
            let description = table.get_or_default("description");
            let labels = table.field("labels").map_or_else(|| Some(BTreeMap::new()), labels);
            let commands =
                table.field("commands").map_or_else(|| Some(BTreeMap::new()), dynamic::commands);
            let uri = checked(table.field("uri"), |uri| check::transport(uri).map(|_| ()));
            let public_addr = checked(table.field("public_addr"), check::static_public_addr);
            check_cloud(table);
            let spec = AppSpec {
                uri: String::new(),
                public_addr: public_addr.unwrap_or_default(),
                insecure_skip_verify: table.get_or_default("insecure_skip_verify"),
                tls: table.get("tls"),
                mcp: table.get("mcp"),
                rewrite: table.get("rewrite"),
                dynamic_labels: commands?,
                other: table.keep(OTHER_FIELDS),
            };
            let metadata = Metadata { description, labels: labels?, ..Metadata::named(name?) };
            Some(App { metadata, spec: AppSpec { uri: uri?, ..spec }, status: None })
        })?;
        let mut app = app.complete(reader)?;
        app.set_origin(ORIGIN_CONFIG_FILE);
        Some(Self(app))
    }
}

fn name(reader: Reader<'_>) -> Option<String> {
    if let Err(error) = check_name(reader.text()?) {
        return reader.refuse(error.to_string());
    }
    checked(Some(reader), check::static_name)
}

impl App {
    /// The built-in demo server.
    #[must_use]
    pub fn demo() -> Self {
        let metadata = Metadata {
            description: "A demo MCP server that tells who you are and how you are connected"
                .to_owned(),
            labels: BTreeMap::from([
                (RESOURCE_TYPE_LABEL.to_owned(), RESOURCE_TYPE_DEMO.to_owned()),
                (ORIGIN_LABEL.to_owned(), ORIGIN_CONFIG_FILE.to_owned()),
            ]),
            ..Metadata::named(DEMO_APP_NAME)
        };
        let spec = AppSpec { uri: DEMO_APP_URI.to_owned(), ..AppSpec::default() };
        Self::from_parts(metadata, spec)
    }
}
