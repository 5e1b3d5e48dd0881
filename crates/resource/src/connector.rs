//! What connectors to identity providers have in common, whichever protocol they speak.

use serde_json::Value;

use crate::decode::{FromNode, Reader, Table};
use crate::object::Object;
use crate::secret::{MASK, Secret, Secrets};

/// Which roles a statement of the provider about somebody gives: a claim of OIDC, an attribute of SAML, a
/// team of an organization at GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeMapping {
    /// The name of the claim or attribute; the organization.
    pub name: String,
    /// What one of its values, or a team, must be: text, glob or `^…$`.
    pub value: String,
    /// The roles that come of it; `$1` and `${name}` stand for groups of the match.
    pub roles: Vec<String>,
}

/// What a protocol calls its statements, as fields of a mapping.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words {
    pub(crate) name: &'static str,
    pub(crate) value: &'static str,
}

impl AttributeMapping {
    /// Reads the entries of a list.
    pub(crate) fn read_list(
        table: &mut Table<'_>,
        field: &'static str,
        words: Words,
    ) -> Option<Vec<Self>> {
        let reader = table.required(field)?;
        let read: Vec<Option<Self>> =
            reader.items()?.map(|item| item.table(|table| Self::read(table, words))).collect();
        if read.is_empty() {
            return reader.refuse_with_help(
                "no mapping, so that nobody could ever sign in",
                format!("write at least one entry with {}, {} and roles", words.name, words.value),
            );
        }
        read.into_iter().collect()
    }

    fn read(table: &mut Table<'_>, words: Words) -> Option<Self> {
        let found = table.required(words.name).and_then(filled);
        let value = table.required(words.value).and_then(filled);
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

    pub(crate) fn to_value(&self, words: Words) -> Value {
        let mut object = Object::default();
        object
            .put(words.name, self.name.as_str())
            .put(words.value, self.value.as_str())
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

/// A secret with something in it.
pub(crate) fn secret(reader: Reader<'_>) -> Option<Secret<String>> {
    let secret: Secret<String> = reader.read()?;
    if secret.expose().is_empty() { reader.refuse_secret("is empty") } else { Some(secret) }
}

/// Refuses fields that promise something which is not there: without it, people would get other roles
/// than the document says.
pub(crate) fn refuse_fields(table: &mut Table<'_>, names: &[&'static str]) {
    for name in names {
        if let Some(reader) = table.field(name) {
            reader.refuse::<()>(format!("{name} is not supported"));
        }
    }
}

/// Refuses an address to which people are sent back, if no proxy takes them back there at `path`.
pub(crate) fn check_return(reader: Reader<'_>, text: &str, path: &str) -> Option<()> {
    let parsed = url::Url::parse(text).ok().filter(|url| {
        url.scheme() == "https"
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
            && url.fragment().is_none()
    });
    if parsed.is_none_or(|url| url.path() != path) {
        return reader.refuse_with_help(
            format!("{text:?} is not where a proxy takes people back"),
            format!("write https://HOST[:PORT]{path} of a proxy of this cluster"),
        );
    }
    Some(())
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
