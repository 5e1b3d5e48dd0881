//! The page at which a second factor is shown for a session. It is for the browser that opens it first; what comes of
//! it is brought by that browser to where the asking process waits, on the browser's own machine, and is worth
//! something only to who knows that process's secret and has the certificate with which it asked.

use api::Error;
use api::wire::{
    SessionMfaAnswer, SessionMfaAnswered, SessionMfaFinish, SessionMfaPage, SessionMfaRead,
    SessionMfaStarted, SessionWish,
};
use audit::record::{SessionMfa, UserMetadata};
use audit::{Outcome, Text};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use store::{Item, Revision, Write};
use time::{Duration, OffsetDateTime};
use url::Url;
use uuid::Uuid;

use super::asker::Asker;
use super::wish::Wish;
use super::{Shown, show};
use crate::core::Core;
use crate::device::Factor;
use crate::factors::{self, Holder};
use crate::sso::{self, digest, same};
use crate::{fault, keys};

/// How long a person may take.
const LIFE: Duration = Duration::minutes(5);
/// How long what came of it waits for who asked.
const CODE_LIFE: Duration = Duration::minutes(1);
/// Letters of 256 bits in base64url.
const SECRET: usize = 43;
/// The longest text that is looked up.
const MAX_TOKEN: usize = 128;

/// Who asks, and for what.
#[derive(Clone, Serialize, Deserialize)]
struct Asked {
    user: String,
    /// What names the user's credentials: a reset makes others.
    handle: Uuid,
    /// What tells the certificate of who asks from all others.
    certificate: String,
    wish: SessionWish,
    machine: String,
    client: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    asked_at: OffsetDateTime,
    callback: String,
    /// The hash of the secret of who asks.
    challenge: String,
}

/// A page that waits.
#[derive(Serialize, Deserialize)]
pub(super) struct AtPage {
    asked: Asked,
    /// The hash of the cookie of the browser that opened it first, once one has.
    browser: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    expires: OffsetDateTime,
}

/// What came of it.
#[derive(Serialize, Deserialize)]
pub(super) enum Came {
    Approved { device: String },
    Rejected,
}

/// What is kept, under the hash of a text that names it.
#[derive(Serialize, Deserialize)]
enum Kept {
    Page(AtPage),
    Done { asked: Asked, came: Came },
}

/// What came of it, for who asked.
pub(super) struct Done {
    pub(super) wish: Wish,
    pub(super) handle: Uuid,
    pub(super) machine: String,
    pub(super) came: Came,
}

// === impl AtPage ===

impl AtPage {
    pub(super) fn new(
        core: &Core,
        asker: &Asker<'_>,
        holder: &Holder,
        wish: Wish,
        (machine, client): (String, Option<String>),
        (callback, challenge): (String, String),
    ) -> Self {
        let asked = Asked {
            user: holder.user.name().to_owned(),
            handle: holder.credentials.handle,
            certificate: asker.digest(),
            wish: wish.into_kept(),
            machine,
            client,
            asked_at: core.clock.now(),
            callback,
            challenge,
        };
        Self { asked, browser: None, expires: core.clock.now() + LIFE }
    }

    /// Keeps it, and makes the link.
    pub(super) async fn create(self, core: &Core) -> Result<SessionMfaStarted, Error> {
        let token = sso::random();
        let url = sso::page_url(core, &format!("session/{token}"))?;
        let expires = self.expires;
        let value = encode(&Kept::Page(self))?;
        let key = keys::session_mfa(&token)?;
        let kept = core.records.store().create(&key, value, Some(expires)).await;
        kept.map(|_revision| SessionMfaStarted { url, expires })
            .map_err(|error| fault::store(&error))
    }

    /// The page in a browser. Whoever opens it first has it; others are told that it is over.
    async fn open(core: &Core, token: &str, binding: &str) -> Result<(Self, Revision), Error> {
        let (kept, item) = find(core, token).await?;
        let Kept::Page(mut page) = kept else { return Err(dead()) };
        let here = digest(bounded(binding)?);
        match &page.browser {
            Some(first) if same(first, &here) => return Ok((page, item.revision)),
            Some(_) => return Err(dead()),
            None => page.browser = Some(here),
        }
        let expires = Some(page.expires);
        let kept = Kept::Page(page);
        let value = encode(&kept)?;
        let written =
            core.records.store().compare_and_swap(&item.key, &item.revision, value, expires).await;
        let Kept::Page(page) = kept else { return Err(dead()) };
        match written {
            Ok(revision) => Ok((page, revision)),
            Err(store::Error::Conflict { .. } | store::Error::NotFound { .. }) => Err(dead()),
            Err(error) => Err(fault::store(&error)),
        }
    }

    /// The user, with the credentials of when it was asked for.
    async fn holder(&self, core: &Core) -> Result<Holder, Error> {
        let holder = Holder::find(core, &self.asked.user).await?;
        let is_same = |holder: &Holder| holder.credentials.handle == self.asked.handle;
        holder.filter(is_same).ok_or_else(dead)
    }

    /// Takes the page away, and keeps what came of it for who asked: of all that try, one does.
    async fn end(
        self,
        core: &Core,
        token: &str,
        revision: Revision,
        came: Came,
    ) -> Result<SessionMfaAnswered, Error> {
        let code = sso::random();
        let mut location = Url::parse(&self.asked.callback).map_err(Error::internal)?;
        location.query_pairs_mut().append_pair("code", &code);
        let rejected = matches!(came, Came::Rejected);
        let done = encode(&Kept::Done { asked: self.asked, came })?;
        let expires = core.clock.now() + CODE_LIFE;
        let writes = vec![
            Write::delete_if(keys::session_mfa(token)?, revision),
            Write::create(keys::session_mfa(&code)?, done, Some(expires)),
        ];
        match core.records.store().write(writes).await {
            Ok(_revisions) => Ok(SessionMfaAnswered { location: location.into(), rejected }),
            Err(store::Error::Conflict { .. } | store::Error::NotFound { .. }) => Err(dead()),
            Err(error) => Err(fault::store(&error)),
        }
    }
}

