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
use time::OffsetDateTime;

use super::account::{self, Account};
use super::connector::{Connector, Reference};
use super::kept::{self, Outcome, Seen, Started, Step};
use super::local::Asked;
use super::{LIFE, bounded, digest, headless, refused, same, saml};
use crate::core::Core;
use crate::keys;

/// Somebody whom a provider sent here.
#[derive(Serialize, Deserialize)]
pub(super) struct Arrived {
    connector: Reference,
    /// Which version of it judged.
    revision: String,
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
    core.logins.admit()?;
    let saml = find(core, &connector).await?;
    let revision = revision_of(&saml);
    let said = saml::arrived(core, &saml, &saml_response).await;
    let connector = Connector::Saml(Box::new(saml));
    let account = account::judge(core, &connector, said, client_addr.as_deref()).await??;
    let (token, binding) = (super::random(), super::random());
    let location = super::page_at(core, proxy_addr.as_deref(), &format!("arrival/{token}"))?;
    let expires = core.clock.now() + LIFE;
    let arrived = Arrived {
        connector: connector.reference(),
        revision,
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
    let (arrived, _seen) = look(core, token, &read.binding).await?;
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
    let (arrived, seen) = look(core, token, &answer.binding).await?;
    let client = answer.client_addr.as_deref();
    match &answer.choice {
        ArrivalChoice::Code(code) => ask(core, arrived, &seen, code, client).await,
        ArrivalChoice::Approve => approve(core, arrived, &seen, client).await,
        ArrivalChoice::Reject => {
            let asked = arrived.asked()?;
            kept::take_seen(core, &seen).await?;
            let why = Error::denied("the sign-in was rejected in the browser");
            turn_away(core, &asked, &arrived.account.name, &why, client).await?;
            Ok(ArrivalAnswered::Rejected)
        }
    }
}

/// Asks about the machine that shows a code: about one, whatever else is typed at the same time.
async fn ask(
    core: &Core,
    arrived: Arrived,
    seen: &Seen,
    code: &str,
    client: Option<&str>,
) -> Result<ArrivalAnswered, Error> {
    if arrived.machine.is_some() {
        return Err(Error::invalid("a machine is asked about already"));
    }
    let asked = headless::take(core, code, client).await?;
    let name = arrived.account.name.clone();
    let placed = match headless::refuse_another(&asked, &name) {
        Ok(()) => {
            let (expires, machine) = (arrived.expires, Some(asked.clone()));
            let step = Step::Arrived(Box::new(Arrived { machine, ..arrived }));
            kept::replace(core, seen, &step, expires).await
        }
        Err(error) => Err(error),
    };
    if let Err(error) = placed {
        // It waits for nobody then, and is not told who it was.
        let why = Error::denied("somebody else typed the code");
        turn_away(core, &asked, &name, &why, client).await?;
        return Err(error);
    }
    Ok(ArrivalAnswered::Asked)
}

/// Lets the machine in, if all is as it was. Whoever arrived lets in one, and is done.
async fn approve(
    core: &Core,
    arrived: Arrived,
    seen: &Seen,
    client: Option<&str>,
) -> Result<ArrivalAnswered, Error> {
    let asked = arrived.asked()?;
    kept::take_seen(core, seen).await?;
    let Arrived { connector, revision, account, .. } = arrived;
    if let Err(error) = still_counts(core, &connector, &revision).await {
        turn_away(core, &asked, &account.name, &error, client).await?;
        return Err(error);
    }
    let started = Started {
        connector,
        tried: None,
        asker: asked.asker.clone(),
        public_key: asked.public_key.clone(),
        ttl_seconds: asked.ttl_seconds,
        proxy: asked.proxy.clone(),
    };
    let outcome = Outcome::Accepted { account: Box::new(account), started: Box::new(started) };
    headless::tell(core, &asked, outcome, None, client).await?;
    Ok(ArrivalAnswered::Approved)
}

/// Refuses what was judged by rules that are others now.
async fn still_counts(core: &Core, connector: &Reference, revision: &str) -> Result<(), Error> {
    let now = find(core, &connector.name).await?;
    if revision_of(&now) != revision || !core.sign_in_policy().headless {
        return Err(refused("how people sign in has been changed meanwhile")
            .hint("open the cluster at your identity provider again"));
    }
    Ok(())
}

fn revision_of(connector: &SamlConnector) -> String {
    let revision = connector.metadata.revision.as_ref();
    revision.map(|revision| revision.as_str().to_owned()).unwrap_or_default()
}

/// Tells a machine that it is not let in.
async fn turn_away(
    core: &Core,
    asked: &Asked,
    who: &str,
    why: &Error,
    client: Option<&str>,
) -> Result<(), Error> {
    let refusal = Outcome::Refused(why.body().error);
    headless::tell(core, asked, refusal, Some(who), client).await
}

// === impl Arrived ===

impl Arrived {
    /// The machine that is asked about.
    fn asked(&self) -> Result<Asked, Error> {
        self.machine.clone().ok_or_else(|| Error::invalid("type the code of a machine first"))
    }
}

async fn look(core: &Core, token: &str, binding: &str) -> Result<(Arrived, Seen), Error> {
    let key = keys::login(bounded(token)?)?;
    let (Step::Arrived(arrived), seen) = kept::see(core, key).await? else {
        return Err(kept::dead());
    };
    if !same(&digest(bounded(binding)?), &arrived.binding) {
        return Err(super::other_browser());
    }
    Ok((*arrived, seen))
}
