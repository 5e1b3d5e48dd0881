//! Somebody takes a step.

use api::Error;
use api::wire::{RotationReport, RotationRequest};
use audit::record::AuthorityRotate;
use resource::cert_authority::rotation::{Mode, Phase};
use resource::{AuthorityType, CertAuthority, Kind, Resource};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{By, Step};
use crate::authorities::{self, generate};
use crate::core::Core;
use crate::cx::{OpCx, Target};
use crate::verb::Verb;
use crate::{events, oauth};

/// What a step is called where it is told that it was not taken after all.
pub(super) const ANNOUNCED: &str = "rotation of certificate authorities";

/// Takes the step that a request asks for: for all authorities that it names, or for none.
pub(crate) async fn rotate(cx: &OpCx, request: &RotationRequest) -> Result<RotationReport, Error> {
    if !cx.may_some(Verb::Rotate, Kind::CertAuthority) {
        cx.authorize(Verb::Rotate, Kind::CertAuthority, Target::Any)?;
    }
    let wanted = wanted(&request.types)?;
    let core = cx.core();
    let mut authorities = authorities::stored(&core.records, &core.cluster).await?;
    authorities.retain(|authority| wanted.contains(&authority.spec.authority));
    for authority in &authorities {
        // Rules may be about some authorities only.
        let authority = Resource::from(authority.clone());
        cx.authorize(Verb::Rotate, Kind::CertAuthority, Target::Resource(&authority))?;
    }
    let (to, by) = asked(request, &authorities)?;
    let step = Step { to, now: core.clock.now(), by };
    let actor = events::actor(cx.caller());
    let after = take(core, &authorities, &step)?;
    let event = record(&actor, &after);
    core.audit.record(&event).await?;
    if let Err(error) = apply(core, after, step.now).await {
        events::failed(cx, ANNOUNCED, &error).await;
        return Err(error);
    }
    Ok(RotationReport { authorities: core.authorities.current().status() })
}

/// The authorities after a step; an error if any of them cannot take it.
pub(super) fn take(
    core: &Core,
    authorities: &[CertAuthority],
    step: &Step,
) -> Result<Vec<CertAuthority>, Error> {
    let id = Uuid::new_v4().to_string();
    let after = authorities.iter().map(|authority| {
        let of = authority.spec.authority;
        let fresh = || generate(of, &core.cluster, step.now);
        let spec = super::advance(&authority.spec, step, &id, fresh)?;
        Ok(CertAuthority { metadata: authority.metadata.clone(), spec })
    });
    after.collect()
}

/// Writes authorities that were read before, all or none, and uses them from then on.
pub(super) async fn apply(
    core: &Core,
    after: Vec<CertAuthority>,
    now: OffsetDateTime,
) -> Result<(), Error> {
    // Whoever knew the cluster's secrets knew this one.
    let is_over = |authority: &CertAuthority| {
        authority.spec.authority == AuthorityType::User
            && authority.spec.rotation.phase == Phase::Standby
            && authority.spec.rotation.last_rotated == Some(now)
    };
    let is_over = after.iter().any(is_over);
    let resources: Vec<_> = after.into_iter().map(Into::into).collect();
    let written = core.records.replace_all(&resources).await?;
    core.authorities.settle(&written).await;
    if is_over {
        oauth::renew_seal(core).await?;
    }
    Ok(())
}

/// What is recorded of a step.
pub(super) fn record<'a>(
    actor: &'a audit::record::UserMetadata,
    after: &'a [CertAuthority],
) -> AuthorityRotate<'a> {
    let rotation = after.first().map(|authority| &authority.spec.rotation);
    AuthorityRotate {
        actor,
        authorities: after.iter().map(|authority| authority.spec.authority.as_str()).collect(),
        phase: rotation.map_or("", |rotation| rotation.phase.as_str()),
        mode: rotation.map_or("", |rotation| rotation.mode.as_str()),
        rotation_id: rotation
            .map(|rotation| rotation.current_id.as_str())
            .filter(|id| !id.is_empty()),
    }
}

fn wanted(types: &[String]) -> Result<Vec<AuthorityType>, Error> {
    if types.is_empty() {
        return Ok(AuthorityType::ALL.to_vec());
    }
    let read = types.iter().map(|text| {
        AuthorityType::parse(text).ok_or_else(|| {
            Error::invalid(format!("there is no authority {text:?}: user, host and jwt are"))
        })
    });
    read.collect()
}

/// The phase that a request asks for, and who takes the steps after it.
fn asked(request: &RotationRequest, authorities: &[CertAuthority]) -> Result<(Phase, By), Error> {
    let RotationRequest { phase, mode, grace_period_seconds, .. } = request;
    let phase = phase.as_deref().map(read_phase).transpose()?;
    match mode.as_deref().unwrap_or(Mode::Auto.as_str()) {
        "auto" => {
            let grace = super::grace_period(*grace_period_seconds)?;
            match phase {
                None | Some(Phase::Init) => Ok((Phase::Init, By::Starter { grace })),
                Some(phase) => Err(Error::invalid(format!(
                    "an automatic rotation comes to the phase {phase} by itself"
                ))
                .hint("to go there by hand ask for the mode manual")),
            }
        }
        "manual" if grace_period_seconds.is_some() => Err(Error::invalid(
            "only an automatic rotation has a grace period: by hand each phase lasts until the next is asked for",
        )),
        "manual" => Ok((phase.map_or_else(|| common_next(authorities), Ok)?, By::Hand)),
        other => Err(Error::invalid(format!("there is no mode {other:?}: manual and auto are"))),
    }
}

fn read_phase(text: &str) -> Result<Phase, Error> {
    Phase::parse(text).ok_or_else(|| {
        let known = Phase::ALL.map(Phase::as_str).join(", ");
        Error::invalid(format!("there is no phase {text:?}: {known} are"))
    })
}

/// The phase that comes next, where it is the same for all.
fn common_next(authorities: &[CertAuthority]) -> Result<Phase, Error> {
    let phase = |authority: &CertAuthority| authority.spec.rotation.phase;
    let first = authorities.first().map(phase).unwrap_or_default();
    if authorities.iter().all(|authority| phase(authority) == first) {
        return Ok(super::next(first));
    }
    let phases: Vec<String> = authorities
        .iter()
        .map(|authority| format!("{} in {}", authority.spec.authority, phase(authority)))
        .collect();
    Err(Error::invalid(format!("the authorities are in different phases: {}", phases.join(", ")))
        .hint("name the ones that are meant, or the phase"))
}