/// What the page shows, to the browser that opened it first.
pub(crate) async fn read(
    core: &Core,
    token: &str,
    read: &SessionMfaRead,
) -> Result<SessionMfaPage, Error> {
    let (page, _revision) = AtPage::open(core, token, &read.binding).await?;
    let holder = page.holder(core).await?;
    core.logins.admit_user(&page.asked.user)?;
    let policy = core.sign_in_policy();
    let key =
        if policy.keys { factors::ask_key(core, &scope(token), &holder).await? } else { None };
    let mut devices = holder.credentials.devices.iter();
    let codes = policy.codes && devices.any(|one| matches!(one.factor, Factor::Totp { .. }));
    if key.is_none() && !codes {
        return Err(Error::unavailable(
            "none of your devices can be used at this address of the cluster",
        )
        .hint("open the page by the cluster's own name, or add another device: tsh mfa add"));
    }
    let Asked { user, wish, machine, client, asked_at, .. } = page.asked;
    let SessionWish { app, cluster, .. } = wish;
    Ok(SessionMfaPage { user, app, cluster, machine, client_addr: client, asked_at, codes, key })
}

/// Takes what a person showed at the page.
pub(crate) async fn answer(
    core: &Core,
    token: &str,
    answer: SessionMfaAnswer,
) -> Result<SessionMfaAnswered, Error> {
    let SessionMfaAnswer { binding, code, key, reject, client_addr } = answer;
    let (page, revision) = AtPage::open(core, token, &binding).await?;
    let wish = Wish::again(page.asked.wish.clone())?;
    if reject {
        let user = UserMetadata::named(&page.asked.user);
        let failure = Outcome::Failure(Text::new("it was rejected in the browser"));
        let machine = page.asked.machine.clone();
        let event = SessionMfa {
            machine: Some(Text::new(&machine)),
            ..wish.event(&user, failure, client_addr.as_deref())
        };
        core.audit.record(&event).await?;
        return page.end(core, token, revision, Came::Rejected).await;
    }
    let holder = page.holder(core).await?;
    let shown = Shown { code: code.as_deref(), key: key.as_ref(), client: client_addr };
    let verified = show(core, holder, &wish, &scope(token), shown).await?;
    let device = verified.device.ok_or_else(dead)?;
    page.end(core, token, revision, Came::Approved { device }).await
}

/// What a code stands for, for who asked, and once.
pub(super) async fn collect(
    core: &Core,
    asker: &Asker<'_>,
    request: &SessionMfaFinish,
) -> Result<Done, Error> {
    // What is another's is left alone: it is looked at before it is taken.
    let (kept, item) = find(core, &request.code).await?;
    let Kept::Done { asked, came } = kept else { return Err(dead()) };
    let knows = same(&digest(bounded(&request.verifier)?), &asked.challenge);
    if !knows || asked.certificate != asker.digest() || asked.user != asker.user.name {
        return Err(Error::denied("this is not who asked for the second factor"));
    }
    match core.records.store().delete_if(&item.key, &item.revision).await {
        Ok(()) => {}
        Err(store::Error::NotFound { .. } | store::Error::Conflict { .. }) => return Err(dead()),
        Err(error) => return Err(fault::store(&error)),
    }
    let Asked { handle, machine, wish, .. } = asked;
    Ok(Done { wish: Wish::again(wish)?, handle, machine, came })
}

async fn find(core: &Core, text: &str) -> Result<(Kept, Item), Error> {
    match core.records.store().get(&keys::session_mfa(bounded(text)?)?).await {
        Ok(item) => {
            let kept = serde_json::from_slice(&item.value).map_err(Error::internal)?;
            Ok((kept, item))
        }
        Err(store::Error::NotFound { .. }) => Err(dead()),
        Err(error) => Err(fault::store(&error)),
    }
}

fn encode(kept: &Kept) -> Result<Bytes, Error> {
    serde_json::to_vec(kept).map(Bytes::from).map_err(Error::internal)
}

/// Where the browser brings what came of it is what `tsh` listens at: on the browser's own machine, and by a path that
/// nobody else listens at. Whoever asks with a copied certificate has no browser visit what else is there.
pub(super) fn check_callback(text: &str) -> Result<String, Error> {
    let callback = sso::check_callback(text)?;
    let url = Url::parse(&callback).map_err(Error::internal)?;
    let path = url.path().strip_prefix('/').unwrap_or_default();
    let is_random =
        path.len() == SECRET && URL_SAFE_NO_PAD.decode(path).is_ok_and(|bytes| bytes.len() == 32);
    if is_random {
        return Ok(callback);
    }
    Err(Error::invalid("the callback is not what tsh listens at: http://127.0.0.1:PORT/SECRET"))
}

/// Keys are hashed, so this only keeps large texts from being looked at.
fn bounded(text: &str) -> Result<&str, Error> {
    if text.len() <= MAX_TOKEN { Ok(text) } else { Err(dead()) }
}

/// Questions to keys are for this page alone.
fn scope(token: &str) -> String {
    format!("session {token}")
}

/// Done, expired, or never begun: nobody is told which.
pub(super) fn dead() -> Error {
    Error::not_found("this page is over: it was used, has expired, or is another browser's")
        .hint("try again where the MCP server was asked for")
}
