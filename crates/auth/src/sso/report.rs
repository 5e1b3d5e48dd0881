//! What a login through a connector would yield, for who administers it.

use api::Error;
use api::wire::SsoReport;
use audit::record::SsoLogin;
use audit::{Outcome as Ended, Text};

use super::Statement;
use super::account::{event, mapped, weigh};
use super::connector::Connector;
use crate::core::Core;

/// Claim by claim, trait by trait, role by role.
pub(super) async fn of(
    core: &Core,
    connector: &Connector,
    said: Result<Statement, Error>,
    client: Option<&str>,
) -> Result<SsoReport, Error> {
    let report = match said {
        Ok(said) => {
            let judged = weigh(core, connector, &said).await?;
            SsoReport {
                user: judged.name,
                subject: said.subject,
                claims: said.claims.into_iter().collect(),
                traits: said.traits,
                roles: judged.roles,
                refusal: judged.refusal.as_ref().map(|error| error.message().to_owned()),
                detail: judged.refusal.as_ref().and_then(|error| error.cause().map(str::to_owned)),
                ..nothing(connector)
            }
        }
        Err(error) => SsoReport {
            refusal: Some(error.message().to_owned()),
            detail: error.cause().map(str::to_owned),
            ..nothing(connector)
        },
    };
    let outcome = match &report.refusal {
        None => Ended::Success,
        Some(refusal) => Ended::Failure(Text::new(refusal)),
    };
    let name = report.user.as_deref().unwrap_or_default();
    let identity = Some(report.subject.as_str()).filter(|subject| !subject.is_empty());
    let mappings = mapped(&report.roles);
    let detail = report.detail.as_deref().map(Text::new);
    let event = event(connector, name, identity, client, outcome);
    core.audit.record(&SsoLogin { detail, mappings: &mappings, test: true, ..event }).await?;
    Ok(report)
}

fn nothing(connector: &Connector) -> SsoReport {
    SsoReport {
        kind: connector.kind().as_str().to_owned(),
        connector: connector.name().to_owned(),
        subject: String::new(),
        user: None,
        claims: Default::default(),
        traits: Default::default(),
        roles: Vec::new(),
        refusal: None,
        detail: None,
    }
}
