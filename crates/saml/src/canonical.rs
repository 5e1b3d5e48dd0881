//! Exclusive XML Canonicalization 1.0, without comments: one spelling for all spellings of an element.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::xml::{Attribute, Element, Node};

/// Bytes of a canonical form. It may be longer than the text was: a namespace that is declared once is written
/// wherever it is used beside others.
pub(crate) const MAX_CANONICAL: usize = 2 << 20;

/// What is written of an element.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Canonical<'a> {
    /// Prefixes that are declared wherever they mean something (`InclusiveNamespaces`); the default
    /// namespace is the empty one.
    pub(crate) inclusive: &'a [String],
    /// A child of the element that is left out: its signature.
    pub(crate) without: Option<&'a Element>,
}

/// There is more of it than anybody signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its canonical form has more than {MAX_CANONICAL} bytes")]
pub(crate) struct TooLong;

/// The canonical form.
pub(crate) fn canonical(element: &Element, options: Canonical<'_>) -> Result<String, TooLong> {
    let mut out = String::new();
    write(element, options, &BTreeMap::new(), &mut out)?;
    Ok(out)
}

fn write<'a>(
    element: &'a Element,
    options: Canonical<'a>,
    rendered: &BTreeMap<&'a str, &'a str>,
    out: &mut String,
) -> Result<(), TooLong> {
    let mut rendered = Cow::Borrowed(rendered);
    out.push('<');
    push_name(&element.prefix, &element.name, out);
    for prefix in wanted(element, options.inclusive) {
        let meaning = element.scope.get_key_value(prefix);
        let (prefix, namespace) =
            meaning.map_or((prefix, ""), |(prefix, namespace)| (&**prefix, &**namespace));
        let known = rendered.get(prefix).copied();
        // Section 3: the default namespace is undone only where one was declared.
        let is_needed = known != Some(namespace) && !(namespace.is_empty() && known.is_none());
        if is_needed {
            rendered.to_mut().insert(prefix, namespace);
            out.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
            out.push_str(prefix);
            push_value(namespace, out);
        }
    }
    let mut attributes: Vec<&Attribute> = element.attributes.iter().collect();
    attributes.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    for attribute in attributes {
        out.push(' ');
        push_name(&attribute.prefix, &attribute.name, out);
        push_value(&attribute.value, out);
    }
    out.push('>');
    if out.len() > MAX_CANONICAL {
        return Err(TooLong);
    }
    for child in &element.children {
        match child {
            Node::Text(text) => push_text(text, out),
            Node::Element(child)
                if options.without.is_some_and(|left| std::ptr::eq(left, child)) => {}
            Node::Element(child) => write(child, options, &rendered, out)?,
        }
    }
    out.push_str("</");
    push_name(&element.prefix, &element.name, out);
    out.push('>');
    Ok(())
}
/// The prefixes that an element uses itself, or that are always declared; sorted, the default first.
fn wanted<'a>(element: &'a Element, inclusive: &'a [String]) -> BTreeSet<&'a str> {
    let own = std::iter::once(element.prefix.as_str());
    let attributes = element.attributes.iter().map(|attribute| attribute.prefix.as_str());
    let attributes = attributes.filter(|prefix| !prefix.is_empty());
    let always = inclusive.iter().map(String::as_str);
    let always = always.filter(|prefix| element.scope.contains_key(*prefix));
    // `xml` is never declared.
    own.chain(attributes).chain(always).filter(|prefix| *prefix != "xml").collect()
}

fn push_name(prefix: &str, name: &str, out: &mut String) {
    if !prefix.is_empty() {
        out.push_str(prefix);
        out.push(':');
    }
    out.push_str(name);
}

fn push_value(value: &str, out: &mut String) {
    out.push_str("=\"");
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push_str("&#x9;"),
            '\n' => out.push_str("&#xA;"),
            '\r' => out.push_str("&#xD;"),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Text as it is written in canonical form, and wherever else text is written.
pub(crate) fn push_text(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#xD;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests;
