//! Heartbeats: an agent tells that it is there, and which of its records are new.

use api::wire::{Heartbeat, HeartbeatReceipt};
use api::{Error, MAX_HEARTBEAT_ITEMS};
use resource::{Kind, Resource};

use crate::cx::{OpCx, Target};
use crate::gate;
use crate::resources::parse;
use crate::verb::Verb;

/// Takes note of a heartbeat.
pub(crate) async fn heartbeat(cx: &OpCx, beat: &Heartbeat) -> Result<HeartbeatReceipt, Error> {
    let Some(host) = cx.caller().service() else { return Err(gate::unauthenticated()) };
    let host_id = host.host_id.as_str();
    let count = beat.records.len() + beat.gone.len();
    if count > MAX_HEARTBEAT_ITEMS {
        return Err(Error::invalid(format!(
            "{count} records and names in one heartbeat, at most {MAX_HEARTBEAT_ITEMS}"
        )));
    }
    let records = beat.records.iter().map(|record| own(cx, record.get().as_bytes()));
    let records = records.collect::<Result<Vec<_>, _>>()?;
    let gone: Vec<String> = beat.gone.iter().map(|app| format!("{host_id}/{app}")).collect();
    let core = cx.core();
    if beat.leaving {
        core.leases.end(host_id).await?;
        return Ok(HeartbeatReceipt::default());
    }
    let was_there = core.leases.renew(host_id).await?;
    core.records.put_all(&records).await?;
    core.records.delete_all(Kind::AppServer, &gone).await?;
    let apps = if beat.recall { core.catalog.apps_of(host_id) } else { Vec::new() };
    Ok(HeartbeatReceipt { lapsed: !was_there, apps })
}

/// A record of the caller's. It lives as long as its host is heard of.
fn own(cx: &OpCx, record: &[u8]) -> Result<Resource, Error> {
    let mut record = parse(Kind::AppServer, record)?;
    for verb in [Verb::Create, Verb::Update] {
        cx.authorize(verb, Kind::AppServer, Target::Resource(&record))?;
    }
    let metadata = record.metadata_mut();
    metadata.expires = None;
    metadata.revision = None;
    Ok(record)
}
