//! What connectors to identity providers have in common, whichever protocol they speak.

use serde_json::Value;

use crate::decode::{FromNode, Reader, Table};
use crate::object::Object;
use crate::secret::{MASK, Secret, Secrets};

/// Which roles a statement of the provider about somebody gives: a claim of OIDC, an attribute of SAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeMapping {
    /// The name of the claim or attribute.
    pub name: String,
    /// What one of its values must be: text, glob or `^…$`.
    pub value: String,
    /// The roles that come of it; `$1` and `${name}` stand for groups of the match.
    pub roles: Vec<String>,
}

impl AttributeMapping {
    /// Reads the entries of a list; `name` is what the protocol calls its statements.
    pub(crate) fn read_list(
        table: &mut Table<'_>,
        field: &'static str,
        name: &'static str,
    ) -> Option<Vec<Self>> {
        let reader = table.required(field)?;
        let read: Vec<Option<Self>> =
            reader.items()?.map(|item| item.table(|table| Self::read(table, name))).collect();
        if read.is_empty() {
            return reader.refuse_with_help(
                "no mapping, so that nobody could ever sign in",
                format!("write at least one entry with {name}, value and roles"),
            );
        }
        read.into_iter().collect()
    }

    fn read(table: &mut Table<'_>, name: &'static str) -> Option<Self> {
        let found = table.required(name).and_then(filled);
        let value = table.required("value").and_then(filled);
        let roles = table.required("roles").and_then(|reader| {
            let roles: Vec<String> = reader.read()?;
            if roles.iter().all(|role| !role.trim().is_empty()) && !roles.is_empty() {
                Some(roles)
            } else {
                reader.refuse("expected at least one role, and none of them empty")
            }
        });
        Some(Self { name: found?, value: value?, roles: roles? })
    }

    pub(crate) fn to_value(&self, name: &str) -> Value {
        let mut object = Object::default();
        object
            .put(name, self.name.as_str())
            .put("value", self.value.as_str())
            .put("roles", self.roles.clone());
        object.into()
    }
}

/// Text with something in it.
pub(crate) fn filled(reader: Reader<'_>) -> Option<String> {
    let text = String::from_node(reader)?;
    if text.trim().is_empty() { reader.refuse("is empty") } else { Some(text) }
}

/// One text, or a list of them.
pub(crate) fn one_or_more(reader: Reader<'_>) -> Option<Vec<String>> {
    if reader.node().as_scalar().is_some() {
        return Some(vec![filled(reader)?]);
    }
    let read: Vec<Option<String>> = reader.items()?.map(filled).collect();
    read.into_iter().collect()
}

/// A secret as it is printed.
pub(crate) fn shown(secret: &Secret<String>, secrets: Secrets) -> &str {
    match secrets {
        Secrets::Include => secret.expose(),
        Secrets::Redact => MASK,
    }
}

/// An address of a provider: `https`, or `http` to this machine, which nobody can listen to.
///
/// # Errors
/// What is wrong with it, in words.
pub fn check_provider_url(text: &str) -> Result<(), String> {
    let url = url::Url::parse(text).map_err(|error| format!("not an address: {error}"))?;
    let host = url.host_str().unwrap_or_default();
    let is_here = matches!(host, "localhost" | "[::1]")
        || host.ends_with(".localhost")
        || host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    match url.scheme() {
        "https" => {}
        "http" if is_here => {}
        _ => {
            return Err(
                "must begin with https:// (http:// is for this machine's own addresses)".to_owned()
            );
        }
    }
    if host.is_empty() || !url.username().is_empty() || url.password().is_some() {
        return Err("must name a host, and no user".to_owned());
    }
    if url.fragment().is_some() {
        return Err("cannot have a fragment (\"#…\")".to_owned());
    }
    Ok(())
}

/// Reads an address of a provider.
pub(crate) fn provider_url(reader: Reader<'_>) -> Option<String> {
    let text = filled(reader)?;
    match check_provider_url(&text) {
        Ok(()) => Some(text),
        Err(message) => reader.refuse(message),
    }
}
