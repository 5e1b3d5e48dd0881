//! Text that a document holds, or that its agent finds elsewhere.

use std::fmt;

use serde_json::Value;

use crate::decode::{FromNode, Reader};
use crate::object::Object;

/// Text that a document holds, or says where its agent finds it: keys and passwords need not be in
/// documents, which others read.
///
/// `Debug` hides the text.
#[derive(Clone, PartialEq, Eq)]
pub enum Given {
    /// The text itself.
    Here(String),
    /// A file on the agent's host holds it. White space at its end does not count.
    File(String),
    /// A variable of the agent's own environment holds it.
    Env(String),
}

impl Given {
    /// The text, if the document holds it.
    #[must_use]
    pub fn here(&self) -> Option<&str> {
        match self {
            Self::Here(text) => Some(text),
            Self::File(_) | Self::Env(_) => None,
        }
    }

    /// Reads what follows `value_from`.
    pub(super) fn source(reader: Reader<'_>) -> Option<Self> {
        reader.table(|table| {
            let file = table.field("file").map(absolute_path);
            let env = table.field("env").map(variable);
            match (file, env) {
                (Some(file), None) => file.map(Self::File),
                (None, Some(env)) => env.map(Self::Env),
                _ => table.reader().refuse_with_help(
                    "expected one place where the agent finds the value",
                    "write file: /path/on/the/agent, or env: A_VARIABLE_OF_THE_AGENT",
                ),
            }
        })
    }

    /// What stands after `value_from`; nothing for text in the document.
    pub(super) fn source_object(&self) -> Option<Object> {
        let (key, place) = match self {
            Self::Here(_) => return None,
            Self::File(path) => ("file", path),
            Self::Env(name) => ("env", name),
        };
        let mut object = Object::default();
        object.put(key, place.as_str());
        Some(object)
    }

    /// The value of a map: the text, or `{value_from: …}`.
    pub(super) fn to_value(&self) -> Value {
        match self {
            Self::Here(text) => text.as_str().into(),
            Self::File(_) | Self::Env(_) => {
                let mut object = Object::default();
                object.put_some("value_from", self.source_object());
                object.into()
            }
        }
    }
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here(_) => f.write_str("Here(***)"),
            Self::File(path) => write!(f, "File({path:?})"),
            Self::Env(name) => write!(f, "Env({name:?})"),
        }
    }
}

impl FromNode for Given {
    /// Text, or `{value_from: {file: …}}`, or `{value_from: {env: …}}`.
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        if let Some(scalar) = reader.node().as_scalar().filter(|_| !reader.node().is_null()) {
            return Some(Self::Here(scalar.text.clone()));
        }
        if reader.node().get("value_from").is_none() {
            return reader.refuse_secret("expected text, or value_from");
        }
        reader.table(|table| table.required("value_from").and_then(Self::source))
    }
}

/// The absolute path of something on the agent's host.
pub(super) fn absolute_path(reader: Reader<'_>) -> Option<String> {
    let path = reader.text()?;
    if !path.starts_with('/') || path.contains('\0') {
        return reader.expected("an absolute path on the agent's host");
    }
    Some(path.to_owned())
}

fn variable(reader: Reader<'_>) -> Option<String> {
    let name = reader.text()?;
    if name.is_empty() || name.contains(['=', '\0']) {
        return reader.expected("the name of a variable of the agent's environment");
    }
    Some(name.to_owned())
}
