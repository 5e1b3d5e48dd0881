//! Tables for people: columns under their names, a rule of dashes, no borders.

use resource::plain::one_line;

/// Rows under named columns.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    /// The column that gives way when the terminal is narrow.
    elastic: Option<usize>,
}

/// The narrowest that an elastic column gets.
const ELASTIC_MIN: usize = 16;

// === impl Table ===

impl Table {
    pub(crate) fn new(columns: &[&'static str]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new(), elastic: None }
    }

    /// Lets the named column be shortened to fit the terminal.
    pub(crate) fn elastic(mut self, column: &str) -> Self {
        self.elastic = self.columns.iter().position(|name| *name == column);
        self
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells.into_iter().map(|cell| one_line(&cell)).collect());
    }

    /// The table as text, without a line break at its end.
    pub(crate) fn render(&self, width: Option<u16>) -> String {
        let mut widths: Vec<usize> = self.columns.iter().map(|name| name.chars().count()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        self.squeeze(&mut widths, width);
        let names: Vec<String> = self.columns.iter().map(|name| (*name).to_owned()).collect();
        let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        let mut lines = vec![line(&names, &widths), line(&rule, &widths)];
        lines.extend(self.rows.iter().map(|row| line(row, &widths)));
        lines.join("\n")
    }

    fn squeeze(&self, widths: &mut [usize], limit: Option<u16>) {
        let (Some(limit), Some(elastic)) = (limit, self.elastic) else { return };
        let total = widths.iter().sum::<usize>() + widths.len().saturating_sub(1);
        let excess = total.saturating_sub(usize::from(limit));
        if let Some(width) = widths.get_mut(elastic) {
            *width = width.saturating_sub(excess).max(ELASTIC_MIN.min(*width));
        }
    }
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let mut out = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        if !out.is_empty() {
            out.push(' ');
        }
        let count = cell.chars().count();
        if count > *width {
            out.extend(cell.chars().take(width.saturating_sub(3)));
            out.push_str("...");
        } else {
            out.push_str(cell);
            out.extend(std::iter::repeat_n(' ', width - count));
        }
    }
    out.truncate(out.trim_end().len());
    out
}

#[cfg(test)]
mod tests;
