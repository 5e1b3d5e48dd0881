//! `tsh clusters`, and the selection of one by `tsh login CLUSTER`.

use std::process::ExitCode;

use api::wire::ClusterInfo;
use serde_json::{Value, json};

use super::args::{Clusters, Global};
use super::status;
use crate::exit::Refused;
use crate::format::Format;
use crate::profile::Home;
use crate::run::Context;
use crate::session::Session;
use crate::table::Table;

/// `tsh clusters`.
pub(super) async fn list(cx: Context, global: Global, args: Clusters) -> anyhow::Result<ExitCode> {
    let session = Session::open(global.identity().as_deref(), global.proxy().as_deref())?;
    session.require_valid(cx.clock.now())?;
    let known = session.auth(&cx.tasks)?.clusters().await?.clusters;
    let selected = session.elsewhere(None).unwrap_or_else(|| session.user.cluster.clone());
    match args.format {
        Format::Text => {
            let mut table =
                Table::new(&["Cluster Name", "Status", "Cluster Type", "Labels", "Selected"]);
            for cluster in &known {
                let labels = cluster.labels.iter().map(|(key, value)| format!("{key}={value}"));
                table.row(vec![
                    cluster.name.clone(),
                    cluster.status.clone(),
                    kind(cluster).to_owned(),
                    labels.collect::<Vec<_>>().join(","),
                    if cluster.name == selected { "*" } else { "" }.to_owned(),
                ]);
            }
            let mut out = table.render(cx.printer.width());
            out.push('\n');
            cx.printer.data(&out)?;
        }
        Format::Json | Format::Yaml => {
            let value = |cluster: &ClusterInfo| {
                json!({
                    "cluster_name": cluster.name,
                    "status": cluster.status,
                    "cluster_type": kind(cluster),
                    "labels": cluster.labels,
                    "selected": cluster.name == selected,
                })
            };
            let values: Vec<Value> = known.iter().map(value).collect();
            cx.printer.value(&values.into(), args.format)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn kind(cluster: &ClusterInfo) -> &'static str {
    if cluster.own { "root" } else { "leaf" }
}

/// Makes a cluster the one that commands are about which name none.
pub(super) async fn select(
    cx: &Context,
    home: &Home,
    global: &Global,
    cluster: &str,
) -> anyhow::Result<ExitCode> {
    let mut profile = home.load(global.proxy().as_deref())?;
    let session = Session::open(None, Some(&profile.proxy))?;
    let known = session.auth(&cx.tasks)?.clusters().await?.clusters;
    let Some(found) = known.iter().find(|known| known.name == cluster) else {
        let names = known.iter().map(|known| known.name.as_str());
        let refused = Refused::new(format!("there is no cluster {cluster:?} that you can reach"));
        return Err(match resource::suggest::nearest(cluster, names) {
            Some(name) => refused.hint(format!("did you mean {name:?}?")),
            None => refused.hint("`tsh clusters` lists them"),
        }
        .into());
    };
    profile.selected = Some(cluster.to_owned()).filter(|_| !found.own);
    home.save(&profile)?;
    cx.printer.data(&status::summary(&profile, true, cx.clock.now())?)?;
    Ok(ExitCode::SUCCESS)
}
