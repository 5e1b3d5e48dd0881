//! Results of a modern server's as legacy clients know them.
//!
//! What says how long and for whom a result may be kept, and that it is complete, is left out: clients that
//! check results strictly know no such members in an empty one. Since 2026-07-28 a tool's output may be
//! anything; to clients before that it is an object, so schemas and contents of other sorts are left out, and
//! the same content stays as text.

use crate::Asked;
use crate::bridge::splice::{self, Change};
use crate::json::{Kind, Raw};
use crate::list::ListKind;
use crate::refused::Reason;

/// The result for a legacy client.
pub(super) fn result(raw: Raw<'_>, asked: Asked) -> Result<String, Reason> {
    let mut changes =
        vec![Change::Drop("resultType"), Change::Drop("ttlMs"), Change::Drop("cacheScope")];
    let tools = splice::get(raw, "tools").filter(|_| asked == Asked::List(ListKind::Tools));
    if let Some(tools) = tools {
        changes.push(Change::Set("tools", without_other_schemas(tools)?.into()));
    }
    let structured = splice::get(raw, "structuredContent");
    if asked == Asked::Other && structured.is_some_and(|value| value.kind() != Kind::Object) {
        changes.push(Change::Drop("structuredContent"));
    }
    splice::edit(Some(raw), &changes)
}

/// The tools, without schemas of outputs that are no objects.
fn without_other_schemas(tools: Raw<'_>) -> Result<String, Reason> {
    if tools.kind() != Kind::Array {
        return Ok(tools.as_str().to_owned());
    }
    let mut out = String::with_capacity(tools.as_str().len());
    out.push('[');
    splice::elements(tools, |tool| {
        if out.len() > 1 {
            out.push(',');
        }
        let other = splice::get(tool, "outputSchema").is_some_and(|schema| {
            splice::get(schema, "type").and_then(Raw::string).as_deref() != Some("object")
        });
        if other {
            out.push_str(&splice::edit(Some(tool), &[Change::Drop("outputSchema")])?);
        } else {
            out.push_str(tool.as_str());
        }
        Ok(())
    })?;
    out.push(']');
    Ok(out)
}
