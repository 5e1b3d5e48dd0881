//! The audit log through the API: services hand their records in, those who may look search.

use std::borrow::Cow;
use std::io;

use api::Error;
use api::wire::{AuditBatch, AuditPage, AuditQuery, AuditReceipt};
use audit::log::{Query, Shipment};
use pki::Service;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::cx::OpCx;
use crate::verb::Verb;

/// The kind of resource that rules name audit records by.
const EVENT: &str = "event";

/// What agents record: everything else happens at the auth service, which records it itself.
const OF_AGENTS: &str = "mcp.session.";

/// What is read of a record before it is taken.
#[derive(Deserialize)]
struct Named<'e> {
    #[serde(borrow)]
    event: Cow<'e, str>,
}

/// Takes records from a service, under the identity that it proved. A service tells of its own
/// doings only: a sign-in or a changed role is not an agent's to tell.
pub(crate) async fn ship(cx: &OpCx, batch: AuditBatch) -> Result<AuditReceipt, Error> {
    let Some(service) = cx.caller().service() else {
        return Err(crate::gate::unauthenticated());
    };
    if !cx.caller().runs(Service::App) {
        return Err(Error::denied("only agents hand audit records in"));
    }
    let AuditBatch { source, first, events } = batch;
    let mut lines = Vec::new();
    for event in &events {
        // A record is a line. One that is several would shift the numbers of those behind it.
        if event.get().contains('\n') {
            return Err(Error::invalid("an audit record is more than one line"));
        }
        match serde_json::from_str::<Named<'_>>(event.get()) {
            Ok(named) if named.event.starts_with(OF_AGENTS) => {}
            Ok(named) => {
                let message =
                    format!("an agent cannot record {:?}: it did not happen there", named.event);
                return Err(Error::denied(message));
            }
            // The log counts it as damaged and goes on behind it.
            Err(_not_a_record) => {}
        }
        lines.extend_from_slice(event.get().as_bytes());
        lines.push(b'\n');
    }
    let next = first.saturating_add(events.len() as u64);
    if events.is_empty() {
        return Ok(AuditReceipt { next });
    }
    let shipment = Shipment { host: &service.host_id, source: &source, first, lines: &lines };
    match cx.core().audit.log().ingest(shipment).await {
        Ok(_ingested) => Ok(AuditReceipt { next }),
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            Err(Error::invalid(error.to_string()))
        }
        Err(error) => Err(unavailable(&error)),
    }
}

/// Finds records, the newest first.
pub(crate) async fn search(cx: &OpCx, query: AuditQuery) -> Result<AuditPage, Error> {
    for verb in [Verb::List, Verb::Read] {
        cx.authorize_named(verb, EVENT)?;
    }
    let AuditQuery { user, app, event, since, until, limit } = query;
    let query = Query {
        users: user.into_iter().collect(),
        apps: app.into_iter().collect(),
        events: event.into_iter().collect(),
        from: since,
        to: until,
        before: None,
        limit: limit.unwrap_or(0),
    };
    let page = cx.core().audit.log().query(query).await.map_err(|error| unavailable(&error))?;
    let events = page
        .events
        .into_iter()
        .map(|entry| RawValue::from_string(entry.json.trim_end().to_owned()))
        .collect::<Result<_, _>>()
        .map_err(Error::internal)?;
    Ok(AuditPage { events, more: page.next.is_some() })
}

fn unavailable(error: &io::Error) -> Error {
    Error::unavailable("the audit log does not answer").because(error)
}
