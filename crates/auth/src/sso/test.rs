//! Trying a connector: one login, which creates nothing.

use api::Error;
use api::wire::{SsoFinish, SsoReport, SsoStarted, SsoTest};

use super::connector::Connector;
use super::kept::{Outcome, Started, dead};
use super::{Asker, check_callback, check_challenge, collect, prepare};
use crate::cx::{OpCx, Target};
use crate::verb::Verb;
use crate::{connector, resources};

/// Prepares a login through a connector that need not exist, for who may create such.
pub(crate) async fn start(cx: &OpCx, request: SsoTest) -> Result<SsoStarted, Error> {
    let core = cx.core();
    let mut resource = resources::parse_any(request.connector.get().as_bytes())?;
    for verb in [Verb::Create, Verb::Update] {
        cx.authorize(verb, resource.kind(), Target::Resource(&resource))?;
    }
    let before = core.records.find(resource.kind(), resource.name()).await?;
    connector::prepare(core, &mut resource, before.as_ref())?;
    let tried = Connector::of(resource)?;
    let started = Started {
        connector: tried.reference(),
        tried: Some(tried.to_text()),
        asker: Asker {
            callback: check_callback(&request.callback)?,
            challenge: check_challenge(&request.challenge)?,
            client: cx.remote(),
            authorization: None,
        },
        public_key: String::new(),
        ttl_seconds: None,
        proxy: None,
    };
    prepare(core, started).await
}

/// What came of it, for who began it.
pub(crate) async fn finish(cx: &OpCx, request: &SsoFinish) -> Result<SsoReport, Error> {
    match collect(cx.core(), request).await? {
        Outcome::Tested(report) => Ok(*report),
        Outcome::Accepted { .. } | Outcome::Local(_) | Outcome::Refused(_) => Err(dead()),
    }
}
