//! The only place that writes to standard output and standard error.

use std::io::{self, IsTerminal, Write};

use crate::format::Format;

/// Writes data to standard output and talk to standard error.
#[derive(Debug, Default)]
pub struct Printer {
    _private: (),
}

// === impl Printer ===

impl Printer {
    /// A printer for this process.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes a line of data.
    ///
    /// # Errors
    /// Standard output is closed or full.
    pub fn data(&self, line: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(line.as_bytes())?;
        out.write_all(b"\n")?;
        out.flush()
    }

    /// Writes a value in the form that was asked for.
    ///
    /// # Errors
    /// Standard output is closed or full.
    pub(crate) fn value(&self, value: &serde_json::Value, format: Format) -> io::Result<()> {
        match format {
            Format::Yaml => self.data(resource::yaml::to_yaml(value).trim_end()),
            Format::Text | Format::Json => self.data(&format!("{value:#}")),
        }
    }

    /// Says something to the person at the terminal.
    pub fn talk(&self, line: &str) {
        say(line);
    }

    /// How wide a table may be: the terminal's width, or no limit when there is none.
    #[must_use]
    pub fn width(&self) -> Option<u16> {
        if !io::stdout().is_terminal() {
            return None;
        }
        let columns = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
        columns.or(Some(120))
    }
}

/// Writes a line to standard error; nobody is told when that fails.
pub(crate) fn say(line: &str) {
    let mut err = io::stderr().lock();
    _ = err.write_all(harmless(line).as_bytes());
    _ = err.write_all(b"\n");
}

/// The same for a terminal, which does what control characters say: words may be another cluster's, or a server's.
fn harmless(line: &str) -> String {
    let is_harmless = |c: char| !c.is_control() || c == '\n' || c == '\t';
    line.chars().map(|c| if is_harmless(c) { c } else { ' ' }).collect()
}

#[cfg(test)]
mod tests;
