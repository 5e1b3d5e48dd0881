//! The reader itself: one pass over the text, without going back.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::{
    Attribute, Element, MAX_ATTRIBUTES, MAX_DEPTH, MAX_NAMESPACE, MAX_NODES, MAX_PREFIXES, Node,
    Scope, XmlError, is_space,
};
use crate::names::{XML, XMLNS};

/// Whether comments may stand in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comments {
    /// They are skipped, and what stands around them is one text.
    Skip,
    /// They are a mistake.
    Refuse,
}

/// The most bytes of a name.
const MAX_NAME: usize = 256;

struct Reader<'a> {
    text: &'a str,
    at: usize,
    comments: Comments,
    nodes: usize,
    ids: BTreeSet<String>,
}

/// Reads a document.
pub(crate) fn parse(text: &str, comments: Comments) -> Result<Element, XmlError> {
    let mut reader = Reader { text, at: 0, comments, nodes: 0, ids: BTreeSet::new() };
    reader.take("\u{feff}");
    if reader.rest().starts_with("<?xml") {
        reader.declaration()?;
    }
    reader.between()?;
    let scope = Scope::from([(Rc::from("xml"), Rc::from(XML))]);
    let root = reader.element(&Rc::new(scope), 1)?;
    reader.between()?;
    if reader.rest().is_empty() { Ok(root) } else { Err(reader.error("something after the end")) }
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn error(&self, what: &'static str) -> XmlError {
        XmlError { what, at: self.at }
    }

    fn take(&mut self, text: &str) -> bool {
        let is_there = self.rest().starts_with(text);
        if is_there {
            self.at += text.len();
        }
        is_there
    }

    fn need(&mut self, text: &str, what: &'static str) -> Result<(), XmlError> {
        if self.take(text) { Ok(()) } else { Err(self.error(what)) }
    }

    /// What stands before `end`, which is taken as well.
    fn until(&mut self, end: &str, what: &'static str) -> Result<&'a str, XmlError> {
        let rest = self.rest();
        let Some((before, _)) = rest.split_once(end) else { return Err(self.error(what)) };
        self.at += before.len() + end.len();
        Ok(before)
    }

    fn space(&mut self) -> bool {
        let rest = self.rest();
        let trimmed = rest.trim_start_matches(is_space);
        self.at += rest.len() - trimmed.len();
        trimmed.len() < rest.len()
    }

    /// What may stand outside of the root.
    fn between(&mut self) -> Result<(), XmlError> {
        loop {
            self.space();
            if self.rest().starts_with("<!--") {
                self.comment()?;
            } else if self.rest().starts_with("<!") {
                return Err(self.error("a document type"));
            } else if self.rest().starts_with("<?") {
                return Err(self.error("a processing instruction"));
            } else {
                return Ok(());
            }
        }
    }

    /// `<?xml …?>`: nothing in it may say that the text is something else than it is.
    fn declaration(&mut self) -> Result<(), XmlError> {
        let text = self.until("?>", "an XML declaration without an end")?;
        let text = text.trim_start_matches("<?xml");
        for part in text.split(is_space).filter(|part| !part.is_empty()) {
            let part = part.replace('\'', "\"").to_ascii_lowercase();
            let known = [
                "version=\"1.0\"",
                "encoding=\"utf-8\"",
                "standalone=\"yes\"",
                "standalone=\"no\"",
            ];
            if !known.contains(&part.as_str()) {
                return Err(
                    self.error("an XML declaration of something else than XML 1.0 in UTF-8")
                );
            }
        }
        Ok(())
    }

    fn comment(&mut self) -> Result<(), XmlError> {
        if self.comments == Comments::Refuse {
            return Err(self.error("a comment"));
        }
        self.need("<!--", "a comment")?;
        let text = self.until("-->", "a comment without an end")?;
        if text.contains("--") { Err(self.error("a comment with \"--\" in it")) } else { Ok(()) }
    }

    fn count(&mut self) -> Result<(), XmlError> {
        self.nodes += 1;
        if self.nodes > MAX_NODES { Err(self.error("too many nodes")) } else { Ok(()) }
    }

    fn element(&mut self, outer: &Rc<Scope>, depth: usize) -> Result<Element, XmlError> {
        if depth > MAX_DEPTH {
            return Err(self.error("elements nested too deep"));
        }
        self.count()?;
        self.need("<", "no element where one is expected")?;
        let begin = self.at;
        let (prefix, name) = self.name()?;
        let tag = self.text.get(begin..self.at).unwrap_or_default();
        let (raw, is_empty) = self.attributes()?;
        let scope = self.scope(outer, &raw)?;
        let namespace = self.resolve(&scope, &prefix, true)?;
        let attributes = self.resolved(&scope, raw)?;
        let mut element =
            Element { prefix, name, namespace, attributes, scope, children: Vec::new() };
        if is_empty {
            return Ok(element);
        }
        loop {
            let text = self.characters()?;
            if !text.is_empty() {
                self.push_text(&mut element, text)?;
            }
            if self.take("</") {
                self.need(tag, "an end tag of another element")?;
                self.space();
                self.need(">", "an end tag without an end")?;
                return Ok(element);
            }
            let rest = self.rest();
            if rest.starts_with("<!--") {
                self.comment()?;
            } else if rest.starts_with("<![CDATA[") {
                return Err(self.error("a CDATA section"));
            } else if rest.starts_with("<!") {
                return Err(self.error("a declaration within the document"));
            } else if rest.starts_with("<?") {
                return Err(self.error("a processing instruction"));
            } else if rest.is_empty() {
                return Err(self.error("an element without an end"));
            } else {
                let scope = element.scope.clone();
                let child = self.element(&scope, depth + 1)?;
                element.children.push(Node::Element(child));
            }
        }
    }

    /// Texts around a comment that is skipped are one.
    fn push_text(&mut self, element: &mut Element, text: String) -> Result<(), XmlError> {
        if let Some(Node::Text(last)) = element.children.last_mut() {
            last.push_str(&text);
            return Ok(());
        }
        self.count()?;
        element.children.push(Node::Text(text));
        Ok(())
    }

    /// A name with its prefix (Namespaces in XML 1.0, section 4). Names of messages are ASCII.
    fn name(&mut self) -> Result<(String, String), XmlError> {
        let rest = self.rest();
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let whole = rest.get(..end).unwrap_or_default();
        let (prefix, name) = whole.split_once(':').unwrap_or(("", whole));
        let starts = |text: &str| text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let is_fine = starts(name) && !name.contains(':') && (prefix.is_empty() || starts(prefix));
        if !is_fine || whole.starts_with(':') || whole.len() > MAX_NAME {
            return Err(self.error("not a name"));
        }
        self.at += end;
        Ok((prefix.to_owned(), name.to_owned()))
    }

    /// The attributes of a start tag, as they are written, and whether the element is empty.
    fn attributes(&mut self) -> Result<(Vec<Attribute>, bool), XmlError> {
        let mut found: Vec<Attribute> = Vec::new();
        loop {
            let spaced = self.space();
            if self.take("/>") {
                return Ok((found, true));
            }
            if self.take(">") {
                return Ok((found, false));
            }
            if !spaced {
                return Err(self.error("a start tag that does not end"));
            }
            self.count()?;
            let (prefix, name) = self.name()?;
            self.space();
            self.need("=", "an attribute without a value")?;
            self.space();
            let quote = if self.take("\"") {
                "\""
            } else {
                self.need("'", "an attribute without quotes")?;
                "'"
            };
            let raw = self.until(quote, "an attribute without an end")?;
            if raw.contains('<') {
                return Err(self.error("\"<\" in an attribute"));
            }
            // XML 1.0, section 3.3.3: what is written as a space of any kind is a space.
            let value = self.decode(raw, |c| if is_space(c) { ' ' } else { c })?;
            if found.iter().any(|one| one.prefix == prefix && one.name == name) {
                return Err(self.error("an attribute that is there twice"));
            }
            if found.len() >= MAX_ATTRIBUTES {
                return Err(self.error("an element with too many attributes"));
            }
            found.push(Attribute { prefix, name, namespace: Rc::default(), value });
        }
    }

    /// What prefixes mean in an element with these attributes.
    fn scope(&self, outer: &Rc<Scope>, attributes: &[Attribute]) -> Result<Rc<Scope>, XmlError> {
        let mut scope = outer.clone();
        for Attribute { prefix, name, value, .. } in attributes {
            let declared = match (prefix.as_str(), name.as_str()) {
                ("", "xmlns") => "",
                ("xmlns", name) => name,
                _ => continue,
            };
            let is_reserved = matches!(declared, "xml" | "xmlns") || value == XML || value == XMLNS;
            if is_reserved || (value.is_empty() && !declared.is_empty()) {
                return Err(self.error("a namespace that cannot be declared"));
            }
            if value.len() > MAX_NAMESPACE {
                return Err(self.error("a namespace with too long a name"));
            }
            Rc::make_mut(&mut scope).insert(declared.into(), value.as_str().into());
        }
        if scope.len() > MAX_PREFIXES {
            return Err(self.error("too many namespaces"));
        }
        Ok(scope)
    }

    fn resolve(&self, scope: &Scope, prefix: &str, has_default: bool) -> Result<Rc<str>, XmlError> {
        if prefix.is_empty() && !has_default {
            return Ok(Rc::default());
        }
        match scope.get(prefix) {
            Some(namespace) => Ok(namespace.clone()),
            None if prefix.is_empty() => Ok(Rc::default()),
            None => Err(self.error("a prefix that means nothing")),
        }
    }

    /// The attributes that are no declarations, with their namespaces; each once, and each `ID` once in the
    /// document.
    fn resolved(&mut self, scope: &Scope, raw: Vec<Attribute>) -> Result<Vec<Attribute>, XmlError> {
        let mut found: Vec<Attribute> = Vec::with_capacity(raw.len());
        for mut attribute in raw {
            if attribute.prefix == "xmlns"
                || (attribute.prefix.is_empty() && attribute.name == "xmlns")
            {
                continue;
            }
            attribute.namespace = self.resolve(scope, &attribute.prefix, false)?;
            let same = |one: &Attribute| {
                one.namespace == attribute.namespace && one.name == attribute.name
            };
            if found.iter().any(same) {
                return Err(self.error("an attribute that is there twice"));
            }
            if attribute.name.eq_ignore_ascii_case("id")
                && !self.ids.insert(attribute.value.clone())
            {
                return Err(self.error("an ID that is there twice"));
            }
            found.push(attribute);
        }
        Ok(found)
    }

    /// The text up to the next tag.
    fn characters(&mut self) -> Result<String, XmlError> {
        let rest = self.rest();
        let end = rest.find('<').unwrap_or(rest.len());
        let raw = rest.get(..end).unwrap_or_default();
        if raw.contains("]]>") {
            return Err(self.error("\"]]>\" in text"));
        }
        let text = self.decode(raw, |c| c)?;
        self.at += end;
        Ok(text)
    }

    /// Text with its references resolved. `map` is for what is written as it is.
    fn decode(&self, raw: &str, map: impl Fn(char) -> char) -> Result<String, XmlError> {
        let mut out = String::with_capacity(raw.len());
        let mut rest = raw;
        while let Some(c) = rest.chars().next() {
            if c == '&' {
                let Some((name, after)) = rest.split_once(';') else {
                    return Err(self.error("\"&\" without \";\""));
                };
                out.push(self.reference(name.strip_prefix('&').unwrap_or_default())?);
                rest = after;
                continue;
            }
            if !is_char(c) {
                return Err(self.error("a character that XML does not have"));
            }
            // XML 1.0, section 2.11: however a line ends, it is a line feed.
            let length = if rest.starts_with("\r\n") { 2 } else { c.len_utf8() };
            out.push(map(if c == '\r' { '\n' } else { c }));
            rest = rest.get(length..).unwrap_or_default();
        }
        Ok(out)
    }

    fn reference(&self, name: &str) -> Result<char, XmlError> {
        let known = match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => None,
        };
        if let Some(c) = known {
            return Ok(c);
        }
        let number = name.strip_prefix('#').filter(|digits| digits.len() <= 8);
        let code = number.and_then(|digits| match digits.strip_prefix('x') {
            Some(hex) if hex.starts_with(|c: char| c.is_ascii_hexdigit()) => {
                u32::from_str_radix(hex, 16).ok()
            }
            None if digits.starts_with(|c: char| c.is_ascii_digit()) => digits.parse().ok(),
            _ => None,
        });
        let c = code.and_then(char::from_u32).filter(|c| is_char(*c));
        c.ok_or_else(|| self.error("a reference to an entity, or to no character"))
    }
}

/// XML 1.0, section 2.2.
fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}
