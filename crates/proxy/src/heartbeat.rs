//! The proxy's own record: who wants to know which proxies are up reads it.

use std::sync::Arc;
use std::time::Duration;

use api::Write;
use resource::proxy::ProxySpec;
use resource::{Proxy as ProxyResource, Resource};
use runtime::Backoff;

use crate::service::Shared;

/// How often the record is renewed, and how long it lasts without.
const INTERVAL: Duration = Duration::from_secs(20);
const LIFETIME: Duration = Duration::from_secs(60);
/// Delays after a renewal that failed.
const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_MOST: Duration = Duration::from_secs(10);

/// Renews the record until shutdown, then deletes it.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut backoff = Backoff::new(RETRY_FIRST, RETRY_MOST);
    loop {
        let record = Resource::Proxy(record(&shared));
        let delay = match shared.client.put(&record, Write::Upsert).await {
            Ok(_) => {
                backoff.reset();
                INTERVAL
            }
            Err(error) => {
                tracing::debug!(error = error.message(), "cannot renew the proxy's record");
                backoff.next_delay()
            }
        };
        tokio::select! {
            () = shared.tasks.cancelled() => break,
            () = tokio::time::sleep(delay) => {}
        }
    }
    if let Err(error) = shared.client.delete(resource::Kind::Proxy, &shared.host_id).await {
        tracing::debug!(error = error.message(), "cannot delete the proxy's record");
    }
}

fn record(shared: &Shared) -> ProxyResource {
    let mut proxy = ProxyResource::new(ProxySpec {
        host_id: shared.host_id.clone(),
        hostname: shared.node_name.clone(),
        public_addr: shared.public_addr.clone(),
        tunnel_addr: shared.public_addr.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    });
    proxy.metadata.expires = Some(shared.clock.now() + LIFETIME);
    proxy
}
