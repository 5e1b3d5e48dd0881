//! Live records of agents and proxies: written by the host that they are about, and short-lived.

use api::Error;
use resource::Metadata;
use time::{Duration, OffsetDateTime};

/// The longest life of a live record. Agents renew theirs three times a minute; one that cannot be
/// renewed must not outlast a night.
const MAX_LIFE: Duration = Duration::minutes(10);

/// Bounds the life of a record.
pub(crate) fn prepare(metadata: &mut Metadata, now: OffsetDateTime) -> Result<(), Error> {
    let latest = now + MAX_LIFE;
    let end = metadata.expires.unwrap_or(latest).min(latest);
    if end <= now {
        return Err(Error::invalid("the record ends before it begins"));
    }
    metadata.expires = Some(end);
    Ok(())
}
