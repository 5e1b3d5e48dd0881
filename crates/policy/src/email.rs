//! Mail addresses by RFC 5322, with the liberties that Go's `net/mail` takes.

mod words;

use std::net::IpAddr;

use words::decodes;

/// Why a text is not one mail address.
pub(crate) type Problem = &'static str;

const BAD_COMMENT: Problem = "misformatted parenthetical comment";

struct Parser<'a> {
    rest: &'a str,
}

/// The local part of the one address in `text`: what stands before the first `@`, unquoted.
pub(crate) fn local_part(text: &str) -> Result<String, Problem> {
    let mut parser = Parser { rest: text };
    let mut found = parser.address(true)?;
    parser.comments()?;
    if !parser.rest.is_empty() {
        return Err("expected a single address");
    }
    let address = match (found.pop(), found.is_empty()) {
        (Some(address), true) => address,
        (None, _) => return Err("empty group"),
        (Some(_), false) => return Err("group with multiple addresses"),
    };
    Ok(address.split('@').next().unwrap_or_default().to_owned())
}

// === impl Parser ===

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn eat(&mut self, c: char) -> bool {
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    /// An address, or where `group` says so a group of them.
    fn address(&mut self, group: bool) -> Result<Vec<String>, Problem> {
        self.blanks();
        if self.rest.is_empty() {
            return Err("no address");
        }
        let start = self.rest;
        if let Ok(address) = self.bare_address() {
            self.blanks();
            if self.eat('(') {
                self.named_comment()?;
            }
            return Ok(vec![address]);
        }
        self.rest = start;
        let name = if self.peek() == Some('<') { String::new() } else { self.phrase()? };
        self.blanks();
        if group && self.eat(':') {
            return self.group();
        }
        if !self.eat('<') {
            return Err(if name.chars().all(|c| is_atom(c, true)) {
                "missing '@' or angle-addr"
            } else {
                "no angle-addr"
            });
        }
        let address = self.bare_address()?;
        if self.eat('>') { Ok(vec![address]) } else { Err("unclosed angle-addr") }
    }

    fn group(&mut self) -> Result<Vec<String>, Problem> {
        let mut addresses = Vec::new();
        self.blanks();
        if self.eat(';') {
            self.comments()?;
            return Ok(addresses);
        }
        loop {
            self.blanks();
            addresses.extend(self.address(false)?);
            self.comments()?;
            if self.eat(';') {
                self.comments()?;
                return Ok(addresses);
            }
            if !self.eat(',') {
                return Err("expected comma");
            }
        }
    }

    /// `local@domain`.
    fn bare_address(&mut self) -> Result<String, Problem> {
        self.blanks();
        let local = match self.peek() {
            None => return Err("no addr-spec"),
            Some('"') => {
                let quoted = self.quoted()?;
                if quoted.is_empty() {
                    return Err("empty quoted string in addr-spec");
                }
                quoted
            }
            Some(_) => self.atom(false)?,
        };
        if !self.eat('@') {
            return Err("missing @ in addr-spec");
        }
        self.blanks();
        let domain = match self.peek() {
            None => return Err("no domain in addr-spec"),
            Some('[') => self.domain_literal()?,
            Some(_) => self.atom(false)?,
        };
        Ok(format!("{local}@{domain}"))
    }

    /// A display name: words, of which one must be sound.
    fn phrase(&mut self) -> Result<String, Problem> {
        let mut words: Vec<String> = Vec::new();
        loop {
            if !words.is_empty() {
                self.comments()?;
            }
            self.blanks();
            let word = if self.peek() == Some('"') {
                self.quoted()
            } else {
                self.atom(true).and_then(|word| {
                    if decodes(&word) { Ok(word) } else { Err("unhandled charset") }
                })
            };
            match word {
                Ok(word) => words.push(word),
                Err(_) if !words.is_empty() => return Ok(words.join(" ")),
                Err(_) => return Err("missing word in phrase"),
            }
        }
    }

    fn quoted(&mut self) -> Result<String, Problem> {
        let body = self.rest.strip_prefix('"').unwrap_or(self.rest);
        let mut text = String::new();
        let mut escaped = false;
        for (at, c) in body.char_indices() {
            let blank = matches!(c, ' ' | '\t');
            if escaped {
                if !is_visible(c) && !blank {
                    return Err("bad quoted pair in quoted-string");
                }
                text.push(c);
                escaped = false;
            } else if c == '"' {
                self.rest = body.get(at + 1..).unwrap_or_default();
                return Ok(text);
            } else if c == '\\' {
                escaped = true;
            } else if is_visible(c) || blank {
                text.push(c);
            } else {
                return Err("bad character in quoted-string");
            }
        }
        Err("unclosed quoted-string")
    }

    /// A word, with dots; `loose` ones may have dots anywhere.
    fn atom(&mut self, loose: bool) -> Result<String, Problem> {
        let end = self.rest.find(|c| !is_atom(c, true)).unwrap_or(self.rest.len());
        let (atom, rest) = self.rest.split_at_checked(end).unwrap_or_default();
        if atom.is_empty() {
            return Err("invalid string");
        }
        self.rest = rest;
        if loose {
            return Ok(atom.to_owned());
        }
        if atom.starts_with('.') {
            return Err("leading dot in atom");
        }
        if atom.contains("..") {
            return Err("double dot in atom");
        }
        if atom.ends_with('.') {
            return Err("trailing dot in atom");
        }
        Ok(atom.to_owned())
    }

    fn domain_literal(&mut self) -> Result<String, Problem> {
        let body = self.rest.strip_prefix('[').unwrap_or(self.rest);
        let Some((literal, rest)) = body.split_once(']') else {
            return Err("unclosed domain-literal");
        };
        if !literal.chars().all(|c| is_visible(c) && !matches!(c, '[' | '\\')) {
            return Err("bad character in domain-literal");
        }
        if literal.parse::<IpAddr>().is_err() {
            return Err("invalid IP address in domain-literal");
        }
        self.rest = rest;
        Ok(format!("[{literal}]"))
    }

    /// The rest of a comment that serves as display name, its opening parenthesis read.
    fn named_comment(&mut self) -> Result<(), Problem> {
        let comment = self.comment()?;
        if comment.split([' ', '\t']).filter(|word| !word.is_empty()).all(decodes) {
            Ok(())
        } else {
            Err("unhandled charset")
        }
    }

    /// Skips blanks and comments.
    fn comments(&mut self) -> Result<(), Problem> {
        self.blanks();
        while self.eat('(') {
            self.comment()?;
            self.blanks();
        }
        Ok(())
    }

    /// The rest of a comment, its opening parenthesis read. Comments nest.
    fn comment(&mut self) -> Result<String, Problem> {
        let mut depth = 1_usize;
        let mut text = String::new();
        let mut chars = self.rest.char_indices();
        while let Some((at, mut c)) = chars.next() {
            let mut escaped = false;
            // A backslash that ends the text is only a backslash.
            if c == '\\'
                && let Some((_, next)) = chars.clone().next()
            {
                chars.next();
                c = next;
                escaped = true;
            }
            match c {
                '(' if !escaped => depth += 1,
                ')' if !escaped => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                self.rest = self.rest.get(at + 1..).unwrap_or_default();
                return Ok(text);
            }
            text.push(c);
        }
        Err(BAD_COMMENT)
    }
}

fn is_visible(c: char) -> bool {
    c.is_ascii_graphic() || !c.is_ascii()
}

fn is_atom(c: char, dot: bool) -> bool {
    match c {
        '.' => dot,
        '(' | ')' | '<' | '>' | '[' | ']' | ':' | ';' | '@' | '\\' | ',' | '"' => false,
        c => is_visible(c),
    }
}

#[cfg(test)]
mod tests;
