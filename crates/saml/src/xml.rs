//! A reader of XML documents that are messages: elements, attributes, namespaces and text (XML 1.0, fifth
//! edition; Namespaces in XML 1.0). Whatever can make two readers see two things is refused: document types,
//! entities, processing instructions and marked sections always, comments where they are not expected.

mod reader;

use std::collections::BTreeMap;
use std::rc::Rc;

pub(crate) use self::reader::{Comments, parse};

/// Elements inside elements.
pub(crate) const MAX_DEPTH: usize = 48;
/// Elements, attributes and pieces of text together.
pub(crate) const MAX_NODES: usize = 20_000;

/// Attributes of an element, declarations included.
pub(crate) const MAX_ATTRIBUTES: usize = 64;
/// Prefixes that mean something at one place.
pub(crate) const MAX_PREFIXES: usize = 32;
/// Bytes of the name of a namespace. An element of six bytes can stand for one of these each time.
pub(crate) const MAX_NAMESPACE: usize = 512;

/// Why a text is not XML of the kind that is read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} (at byte {at})")]
pub struct XmlError {
    /// What is wrong.
    pub what: &'static str,
    /// Where.
    pub at: usize,
}

/// What prefixes mean at a place. The names are shared: as few bytes as declare one are what it costs.
pub(crate) type Scope = BTreeMap<Rc<str>, Rc<str>>;

/// An element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Element {
    /// Empty for none.
    pub(crate) prefix: String,
    pub(crate) name: String,
    /// Empty for none.
    pub(crate) namespace: Rc<str>,
    pub(crate) attributes: Vec<Attribute>,
    /// The prefixes that mean something here, the ones from outside included.
    pub(crate) scope: Rc<Scope>,
    pub(crate) children: Vec<Node>,
}

/// An attribute that is not a declaration of a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attribute {
    pub(crate) prefix: String,
    pub(crate) name: String,
    pub(crate) namespace: Rc<str>,
    pub(crate) value: String,
}

/// What stands in an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Element(Element),
    Text(String),
}

impl Element {
    pub(crate) fn is(&self, namespace: &str, name: &str) -> bool {
        &*self.namespace == namespace && self.name == name
    }

    /// An attribute without a namespace.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attribute_of("", name)
    }

    pub(crate) fn attribute_of(&self, namespace: &str, name: &str) -> Option<&str> {
        let found = self.attributes.iter();
        found
            .filter(|attribute| &*attribute.namespace == namespace && attribute.name == name)
            .map(|attribute| attribute.value.as_str())
            .next()
    }

    /// The elements directly in this one.
    pub(crate) fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// Those of a name.
    pub(crate) fn all<'a>(
        &'a self,
        namespace: &'a str,
        name: &'a str,
    ) -> impl Iterator<Item = &'a Self> {
        self.elements().filter(move |element| element.is(namespace, name))
    }

    /// The only one of a name, if there is one. Two of it are a mistake.
    pub(crate) fn at_most_one<'a>(
        &'a self,
        namespace: &'a str,
        name: &'a str,
    ) -> Result<Option<&'a Self>, String> {
        let mut found = self.all(namespace, name);
        match (found.next(), found.next()) {
            (found, None) => Ok(found),
            (_, Some(_)) => Err(format!("{} has several {name}", self.name)),
        }
    }

    /// The one of a name.
    pub(crate) fn one<'a>(&'a self, namespace: &'a str, name: &'a str) -> Result<&'a Self, String> {
        self.at_most_one(namespace, name)?.ok_or_else(|| format!("{} has no {name}", self.name))
    }

    /// The text in an element that holds nothing else, without what is space around it.
    pub(crate) fn text(&self) -> Result<String, String> {
        if self.elements().next().is_some() {
            return Err(format!("{} holds elements where text is expected", self.name));
        }
        Ok(self.all_text().trim_matches(is_space).to_owned())
    }

    /// All text below, in its order.
    pub(crate) fn all_text(&self) -> String {
        let mut out = String::new();
        self.collect(&mut out);
        out
    }

    fn collect(&self, out: &mut String) {
        for child in &self.children {
            match child {
                Node::Text(text) => out.push_str(text),
                Node::Element(element) => element.collect(out),
            }
        }
    }
}

/// XML 1.0, section 2.3. What else looks like space is part of a name.
pub(crate) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

#[cfg(test)]
mod tests;
