//! Changing the cluster's keys without anybody being shut out: which phase follows which, and which key
//! signs in it. Nothing here reads a clock or a store.
//!
//! Everybody learns a new key before it signs, and nothing that it replaces is forgotten before
//! everybody has had the time to ask for something newer. People come first: they learn the new host
//! authority with their next certificate, and only then do services show it.

mod automatic;
mod request;

use std::time::Duration;

use api::{Error, wire};
use resource::cert_authority::CertAuthoritySpec;
use resource::cert_authority::rotation::{Mode, Phase, Rotation, Schedule};
use resource::{AuthorityType, CaKey};
use time::OffsetDateTime;

pub(crate) use self::automatic::run;
pub(crate) use self::request::rotate;

/// How long an automatic change takes unless somebody says otherwise. Two of its three parts are longer than
/// a user's certificate can be good for, so that everybody signs in again between learning of a new authority
/// and meeting it, and between its first signature and the end of the old one.
const GRACE_PERIOD: Duration = Duration::from_secs(48 * 60 * 60);
/// The shortest: services follow within a second, but tokens that were signed for MCP servers are good for
/// ten minutes, and each phase is to be longer than that.
const MIN_GRACE_PERIOD: Duration = Duration::from_secs(30 * 60);
/// The longest.
const MAX_GRACE_PERIOD: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// A step of a change of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// The phase that it leads to.
    pub(crate) to: Phase,
    /// When it is taken.
    pub(crate) now: OffsetDateTime,
    /// Who takes it.
    pub(crate) by: By,
}

/// Who takes a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// Somebody; what was automatic until then goes on by hand.
    Hand,
    /// Somebody who leaves the following ones to the auth service.
    Starter { grace: Duration },
    /// The auth service.
    Schedule,
}

/// The phases that can follow one.
pub(crate) const fn following(phase: Phase) -> &'static [Phase] {
    match phase {
        Phase::Standby => &[Phase::Init],
        Phase::Init => &[Phase::UpdateClients, Phase::Rollback],
        Phase::UpdateClients => &[Phase::UpdateServers, Phase::Rollback],
        Phase::UpdateServers => &[Phase::Standby, Phase::Rollback],
        Phase::Rollback => &[Phase::Standby],
    }
}

/// The phase that follows one when nothing is wrong.
pub(crate) const fn next(phase: Phase) -> Phase {
    match phase {
        Phase::Standby => Phase::Init,
        Phase::Init => Phase::UpdateClients,
        Phase::UpdateClients => Phase::UpdateServers,
        Phase::UpdateServers | Phase::Rollback => Phase::Standby,
    }
}

/// Whether the new key signs in a phase.
const fn new_signs(authority: AuthorityType, phase: Phase) -> bool {
    match phase {
        Phase::UpdateServers => true,
        Phase::UpdateClients => matches!(authority, AuthorityType::User | AuthorityType::Jwt),
        Phase::Standby | Phase::Init | Phase::Rollback => false,
    }
}

/// An authority after a step; `fresh` makes the new key, which only the first step needs.
pub(crate) fn advance(
    before: &CertAuthoritySpec,
    step: &Step,
    id: &str,
    fresh: impl FnOnce() -> Result<CaKey, Error>,
) -> Result<CertAuthoritySpec, Error> {
    let (authority, phase) = (before.authority, before.rotation.phase);
    if !following(phase).contains(&step.to) {
        return Err(out_of_order(authority, phase, step.to));
    }
    let mut after = before.clone();
    match step.to {
        Phase::Init => {
            let older = after.active_keys.split_off(after.active_keys.len().min(1));
            let believed = std::mem::take(&mut after.additional_trusted_keys);
            after.additional_trusted_keys =
                [fresh()?].into_iter().chain(older).chain(believed).collect();
        }
        Phase::Standby => after.additional_trusted_keys.clear(),
        to if new_signs(authority, phase) != new_signs(authority, to) => exchange(&mut after)?,
        _ => {}
    }
    after.rotation = rotation(&before.rotation, step, id);
    Ok(after)
}

/// The key that signs and the first that only verifies change places.
fn exchange(spec: &mut CertAuthoritySpec) -> Result<(), Error> {
    let authority = spec.authority;
    match (spec.active_keys.first_mut(), spec.additional_trusted_keys.first_mut()) {
        (Some(active), Some(other)) if other.private_key.is_some() => {
            std::mem::swap(active, other);
            Ok(())
        }
        _ => Err(Error::internal(format!("the {authority} authority has no second key to sign"))),
    }
}

