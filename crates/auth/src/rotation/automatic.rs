//! The auth service takes the steps of a schedule. Of several auth services over one store, one does.

use std::sync::Arc;
use std::time::Duration;

use api::{Error, ErrorKind};
use audit::record::UserMetadata;
use resource::CertAuthority;
use resource::cert_authority::rotation::Phase;
use runtime::Backoff;
use time::OffsetDateTime;

use super::request::{ANNOUNCED, apply, record, take};
use super::{By, Step, due};
use crate::core::Core;
use crate::{authorities, events};

/// Delays between attempts to take a step.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_MOST: Duration = Duration::from_secs(60);

/// Takes steps when they are due, for ever.
pub(crate) async fn run(core: Arc<Core>, host_id: String) {
    let mut changes = core.authorities.changes();
    let mut backoff = Backoff::new(RETRY_FIRST, RETRY_MOST);
    loop {
        let now = core.clock.now();
        let next = changes.borrow_and_update().next_step();
        let is_due = next.is_some_and(|at| at <= now);
        if is_due {
            match step(&core, &host_id, now).await {
                Ok(true) => {
                    backoff.reset();
                    continue;
                }
                // Somebody else took the step: this service learns of it in a moment.
                Ok(false) => {}
                Err(error) => {
                    if error.kind() != ErrorKind::Conflict {
                        tracing::error!(
                            %error,
                            cause = error.cause(),
                            "cannot go on with the rotation of authorities"
                        );
                    }
                }
            }
        }
        let wait = async {
            match next {
                Some(_) if is_due => backoff.wait().await,
                Some(at) => core.clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = wait => {}
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}

/// Takes what is due now, as the store says: authorities that change together go on together. Says
/// whether anything was.
async fn step(core: &Core, host_id: &str, now: OffsetDateTime) -> Result<bool, Error> {
    let stored = authorities::stored(&core.records, &core.cluster).await?;
    let due_at = |authority: &CertAuthority| {
        due(&authority.spec.rotation).filter(|(_, at)| *at <= now).map(|(phase, _)| phase)
    };
    let mut went_on = false;
    for to in Phase::ALL {
        let together: Vec<CertAuthority> =
            stored.iter().filter(|authority| due_at(authority) == Some(to)).cloned().collect();
        if together.is_empty() {
            continue;
        }
        let after = take(core, &together, &Step { to, now, by: By::Schedule })?;
        let actor = UserMetadata::system(host_id);
        core.audit.record(&record(&actor, &after)).await?;
        if let Err(error) = apply(core, after, now).await {
            events::did_not_happen(&core.audit, &actor, ANNOUNCED, &error).await;
            return Err(error);
        }
        went_on = true;
        tracing::info!(phase = to.as_str(), "the rotation of authorities went on");
    }
    Ok(went_on)
}
