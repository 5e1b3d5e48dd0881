//! Reads and prints label selectors.

use std::fmt;

use serde_json::{Map, Value};

use super::{LabelSelector, canonical_label_key};
use crate::decode::{FromNode, Reader};
use crate::metadata::duplicate_label;
use crate::node::NodeValue;

impl FromNode for LabelSelector {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        let mut selector = Self::default();
        let mut complete = true;
        for (key, reader) in reader.entries()? {
            let Some(values) = values(reader) else {
                complete = false;
                continue;
            };
            let canonical = canonical_label_key(key).into_owned();
            if selector.0.insert(canonical, values).is_some() {
                complete = false;
                reader.refuse::<()>(duplicate_label(key));
            }
        }
        complete.then_some(selector)
    }
}

fn values(reader: Reader<'_>) -> Option<Vec<String>> {
    match &reader.node().value {
        NodeValue::Sequence(_) => reader.read(),
        NodeValue::Scalar(_) if !reader.node().is_null() => Some(vec![reader.read()?]),
        _ => reader.expected("text or a list of text"),
    }
}

impl fmt::Display for LabelSelector {
    /// `env=dev|test,team=db`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (key, values)) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{key}={}", values.join("|"))?;
        }
        Ok(())
    }
}

impl LabelSelector {
    /// The selector as JSON; a list of one is written as a scalar.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let map: Map<String, Value> = self
            .0
            .iter()
            .map(|(key, values)| {
                let value = match values.as_slice() {
                    [single] => Value::from(single.as_str()),
                    values => Value::from(values.to_vec()),
                };
                (key.clone(), value)
            })
            .collect();
        Value::Object(map)
    }
}
