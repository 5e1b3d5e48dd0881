//! Mistakes in a document, all at once, each with its place, the line it is on and what may help.

use std::fmt;

use crate::node::{Position, Span};
use crate::source::Source;

/// How many mistakes of one document are reported; more would not be read.
pub const MAX_PROBLEMS: usize = 50;

/// Quoted lines are cut to this many characters around the mistake.
const MAX_QUOTED: usize = 100;

/// Words that mark a line as one that may hold a secret, in lower case.
const SECRET_WORDS: [&str; 4] = ["token", "secret", "password", "private"];

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field, as in `spec.allow.mcp.tools[2]`; empty when the mistake is in no field.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What may help.
    pub help: Option<String>,
    /// Where it is written, when that is known.
    pub span: Option<Span>,
    quote: Quote,
}

/// How much of the line may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quote {
    /// All of it.
    Line,
    /// Up to the end of the marked part. What follows an unknown key may be a misnamed secret.
    Marked,
    /// Nothing.
    Hidden,
}

impl Problem {
    /// A mistake in a field.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            message: message.into(),
            help: None,
            span: None,
            quote: Quote::Line,
        }
    }

    /// Says where it is written.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = span.start.is_known().then_some(span);
        self
    }

    /// Says what may help.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Keeps the source line out of the report.
    #[must_use]
    pub fn hide_line(mut self) -> Self {
        self.quote = Quote::Hidden;
        self
    }

    /// Shows the source line only as far as it is marked.
    #[must_use]
    pub fn hide_rest_of_line(mut self) -> Self {
        self.quote = Quote::Marked;
        self
    }

    /// Shows the line only if it does not look as if it held a secret.
    fn hide_secret_line(self, source: &Source) -> Self {
        let line = self.span.and_then(|span| source.line(span.start.line)).unwrap_or_default();
        let line = line.to_lowercase();
        if SECRET_WORDS.iter().any(|word| line.contains(word)) { self.hide_line() } else { self }
    }

    /// Line and column, when they are known.
    #[must_use]
    pub fn position(&self) -> Option<Position> {
        self.span.map(|span| span.start)
    }
}

/// Path, message and help in one line, for readers who do not have the source.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

/// Every mistake of a source, in the order of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    source: String,
    problems: Vec<Problem>,
    snippets: Vec<Option<Snippet>>,
    more: usize,
}

/// A quoted line and what is marked in it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Snippet {
    line: String,
    indent: usize,
    width: usize,
}

impl Report {
    /// Quotes the source at each mistake.
    #[must_use]
    pub fn new(source: &Source, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(Problem::position);
        let more = problems.len().saturating_sub(MAX_PROBLEMS);
        problems.truncate(MAX_PROBLEMS);
        let snippets = problems.iter().map(|problem| snippet(source, problem)).collect();
        Self { source: source.name().to_owned(), problems, snippets, more }
    }

    /// Quotes the source except for lines that look as if they held a secret. For mistakes that keep a text from being
    /// understood, and so from knowing which of its values are secret.
    #[must_use]
    pub(crate) fn hiding_secrets(source: &Source, problems: Vec<Problem>) -> Self {
        let hide = |problem: Problem| problem.hide_secret_line(source);
        Self::new(source, problems.into_iter().map(hide).collect())
    }

    pub(crate) fn with_more(mut self, more: usize) -> Self {
        self.more = self.more.saturating_add(more);
        self
    }

    /// The mistakes, at most [`MAX_PROBLEMS`].
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// What the source is called.
    #[must_use]
    pub fn source_name(&self) -> &str {
        &self.source
    }

    /// Adds the mistakes of another document of the same source.
    pub(crate) fn append(&mut self, other: Self) {
        self.more = self.more.saturating_add(other.more);
        for (problem, snippet) in other.problems.into_iter().zip(other.snippets) {
            if self.problems.len() < MAX_PROBLEMS {
                self.problems.push(problem);
                self.snippets.push(snippet);
            } else {
                self.more = self.more.saturating_add(1);
            }
        }
    }
}

impl std::error::Error for Report {}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (problem, snippet)) in self.problems.iter().zip(&self.snippets).enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            self.write_problem(f, problem, snippet.as_ref())?;
        }
        match self.more {
            0 => Ok(()),
            1 => write!(f, "\nand 1 more problem"),
            more => write!(f, "\nand {more} more problems"),
        }
    }
}

impl Report {
    fn write_problem(
        &self,
        f: &mut fmt::Formatter<'_>,
        problem: &Problem,
        snippet: Option<&Snippet>,
    ) -> fmt::Result {
        write!(f, "{}:", self.source)?;
        let position = problem.position();
        if let Some(position) = position {
            write!(f, "{position}:")?;
        }
        if !problem.path.is_empty() {
            write!(f, " {}:", problem.path)?;
        }
        write!(f, " {}", problem.message)?;
        let number = position.map(|position| position.line.to_string()).unwrap_or_default();
        let margin = " ".repeat(number.len());
        if let Some(Snippet { line, indent, width }) = snippet {
            write!(f, "\n{margin} |\n{number} | {line}\n{margin} | ")?;
            write!(f, "{}{}", " ".repeat(*indent), "^".repeat(*width))?;
        }
        match &problem.help {
            Some(help) if snippet.is_some() => write!(f, "\n{margin} = help: {help}"),
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

fn snippet(source: &Source, problem: &Problem) -> Option<Snippet> {
    let span = problem.span.filter(|_| problem.quote != Quote::Hidden)?;
    let line: Vec<char> = source.line(span.start.line)?.chars().map(printable).collect();
    let start = span.start.column.saturating_sub(1).min(line.len());
    let end = if span.end.line == span.start.line {
        span.end.column.saturating_sub(1).clamp(start, line.len())
    } else {
        line.len()
    };
    let hides_rest = problem.quote == Quote::Marked && end < line.len();
    let last = if hides_rest { end } else { line.len() };
    // A long line is shown from shortly before the mark, so that the mark is in sight.
    let from = if start + 20 > MAX_QUOTED { start - 20 } else { 0 };
    let to = last.min(from + MAX_QUOTED);
    let shown: String = line.get(from..to).unwrap_or_default().iter().collect();
    let (before, indent) = if from > 0 { ("…", start - from + 1) } else { ("", start) };
    let after = if hides_rest || to < last { "…" } else { "" };
    let width = (end.min(to).saturating_sub(start)).max(1);
    let line =
        format!("{before}{}{after}", if after.is_empty() { shown.trim_end() } else { &shown });
    Some(Snippet { line, indent, width })
}

/// Tabs would move the mark; other control characters could move the reader's cursor.
fn printable(c: char) -> char {
    match c {
        '\t' => ' ',
        c if c.is_control() || is_invisible(c) => '\u{fffd}',
        c => c,
    }
}

/// Characters that change how the text around them is displayed without being seen themselves.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// A text as it is quoted in messages: escaped, and cut when long.
pub(crate) fn quoted(text: &str) -> String {
    const MAX: usize = 60;
    let mut shown = String::from("\"");
    for (count, c) in text.chars().enumerate() {
        if count == MAX {
            shown.push('…');
            break;
        }
        match c {
            '"' | '\\' => shown.extend(['\\', c]),
            '\n' => shown.push_str("\\n"),
            c if c.is_control() || is_invisible(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown.push('"');
    shown
}

#[cfg(test)]
mod tests;
