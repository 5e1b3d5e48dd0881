//! How large the binaries are.

use anyhow::Context;
use testkit::Binaries;

use crate::report::{Report, Table, number, text};

/// Looks at each of them.
pub(crate) fn measure() -> anyhow::Result<Report> {
    let binaries = Binaries::locate();
    let mut table = Table::new("binaries", &["binary", "bytes", "MiB"]);
    for name in ["tessera", "tctl", "tsh"] {
        let path = binaries.folder().join(name);
        let known = path.metadata().with_context(|| format!("look at {}", path.display()))?;
        let bytes = known.len() as f64;
        table.row(vec![text(name), number(bytes, 0), number(bytes / 1024.0 / 1024.0, 2)]);
    }
    Ok(Report { name: "size", tables: vec![table], notes: Vec::new() })
}
