//! The figures, as a table and as JSON.

use std::fmt;
use std::path::Path;

use serde_json::{Value, json};

use crate::Outcome;

/// Every figure, in nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct Report(Vec<Line>);

/// What a figure should stay under.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Aim(f64);

#[derive(Debug)]
struct Line {
    what: String,
    ours: f64,
    theirs: Option<f64>,
    aim: Option<Aim>,
}

// === impl Aim ===

impl Aim {
    pub(crate) fn nanos(nanos: f64) -> Self {
        Self(nanos)
    }
}

// === impl Report ===

impl Report {
    pub(crate) fn add(&mut self, what: String, ours: f64, theirs: Option<f64>, aim: Option<Aim>) {
        self.0.push(Line { what, ours, theirs, aim });
    }

    /// Writes `policy.json` into `folder`.
    pub(crate) fn write(&self, folder: &Path) -> Outcome<()> {
        std::fs::create_dir_all(folder)?;
        let lines: Vec<Value> = self.0.iter().map(Line::to_json).collect();
        let text = serde_json::to_string_pretty(&json!({ "policy": lines }))?;
        std::fs::write(folder.join("policy.json"), text + "\n")?;
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.iter().map(|line| line.what.len()).max().unwrap_or_default();
        writeln!(f, "{:width$}  {:>10}  {:>10}  {:>8}  aim", "", "tessera", "cedar", "ratio")?;
        for line in &self.0 {
            let theirs = line.theirs.map_or_else(|| "-".to_owned(), Line::show);
            let ratio = line
                .theirs
                .map_or_else(|| "-".to_owned(), |theirs| format!("{:.1}x", theirs / line.ours));
            let aim = line.aim.map_or_else(String::new, |Aim(aim)| {
                let met = if line.ours < aim { "met" } else { "MISSED" };
                format!("under {}: {met}", Line::show(aim))
            });
            let ours = Line::show(line.ours);
            writeln!(f, "{:width$}  {ours:>10}  {theirs:>10}  {ratio:>8}  {aim}", line.what)?;
        }
        Ok(())
    }
}

// === impl Line ===

impl Line {
    fn show(nanos: f64) -> String {
        match nanos {
            n if n < 1e3 => format!("{n:.0} ns"),
            n if n < 1e6 => format!("{:.2} µs", n / 1e3),
            n => format!("{:.2} ms", n / 1e6),
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "what": self.what,
            "tessera_ns": self.ours,
            "cedar_ns": self.theirs,
            "ratio": self.theirs.map(|theirs| theirs / self.ours),
            "aim_ns": self.aim.map(|Aim(aim)| aim),
            "met": self.aim.map(|Aim(aim)| self.ours < aim),
        })
    }
}
