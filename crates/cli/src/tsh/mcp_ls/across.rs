//! `tsh mcp ls` over other clusters. Which tools may be used there, those clusters say: their roles decide.

use std::process::ExitCode;

use resource::plain;
use serde_json::Value;

use super::super::servers::{Selection, Server, servers, servers_in};
use crate::exit::Refused;
use crate::format::Format;
use crate::run::Context;
use crate::session::Session;

/// Lists the servers of one cluster, or of all.
pub(super) async fn list(
    cx: &Context,
    session: &Session,
    one: Option<String>,
    selection: &Selection,
    (format, verbose): (Format, bool),
) -> anyhow::Result<ExitCode> {
    let is_one = one.is_some();
    let clusters = match one {
        Some(cluster) => vec![cluster],
        None => {
            let known = session.auth(&cx.tasks)?.clusters().await?;
            known.clusters.into_iter().map(|cluster| cluster.name).collect()
        }
    };
    let mut found = Vec::new();
    let mut failed = 0;
    for cluster in clusters {
        let listed = if cluster == session.user.cluster {
            servers(session, &cx.tasks, selection).await
        } else {
            servers_in(session, &cx.tasks, &cluster, selection).await
        };
        match listed {
            Ok(servers) => found.push((cluster, servers)),
            Err(error) if is_one => return Err(error),
            // The others have nothing to do with it.
            Err(error) => {
                failed += 1;
                cx.printer.talk(&left_out(&cluster, &error));
            }
        }
    }
    if found.is_empty() && failed > 0 {
        return Err(Refused::new("no cluster could be asked").into());
    }
    match format {
        Format::Text => cx.printer.data(&text(&found, verbose, cx.printer.width()))?,
        Format::Json | Format::Yaml => {
            let values: Vec<Value> = found
                .iter()
                .flat_map(|(cluster, servers)| servers.iter().map(|server| value(cluster, server)))
                .collect();
            cx.printer.value(&values.into(), format)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What that cluster says is its own word, and no line of ours.
fn left_out(cluster: &str, error: &anyhow::Error) -> String {
    plain::one_line(&format!("WARNING: {cluster} is left out: {error:#}"))
}

fn text(found: &[(String, Vec<Server>)], verbose: bool, width: Option<u16>) -> String {
    let found: Vec<_> = found
        .iter()
        .flat_map(|(cluster, servers)| {
            servers.iter().map(|server| (Some(cluster.as_str()), server))
        })
        .collect();
    super::table(&found, verbose, width)
}

/// As in a list of one cluster, and beside it where it is.
fn value(cluster: &str, server: &Server) -> Value {
    let mut value = super::value(server);
    if let Some(object) = value.as_object_mut() {
        object.insert("cluster".to_owned(), cluster.into());
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_cluster_does_not_write_lines_of_ours() {
        let body = r#"{"error":{"kind":"denied","message":"\u001b]52;c;eA==\u0007\u001b[2Jno\nERROR: x","hints":[]}}"#;
        let told = api::Error::from_answer(http::StatusCode::FORBIDDEN, body.as_bytes());
        let line = left_out("leaf", &told.into());
        assert_eq!(line, "WARNING: leaf is left out:  ]52;c;eA==  [2Jno   ERROR: x");
    }
}
