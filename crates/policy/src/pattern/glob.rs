//! Text in which `*` stands for any run of characters without a line break.

/// A glob, taken apart at its stars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Glob {
    /// A star never crosses a line break, so each line of a text is matched by its own line of the glob.
    lines: Box<[Line]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    first: Box<str>,
    /// What stands between two stars, in order; never empty texts.
    middle: Box<[Box<str>]>,
    /// `None` for a line without a star.
    last: Option<Box<str>>,
}

/// What a glob is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Itself.
    Text(String),
    /// Any run of characters without a line break.
    Star,
}

// === impl Glob ===

impl Glob {
    pub(crate) fn new(text: &str) -> Self {
        Self { lines: text.split('\n').map(|line| Line::new(line.split('*'))).collect() }
    }

    /// A glob in whose texts a star is nothing special.
    pub(crate) fn of(pieces: &[Piece]) -> Self {
        // Of each line, what stands around its stars.
        let mut done: Vec<Line> = Vec::new();
        let mut line = vec![String::new()];
        for piece in pieces {
            match piece {
                Piece::Star => line.push(String::new()),
                Piece::Text(text) => {
                    for (at, part) in text.split('\n').enumerate() {
                        if at > 0 {
                            done.push(Line::new(line.iter().map(String::as_str)));
                            line = vec![String::new()];
                        }
                        if let Some(last) = line.last_mut() {
                            last.push_str(part);
                        }
                    }
                }
            }
        }
        done.push(Line::new(line.iter().map(String::as_str)));
        Self { lines: done.into() }
    }

    pub(crate) fn is_match(&self, text: &str) -> bool {
        if let [line] = &*self.lines {
            return line.is_match(text) && !text.contains('\n');
        }
        let mut texts = text.split('\n');
        self.lines.iter().all(|line| texts.next().is_some_and(|text| line.is_match(text)))
            && texts.next().is_none()
    }

    /// What every matching text begins with, when that is known.
    pub(crate) fn prefix(&self) -> Option<&str> {
        self.lines.first().map(|line| &*line.first).filter(|first| !first.is_empty())
    }

    /// What every matching text ends with, when that is known.
    pub(crate) fn suffix(&self) -> Option<&str> {
        self.lines.last().and_then(|line| line.last.as_deref()).filter(|last| !last.is_empty())
    }

    /// How long the one text of a glob is that has nothing beside it but stars; nothing where it has more
    /// than one, or none.
    pub(crate) fn literal_bytes(&self) -> Option<usize> {
        let [Line { first, middle, last: Some(last) }] = &*self.lines else { return None };
        let mut texts = [first, last].into_iter().chain(middle).filter(|text| !text.is_empty());
        texts.next().filter(|_| texts.next().is_none()).map(|text| text.len())
    }

    /// The longest text that every matching text has between two stars, if there is one.
    pub(crate) fn inner(&self) -> Option<&str> {
        let middle = self.lines.iter().flat_map(|line| &line.middle);
        middle.map(|part| &**part).max_by_key(|part| part.len())
    }
}

// === impl Line ===

impl Line {
    /// A line of these texts with stars between them.
    fn new<'a>(parts: impl Iterator<Item = &'a str>) -> Self {
        let mut parts: Vec<&str> = parts.collect();
        let last = if parts.len() > 1 { parts.pop().map(Box::from) } else { None };
        let mut parts = parts.into_iter();
        let first = parts.next().unwrap_or_default().into();
        let middle = parts.filter(|part| !part.is_empty()).map(Box::from).collect();
        Self { first, middle, last }
    }

    fn is_match(&self, text: &str) -> bool {
        let Some(last) = &self.last else { return *self.first == *text };
        let inner = text.strip_prefix(&*self.first).and_then(|text| text.strip_suffix(&**last));
        let Some(mut rest) = inner else { return false };
        // The earliest place of each part leaves the most room for the next.
        for part in &self.middle {
            let Some(at) = rest.find(&**part) else { return false };
            rest = rest.get(at + part.len()..).unwrap_or_default();
        }
        true
    }
}