fn rotation(before: &Rotation, step: &Step, id: &str) -> Rotation {
    let Step { to, now, by } = step;
    match to {
        Phase::Init => {
            let (mode, grace, schedule) = match by {
                By::Starter { grace } => (Mode::Auto, Some(*grace), Some(schedule(*now, *grace))),
                By::Hand | By::Schedule => (Mode::Manual, None, None),
            };
            Rotation {
                phase: *to,
                mode,
                current_id: id.to_owned(),
                started: Some(*now),
                grace_period: grace,
                last_rotated: before.last_rotated,
                schedule,
            }
        }
        Phase::Standby => {
            let went_back = before.phase == Phase::Rollback;
            let last_rotated = if went_back { before.last_rotated } else { Some(*now) };
            Rotation { last_rotated, ..Rotation::default() }
        }
        _ => {
            let (mode, schedule) = match by {
                By::Schedule => (Mode::Auto, before.schedule.map(|one| put_off(one, *to, *now))),
                By::Hand | By::Starter { .. } => (Mode::Manual, None),
            };
            Rotation { phase: *to, mode, schedule, ..before.clone() }
        }
    }
}

/// A third of the grace period for each phase.
fn schedule(now: OffsetDateTime, grace: Duration) -> Schedule {
    let third = grace / 3;
    Schedule { update_clients: now + third, update_servers: now + third * 2, standby: now + grace }
}

/// The schedule after a step that may be late, because no auth service ran: the next phases are put off
/// as well, so that there is always as much time between them as was planned.
fn put_off(schedule: Schedule, to: Phase, now: OffsetDateTime) -> Schedule {
    let late = schedule.of(to).map_or(time::Duration::ZERO, |planned| now - planned);
    let late = late.max(time::Duration::ZERO);
    let Schedule { mut update_clients, mut update_servers, mut standby } = schedule;
    for (phase, at) in [
        (Phase::UpdateClients, &mut update_clients),
        (Phase::UpdateServers, &mut update_servers),
        (Phase::Standby, &mut standby),
    ] {
        let is_over = to == Phase::UpdateServers && phase == Phase::UpdateClients;
        if !is_over {
            *at = at.saturating_add(late);
        }
    }
    Schedule { update_clients, update_servers, standby }
}

/// When the auth service takes the next step of a change by itself, and which.
pub(crate) fn due(rotation: &Rotation) -> Option<(Phase, OffsetDateTime)> {
    if rotation.mode != Mode::Auto || rotation.phase == Phase::Standby {
        return None;
    }
    let to = next(rotation.phase);
    Some((to, rotation.schedule?.of(to)?))
}

/// A grace period within what makes sense.
fn grace_period(seconds: Option<u64>) -> Result<Duration, Error> {
    let grace = seconds.map_or(GRACE_PERIOD, Duration::from_secs);
    if (MIN_GRACE_PERIOD..=MAX_GRACE_PERIOD).contains(&grace) {
        return Ok(grace);
    }
    Err(Error::invalid("a grace period is at least half an hour and at most 90 days"))
}

fn out_of_order(authority: AuthorityType, phase: Phase, to: Phase) -> Error {
    let can: Vec<&str> = following(phase).iter().map(|phase| phase.as_str()).collect();
    let can = can.join(" or ");
    Error::invalid(format!(
        "the {authority} authority is in the phase {phase}: {can} can follow, not {to}"
    ))
}

/// Where a change of keys stands, for people.
pub(crate) fn status(spec: &CertAuthoritySpec) -> wire::AuthorityStatus {
    let rotation = &spec.rotation;
    let is_under_way = rotation.phase != Phase::Standby;
    let due = due(rotation);
    wire::AuthorityStatus {
        kind: spec.authority.as_str().to_owned(),
        rotation: rotation.phase.as_str().to_owned(),
        mode: is_under_way.then(|| rotation.mode.as_str().to_owned()),
        since: spec.active_keys.first().and_then(|key| key.created),
        started: rotation.started,
        last_rotated: rotation.last_rotated,
        next: following(rotation.phase).iter().map(|phase| phase.as_str().to_owned()).collect(),
        next_at: due.map(|(_phase, at)| at),
    }
}

#[cfg(test)]
mod tests;
