//! What was measured, for people and for programs.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Map, Value, json};

/// What was measured under one name.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) name: &'static str,
    pub(crate) tables: Vec<Table>,
    /// What one must know to read them.
    pub(crate) notes: Vec<String>,
}

/// Rows of the same kind.
#[derive(Debug)]
pub(crate) struct Table {
    title: &'static str,
    columns: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

/// One thing of a row.
#[derive(Debug)]
pub(crate) enum Cell {
    Text(String),
    /// With so many digits after the point.
    Number(f64, usize),
    None,
}

/// A word.
pub(crate) fn text(text: impl Into<String>) -> Cell {
    Cell::Text(text.into())
}

/// A number with so many digits after the point.
pub(crate) fn number(number: f64, digits: usize) -> Cell {
    Cell::Number(number, digits)
}

/// The median and the 99th percentile, in milliseconds.
pub(crate) fn percentiles(mut times: Vec<Duration>) -> (Cell, Cell) {
    times.sort_unstable();
    let at = |part: usize| {
        let index = (times.len() * part / 100).min(times.len().saturating_sub(1));
        let time = times.get(index).copied().unwrap_or_default();
        number(time.as_secs_f64() * 1e3, 1)
    };
    (at(50), at(99))
}

// === impl Report ===

impl Report {
    /// Shows it.
    pub(crate) fn print(&self) {
        for table in &self.tables {
            table.print();
        }
        for note in &self.notes {
            println!("  {note}");
        }
    }

    /// Writes it as `NAME.json`.
    pub(crate) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        let path = folder.join(self.name).with_extension("json");
        let tables: Vec<Value> = self.tables.iter().map(Table::to_json).collect();
        let all = json!({
            "name": self.name, "machine": machine(), "tables": tables, "notes": self.notes,
        });
        let mut text = serde_json::to_string_pretty(&all)?;
        text.push('\n');
        fs::write(&path, text).with_context(|| format!("write {}", path.display()))
    }
}

/// On what it was measured.
fn machine() -> Value {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let info = read("/proc/cpuinfo");
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    json!({
        "processors": std::thread::available_parallelism().map_or(0, usize::from),
        "model": model.map(|(_, model)| model),
        "kernel": read("/proc/sys/kernel/osrelease").trim_end(),
    })
}

// === impl Table ===

impl Table {
    pub(crate) fn new(title: &'static str, columns: &[&'static str]) -> Self {
        Self { title, columns: columns.to_vec(), rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    fn print(&self) {
        let mut lines = vec![self.columns.iter().map(|column| (*column).to_owned()).collect()];
        lines.extend(self.rows.iter().map(|row| row.iter().map(Cell::shown).collect::<Vec<_>>()));
        let width = |at: usize| {
            let cells = lines.iter().filter_map(|line| line.get(at));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        println!("\n{}", self.title);
        for line in &lines {
            let cells = line.iter().zip(&widths).zip(&self.columns);
            let cells = cells.map(|((cell, width), column)| match self.is_text(column) {
                true => format!("{cell:<width$}"),
                false => format!("{cell:>width$}"),
            });
            println!("  {}", cells.collect::<Vec<_>>().join("  ").trim_end());
        }
    }

    fn is_text(&self, column: &str) -> bool {
        let at = self.columns.iter().position(|one| *one == column);
        let first = self.rows.first().zip(at).and_then(|(row, at)| row.get(at));
        matches!(first, Some(Cell::Text(_)))
    }

    fn to_json(&self) -> Value {
        let row = |row: &Vec<Cell>| -> Value {
            let cells = self.columns.iter().zip(row);
            cells
                .map(|(name, cell)| ((*name).to_owned(), cell.to_json()))
                .collect::<Map<_, _>>()
                .into()
        };
        json!({"title": self.title, "rows": self.rows.iter().map(row).collect::<Vec<_>>()})
    }
}

// === impl Cell ===

impl Cell {
    fn shown(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number, digits) => format!("{number:.digits$}"),
            Self::None => "-".to_owned(),
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Number(number, 0) => json!(number.round()),
            Self::Number(number, digits) => {
                let unit = 10_f64.powi(i32::try_from(*digits).unwrap_or(0));
                json!((number * unit).round() / unit)
            }
            Self::None => Value::Null,
        }
    }
}
