//! Where a change of an authority's keys stands.

use std::fmt;
use std::time::Duration;

use time::OffsetDateTime;

use crate::decode::{FromNode, Reader};
use crate::object::Object;

/// A change of keys: what is under way, or what is left of the last one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rotation {
    /// How far it is.
    pub phase: Phase,
    /// Who takes the next step.
    pub mode: Mode,
    /// Names this change; none of one that has ended.
    pub current_id: String,
    /// When it began.
    pub started: Option<OffsetDateTime>,
    /// How long there is to sign in again, and for services to follow.
    pub grace_period: Option<Duration>,
    /// When the last one ended.
    pub last_rotated: Option<OffsetDateTime>,
    /// When an automatic one takes its steps.
    pub schedule: Option<Schedule>,
}

/// How far a change of keys is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// None is under way.
    #[default]
    Standby,
    /// The new key is known and believed; the old one signs.
    Init,
    /// People and tokens are certified by the new key.
    UpdateClients,
    /// Services are, too.
    UpdateServers,
    /// The old key signs again; the new one is still believed.
    Rollback,
}

/// Who takes the steps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Somebody, one by one.
    #[default]
    Manual,
    /// The auth service, at the times of the schedule.
    Auto,
}

/// When an automatic change enters its phases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// When the new keys sign for people.
    pub update_clients: OffsetDateTime,
    /// When the new keys sign for services.
    pub update_servers: OffsetDateTime,
    /// When the old keys are dropped.
    pub standby: OffsetDateTime,
}

// === impl Phase ===

impl Phase {
    /// Every phase, in order.
    pub const ALL: [Self; 5] =
        [Self::Standby, Self::Init, Self::UpdateClients, Self::UpdateServers, Self::Rollback];

    /// The spelling in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standby => "standby",
            Self::Init => "init",
            Self::UpdateClients => "update_clients",
            Self::UpdateServers => "update_servers",
            Self::Rollback => "rollback",
        }
    }

    /// The phase of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == text)
    }

    /// The spelling of whether a change is under way.
    #[must_use]
    pub fn state(self) -> &'static str {
        if self == Self::Standby { "standby" } else { "in_progress" }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromNode for Phase {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.choice("phase", &Self::ALL.map(|value| (value.as_str(), value)))
    }
}

// === impl Mode ===

impl Mode {
    /// The spelling in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Auto => "auto",
        }
    }
}

impl FromNode for Mode {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.choice("mode", &[Self::Manual, Self::Auto].map(|value| (value.as_str(), value)))
    }
}

// === impl Schedule ===

impl Schedule {
    /// When a phase is entered; none for those that no schedule enters.
    #[must_use]
    pub fn of(&self, phase: Phase) -> Option<OffsetDateTime> {
        match phase {
            Phase::UpdateClients => Some(self.update_clients),
            Phase::UpdateServers => Some(self.update_servers),
            Phase::Standby => Some(self.standby),
            Phase::Init | Phase::Rollback => None,
        }
    }

    fn to_object(self) -> Object {
        let mut object = Object::default();
        object
            .put_time("update_clients", Some(self.update_clients))
            .put_time("update_servers", Some(self.update_servers))
            .put_time("standby", Some(self.standby));
        object
    }
}

impl FromNode for Schedule {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.table(|table| {
            let mut time = |name| -> Option<OffsetDateTime> {
                let read: Option<Option<OffsetDateTime>> = table.require(name);
                match read? {
                    Some(time) => Some(time),
                    None => table.missing(name, "a schedule says when each phase begins"),
                }
            };
            let (clients, servers) = (time("update_clients"), time("update_servers"));
            let standby = time("standby");
            Some(Self { update_clients: clients?, update_servers: servers?, standby: standby? })
        })
    }
}

// === impl Rotation ===

impl Rotation {
    pub(super) fn to_object(&self) -> Object {
        let mut object = Object::default();
        if *self == Self::default() {
            return object;
        }
        object
            .put("state", self.phase.state())
            .put("phase", self.phase.as_str())
            .put("mode", self.mode.as_str())
            .put_text("current_id", &self.current_id)
            .put_time("started", self.started)
            .put_duration("grace_period", self.grace_period)
            .put_time("last_rotated", self.last_rotated);
        if let Some(schedule) = self.schedule {
            object.put_object("schedule", schedule.to_object());
        }
        object
    }
}

impl FromNode for Rotation {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.table(|table| {
            let phase: Phase = table.get_or_default("phase");
            // It follows from the phase, and is there for those who read it.
            let state = table.field("state");
            let state = state.map_or(Some(()), |state| match state.text()? {
                text if text == phase.state() => Some(()),
                _ => state.expected(&format!("{}, as the phase is {phase}", phase.state())),
            });
            let read = Self {
                phase,
                mode: table.get_or_default("mode"),
                current_id: table.get_or_default("current_id"),
                started: table.get("started").flatten(),
                grace_period: table.get("grace_period"),
                last_rotated: table.get("last_rotated").flatten(),
                schedule: table.get("schedule"),
            };
            state.map(|()| read)
        })
    }
}

#[cfg(test)]
mod tests;
