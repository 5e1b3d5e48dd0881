//! Sign-ins that begin at the identity provider (SAML 2.0 profiles, section 4.1.5), where the connector allows it.
//!
//! Nobody here asked for one, so there is no key to certify, and whoever can have a browser send a form can have it
//! send a response of their own. Therefore it comes to a page, for this one browser and for five minutes, that says
//! who arrived, and at which they type the code of a machine that waits (`tsh login --headless`), see which machine
//! it is, and approve. The certificate is for that machine's key, as if the person had signed in there.

use api::Error;
use api::wire::{
    Arrival, ArrivalAnswer, ArrivalAnswered, ArrivalChoice, ArrivalPage, ArrivalRead,
    HeadlessMachine, SsoBegun,
};
use resource::{Kind, Resource, SamlConnector};
use serde::{Deserialize, Serialize};
use store::Key;
use time::OffsetDateTime;

use super::account::{self, Account};
use super::connector::{Connector, Reference};
use super::kept::{self, Outcome, Started, Step};
use super::local::Asked;
use super::{LIFE, bounded, digest, headless, refused, same, saml};
use crate::core::Core;
use crate::keys;

/// Somebody whom a provider sent here.
#[derive(Serialize, Deserialize)]
pub(super) struct Arrived {
    connector: Reference,
    /// What the connector is called in sentences.
    display: String,
    account: Account,
    /// The hash of the browser's cookie.
    binding: String,
    #[serde(with = "time::serde::rfc3339")]
    expires: OffsetDateTime,
    /// The machine whose code was typed.
    machine: Option<Asked>,
}

/// Judges what a provider says of somebody, and sends the browser to the page.
pub(crate) async fn arrive(core: &Core, arrival: Arrival) -> Result<SsoBegun, Error> {
    let Arrival { connector, saml_response, client_addr, proxy_addr } = arrival;
    let saml = find(core, &connector).await?;
    core.logins.admit()?;
    let said = saml::arrived(core, &saml, &saml_response).await;
    let connector = Connector::Saml(Box::new(saml));
    let account = account::judge(core, &connector, said, client_addr.as_deref()).await??;
    let (token, binding) = (super::random(), super::random());
    let location = super::page_at(core, proxy_addr.as_deref(), &format!("arrival/{token}"))?;
    let expires = core.clock.now() + LIFE;
    let arrived = Arrived {
        connector: connector.reference(),
        display: connector.display().to_owned(),
        account,
        binding: digest(&binding),
        expires,
        machine: None,
    };
    kept::put(core, &keys::login(&token)?, &Step::Arrived(Box::new(arrived)), expires).await?;
    let max_age = u64::try_from(LIFE.whole_seconds()).unwrap_or_default();
    Ok(SsoBegun { location, cookie: api::sso_cookie(&token), binding, max_age, by_form: false })
}

/// Whether anybody could begin elsewhere.
pub(super) async fn is_possible(core: &Core) -> Result<bool, Error> {
    let (connectors, _cursor) = core.records.list(Kind::Saml).await?;
    Ok(connectors.iter().any(
        |connector| matches!(connector, Resource::Saml(saml) if saml.spec.allow_idp_initiated),
    ))
}

/// A connector that lets people begin elsewhere. Whoever names another is told no more than that.
async fn find(core: &Core, name: &str) -> Result<SamlConnector, Error> {
    let found = Connector::find(core, Some(&format!("saml/{}", bounded(name)?))).await;
    match found {
        Ok(Connector::Saml(saml)) if saml.spec.allow_idp_initiated => Ok(*saml),
        Err(error) if error.kind() != api::ErrorKind::NotFound => Err(error),
        _ => Err(refused("sign-ins begin here, not at the identity provider")
            .hint("begin with `tsh login`")),
    }
}

/// What the page shows.
pub(crate) async fn read(
    core: &Core,
    token: &str,
    read: &ArrivalRead,
) -> Result<ArrivalPage, Error> {
    let (_key, arrived) = look(core, token, &read.binding).await?;
    let machine_addr = arrived.machine.as_ref().and_then(|asked| asked.asker.client.clone());
    let headless = arrived.machine.and_then(|asked| asked.headless);
    let machine = headless.map(|headless| HeadlessMachine {
        name: headless.machine,
        user: headless.user,
        asked_at: headless.asked_at,
    });
    Ok(ArrivalPage {
        cluster: core.cluster.clone(),
        user: arrived.account.name,
        connector: arrived.display,
        machine,
        machine_addr,
        expires: arrived.expires,
    })
}

/// Takes what the person did there.
pub(crate) async fn answer(
    core: &Core,
    token: &str,
    answer: &ArrivalAnswer,
) -> Result<ArrivalAnswered, Error> {
    let (key, arrived) = look(core, token, &answer.binding).await?;
    let client = answer.client_addr.as_deref();
    match &answer.choice {
        ArrivalChoice::Code(code) => {
            if arrived.machine.is_some() {
                return Err(Error::invalid("a machine is asked about already"));
            }
            let asked = headless::take(core, code, client).await?;
            if let Err(error) = headless::refuse_another(&asked, &arrived.account.name) {
                // It waits for nobody then.
                let refusal = Outcome::Refused(error.body().error);
                headless::tell(core, &asked, refusal, client).await?;
                return Err(error);
            }
            let expires = arrived.expires;
            let step = Step::Arrived(Box::new(Arrived { machine: Some(asked), ..arrived }));
            kept::replace(core, &key, &step, expires).await?;
            Ok(ArrivalAnswered::Asked)
        }
        ArrivalChoice::Approve => decide(core, &key, client, true).await,
        ArrivalChoice::Reject => decide(core, &key, client, false).await,
    }
}

/// Tells the machine. Whoever arrived has lets in one, and is done.
async fn decide(
    core: &Core,
    key: &Key,
    client: Option<&str>,
    approved: bool,
) -> Result<ArrivalAnswered, Error> {
    let Step::Arrived(arrived) = kept::take(core, key).await? else { return Err(kept::dead()) };
    let Arrived { connector, account, machine, .. } = *arrived;
    let Some(asked) = machine else { return Err(kept::dead()) };
    if !approved {
        let refusal = Error::denied("the sign-in was rejected in the browser").body().error;
        headless::tell(core, &asked, Outcome::Refused(refusal), client).await?;
        return Ok(ArrivalAnswered::Rejected);
    }
    // What is allowed now counts.
    find(core, &connector.name).await?;
    let started = Started {
        connector,
        tried: None,
        asker: asked.asker.clone(),
        public_key: asked.public_key.clone(),
        ttl_seconds: asked.ttl_seconds,
        proxy: asked.proxy.clone(),
    };
    let outcome = Outcome::Accepted { account: Box::new(account), started: Box::new(started) };
    headless::tell(core, &asked, outcome, client).await?;
    Ok(ArrivalAnswered::Approved)
}

async fn look(core: &Core, token: &str, binding: &str) -> Result<(Key, Arrived), Error> {
    let key = keys::login(bounded(token)?)?;
    let Step::Arrived(arrived) = kept::look(core, &key).await? else { return Err(kept::dead()) };
    if !same(&digest(bounded(binding)?), &arrived.binding) {
        return Err(super::other_browser());
    }
    Ok((key, *arrived))
}
