//! The only place that writes to standard output and standard error.

use std::io::{self, IsTerminal, Write};

use resource::plain;

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

    /// Writes a line of data. A program gets it as it is, a person's terminal without what would steer it.
    ///
    /// # Errors
    /// Standard output is closed or full.
    pub fn data(&self, line: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if out.is_terminal() {
            out.write_all(plain::lines(line).as_bytes())?;
        } else {
            out.write_all(line.as_bytes())?;
        }
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
            Format::Text | Format::Json if io::stdout().is_terminal() => {
                self.data(&escaped(&format!("{value:#}")))
            }
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

/// Writes a line to standard error; nobody is told when that fails. Much of what is said was told by others, so
/// nothing in it steers a terminal: this is the last place where that can be seen to.
pub(crate) fn say(line: &str) {
    let mut err = io::stderr().lock();
    _ = err.write_all(plain::lines(line).as_bytes());
    _ = err.write_all(b"\n");
}

/// JSON that says the same, without characters that would steer a terminal.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        // Outside of strings there is none but the line break, and inside that one is escaped already.
        if plain::steers(c) && c != '\n' {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_for_a_terminal_says_the_same() {
        let value =
            serde_json::json!({"a\u{9b}": ["\u{1b}[2J", "\u{7f}\u{202e}\u{e0041}", "ä\n\t"]});
        let plain = escaped(&format!("{value:#}"));
        for c in ['\u{1b}', '\u{7f}', '\u{9b}', '\u{202e}', '\u{e0041}'] {
            assert!(!plain.contains(c), "{plain:?}");
        }
        assert_eq!(serde_json::from_str::<serde_json::Value>(&plain).unwrap(), value);
    }
}
