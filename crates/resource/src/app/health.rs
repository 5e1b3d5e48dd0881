//! Whether an app's server is well: how often to look, and what was found.

use std::time::Duration;

use time::OffsetDateTime;

use crate::decode::{FromNode, Reader, Table};
use crate::duration;
use crate::object::Object;

/// What `mcp.health_check` may say.
const INTERVAL_LEAST: Duration = Duration::from_secs(10);
const INTERVAL_MOST: Duration = Duration::from_hours(24);
const INTERVAL: Duration = Duration::from_mins(1);
const TIMEOUT_LEAST: Duration = Duration::from_secs(1);
const TIMEOUT_MOST: Duration = Duration::from_mins(5);
const TIMEOUT: Duration = Duration::from_secs(30);

/// How agents look after a server: they open it as for a client, without being anybody, and ask what it offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthCheck {
    /// How long it is from one look to the next.
    pub interval: Duration,
    /// How long a look may take in all.
    pub timeout: Duration,
}

/// What an agent found when it looked last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// How the server is.
    pub status: HealthStatus,
    /// Since when.
    pub since: Option<OffsetDateTime>,
    /// When it was looked at last.
    pub checked: Option<OffsetDateTime>,
    /// How long it took until everything was answered.
    pub latency: Option<Duration>,
    /// Why it is not well, or why that cannot be told.
    pub message: Option<String>,
}

/// How a server is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HealthStatus {
    /// It does not answer as it should.
    Unhealthy,
    /// That cannot be told, or not yet.
    #[default]
    Unknown,
    /// It could be opened, and said what it offers.
    Healthy,
}

impl HealthStatus {
    const SPELLINGS: [(&'static str, Self); 3] =
        [("healthy", Self::Healthy), ("unhealthy", Self::Unhealthy), ("unknown", Self::Unknown)];

    /// The spelling in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
            Self::Unknown => "unknown",
        }
    }
}

impl FromNode for HealthStatus {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.choice("status", &Self::SPELLINGS)
    }
}

impl HealthCheck {
    pub(super) fn to_object(self) -> Object {
        let mut object = Object::default();
        object.put_duration("interval", Some(self.interval));
        object.put_duration("timeout", Some(self.timeout));
        object
    }
}

impl FromNode for HealthCheck {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.table(|table| {
            let interval = bounded(table, "interval", INTERVAL, INTERVAL_LEAST, INTERVAL_MOST);
            // A look is over before the next one begins.
            let most = TIMEOUT_MOST.min(interval.unwrap_or(INTERVAL_MOST));
            let timeout = bounded(table, "timeout", TIMEOUT.min(most), TIMEOUT_LEAST, most);
            Some(Self { interval: interval?, timeout: timeout? })
        })
    }
}

fn bounded(
    table: &mut Table<'_>,
    field: &'static str,
    default: Duration,
    least: Duration,
    most: Duration,
) -> Option<Duration> {
    let Some(reader) = table.field(field) else { return Some(default) };
    let time: Duration = reader.read()?;
    if time < least || time > most {
        let (least, most) = (duration::format(least), duration::format(most));
        return reader.expected(&format!("a time between {least} and {most}"));
    }
    Some(time)
}

impl Health {
    /// How the server is, as it is printed.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        self.to_object().into()
    }

    pub(crate) fn to_object(&self) -> Object {
        let mut object = Object::default();
        object
            .put("status", self.status.as_str())
            .put_time("since", self.since)
            .put_time("checked", self.checked)
            .put_duration("latency", self.latency)
            .put_some("message", self.message.as_deref());
        object
    }
}

impl FromNode for Health {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.table(|table| {
            Some(Self {
                status: table.get_or_default("status"),
                since: table.get("since").flatten(),
                checked: table.get("checked").flatten(),
                latency: table.get("latency"),
                message: table.get("message"),
            })
        })
    }
}

#[cfg(test)]
mod tests;
