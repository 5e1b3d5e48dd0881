//! How bots join, stay, and get what their programs use.

use std::time::Duration;

use api::wire::{BotJoinRequest, BotOutputRequest, BotRenewRequest, UserCredentials};
use api::{Error, ErrorKind};
use audit::record::UserMetadata;
use pki::PublicKey;
use resource::{Bot, JoinRole, Kind, Lock, LockTarget, Resource, Secret, Token, User};
use uuid::Uuid;

use super::instance::{self, Instance, Seen};
use super::instances::shut_out;
use super::login::BotLogin;
use crate::certificate::{self, Ticket};
use crate::core::Core;
use crate::cx::OpCx;
use crate::join::{Admission, Refusal, Shown, admit_token};
use crate::{events, fault, gate, keys, locks, user};

/// How long a certificate lives when nobody says.
const DEFAULT_TTL: Duration = Duration::from_secs(60 * 60);
/// The longest life of a certificate that a bot holds of itself, and of those that its programs use.
pub(super) const MAX_TTL: Duration = Duration::from_secs(24 * 60 * 60);
/// How often a renewal is tried again when another one is under way.
const MAX_RETRIES: usize = 4;
/// The longest text that is taken for a version.
const MAX_VERSION: usize = 64;

/// A bot and the user that it is.
struct Found {
    bot: Bot,
    user: User,
}

/// A bot that is let in.
struct Entered {
    admission: Admission,
    found: Found,
    issued: certificate::Issued,
}

/// Certifies a bot that shows a join token.
pub(crate) async fn join(cx: &OpCx, request: BotJoinRequest) -> Result<UserCredentials, Error> {
    match enter(cx, request).await {
        Ok(Entered { admission, found, issued }) => {
            events::bot_joined(cx, found.bot.name(), &admission).await?;
            let who = UserMetadata::named(found.user.name());
            events::certificate(&cx.core().audit, &who, &issued.identity).await?;
            Ok(issued.credentials)
        }
        Err(refusal) => {
            events::bot_refused(cx, &refusal).await?;
            Err(refusal.error)
        }
    }
}

/// A new certificate of the calling bot for itself, once for each that it has.
pub(crate) async fn renew(cx: &OpCx, request: BotRenewRequest) -> Result<UserCredentials, Error> {
    let core = cx.core();
    let (login, found) = caller(cx).await?;
    let Some(generation) = login.generation else {
        return Err(Error::denied("this identity cannot be renewed: the bot joins again"));
    };
    let key = certificate::read_key(&request.public_key)?;
    let digest = keys::digest(&[&key.to_pem()]);
    let bot = found.bot.name();
    for _ in 0..MAX_RETRIES {
        let Some((kept, revision)) =
            Instance::find(core.records.store(), bot, &login.instance).await?
        else {
            return Err(forgotten(bot));
        };
        // Whose answer was lost asks again for the same key, which nobody else can name as theirs.
        let is_again = kept.generation == generation + 1 && kept.key == digest;
        if !is_again && kept.generation != generation {
            return Err(copied(cx, &found, &login, kept.generation).await);
        }
        let next = BotLogin { instance: login.instance, generation: Some(generation + 1) };
        let join_token = joined_by(cx);
        let issued =
            of_itself(core, &found.user, &key, request.ttl_seconds, &next, join_token).await?;
        let seen = kept.seen.map(|seen| Seen {
            last: core.clock.now(),
            address: cx.remote(),
            version: told_version(request.version.clone()),
            ..seen
        });
        let next = Instance {
            generation: generation + 1,
            key: digest.clone(),
            expires: issued.identity.expires(),
            seen,
        };
        let write = next.write(bot, &login.instance, Some(revision))?;
        match core.records.store().write(vec![write]).await {
            Ok(_revisions) => {}
            Err(store::Error::Conflict { .. } | store::Error::NotFound { .. }) => continue,
            Err(error) => return Err(fault::store(&error)),
        }
        let actor = events::actor(cx.caller());
        events::certificate(&core.audit, &actor, &issued.identity).await?;
        return Ok(issued.credentials);
    }
    Err(Error::unavailable("the identity is being renewed elsewhere at the moment"))
}

/// A certificate for the programs of the calling bot, with its roles or some of them.
pub(crate) async fn output(cx: &OpCx, request: BotOutputRequest) -> Result<UserCredentials, Error> {
    let core = cx.core();
    let (login, found) = caller(cx).await?;
    if let Some(generation) = login.generation {
        match Instance::find(core.records.store(), found.bot.name(), &login.instance).await? {
            None => return Err(forgotten(found.bot.name())),
            Some((kept, _revision)) if kept.generation == generation => {}
            // Perhaps the answer to the renewal was lost; whoever it is, it is renewed first.
            Some((kept, _revision)) if kept.generation == generation + 1 => {
                return Err(Error::denied("this identity has been renewed: use the new one"));
            }
            Some((kept, _revision)) => {
                return Err(copied(cx, &found, &login, kept.generation).await);
            }
        }
    }
    let roles = match request.roles {
        None => found.user.spec.roles.clone(),
        Some(roles) => {
            if let Some(other) = roles.iter().find(|role| !found.user.spec.roles.contains(role)) {
                return Err(Error::denied(format!("the bot does not have the role {other:?}"))
                    .hint(format!("`tctl bots update {} --add-roles={other}`", found.bot.name())));
            }
            roles
        }
    };
    if roles.is_empty() {
        return Err(Error::denied(format!("bot {:?} has no roles", found.bot.name())));
    }
    let key = certificate::read_key(&request.public_key)?;
    let ticket = Ticket {
        ttl_seconds: Some(life(request.ttl_seconds)),
        bot_roles: Some(roles),
        login_id: Some(login.of_outputs()),
        bot_instance_id: Some(login.instance.to_string()),
        join_token: joined_by(cx),
        ..Ticket::of(&found.user, &key)
    };
    let issued = certificate::issue(core, &ticket).await?;
    events::certificate(&core.audit, &events::actor(cx.caller()), &issued.identity).await?;
    Ok(issued.credentials)
}

/// Lets a bot in, if everything is right. What is good for one use is used up last.
async fn enter(cx: &OpCx, request: BotJoinRequest) -> Result<Entered, Refusal> {
    let BotJoinRequest { token, id_token, version, public_key, ttl_seconds } = request;
    let core = cx.core();
    let shown = Shown { token: Secret::new(token), id_token: id_token.map(Secret::new) };
    let admission = admit_token(core, &shown).await?;
    let (found, key) = match prepared(core, &admission.token, &public_key).await {
        Ok(prepared) => prepared,
        Err(error) => return Err(admission.refuse(error)),
    };
    let is_secret = admission.token.spec.join_method.is_secret();
    let login = BotLogin { instance: Uuid::new_v4(), generation: is_secret.then_some(1) };
    let join_token = admission.token.public_name().map(str::to_owned);
    let issued = of_itself(core, &found.user, &key, ttl_seconds, &login, join_token.clone()).await;
    let issued = match issued {
        Ok(issued) => issued,
        Err(error) => return Err(admission.refuse(error)),
    };
    let now = core.clock.now();
    let digest = keys::digest(&[&key.to_pem()]);
    let kept = Instance {
        generation: login.generation.unwrap_or_default(),
        key: digest.clone(),
        expires: issued.identity.expires(),
        seen: Some(Seen {
            join_method: admission.token.spec.join_method.name().as_str().to_owned(),
            join_token,
            first: now,
            last: now,
            address: cx.remote(),
            version: told_version(version),
        }),
    };
    let bot = found.bot.name();
    if !is_secret {
        let counted = admission.spend(core, &digest, &login.instance.to_string()).await?;
        kept.keep_passing(core, bot, &login.instance).await?;
        return Ok(Entered { admission: counted.admission, found, issued });
    }
    // A secret that lets a bot in is used up by it, in the one write that makes the place.
    let mut writes = vec![kept.write(bot, &login.instance, None)?];
    writes.extend(core.records.deleting(&admission.token.clone().into())?);
    match core.records.store().write(writes).await {
        Ok(_revisions) => Ok(Entered { admission, found, issued }),
        Err(store::Error::Conflict { .. } | store::Error::NotFound { .. }) => Err(admission
            .refuse(Error::new(
                ErrorKind::Unauthenticated,
                "the join token was used before, and each is good for one bot",
            ))),
        Err(error) => Err(admission.refuse(fault::store(&error))),
    }
}

/// What a program says of its version, if that can be one.
fn told_version(version: Option<String>) -> Option<String> {
    let is_one = |text: &String| {
        (1..=MAX_VERSION).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    version.filter(is_one)
}

async fn prepared(
    core: &Core,
    token: &Token,
    public_key: &str,
) -> Result<(Found, PublicKey), Error> {
    let bot = token.spec.bot_name.as_deref().filter(|_| token.spec.roles.contains(&JoinRole::Bot));
    let Some(bot) = bot else {
        return Err(Error::denied("the join token is not for a bot")
            .hint("make one that is: `tctl bots instances add NAME`"));
    };
    let found = find(core, bot).await?;
    if token.spec.join_method.is_secret() {
        instance::admit(core, bot).await?;
    }
    Ok((found, certificate::read_key(public_key)?))
}

/// A bot that may act at the moment.
async fn find(core: &Core, name: &str) -> Result<Found, Error> {
    let gone = || Error::denied("the bot does not exist any more");
    let Some(Resource::Bot(bot)) = core.records.find(Kind::Bot, name).await? else {
        return Err(gone());
    };
    let user = core.records.find(Kind::User, &bot.user_name()).await?;
    let Some(Resource::User(user)) = user else { return Err(gone()) };
    if user.bot() != Some(name) {
        return Err(gone());
    }
    let now = core.clock.now();
    if !user::is_active(&user, now) {
        return Err(Error::denied("the bot is not active at the moment"));
    }
    locks::refuse_user(&core.replica.snapshot(), now, &user, None)?;
    Ok(Found { bot, user })
}

/// The bot that calls, by the certificate that it holds of itself.
async fn caller(cx: &OpCx) -> Result<(BotLogin, Found), Error> {
    let Some(identity) = cx.caller().user() else { return Err(gate::unauthenticated()) };
    let Some(login) = BotLogin::of(identity) else {
        return Err(Error::denied("only a bot does this, by the identity that it joined with"));
    };
    let name = identity.name.strip_prefix("bot-").unwrap_or_default();
    Ok((login, find(cx.core(), name).await?))
}

async fn of_itself(
    core: &Core,
    user: &User,
    key: &PublicKey,
    ttl_seconds: Option<u64>,
    login: &BotLogin,
    join_token: Option<String>,
) -> Result<certificate::Issued, Error> {
    let ticket = Ticket {
        ttl_seconds: Some(life(ttl_seconds)),
        bot_roles: Some(Vec::new()),
        login_id: Some(login.to_text()),
        bot_instance_id: Some(login.instance.to_string()),
        join_token,
        ..Ticket::of(user, key)
    };
    certificate::issue(core, &ticket).await
}

/// By what the calling bot joined, as its certificate says.
fn joined_by(cx: &OpCx) -> Option<String> {
    cx.caller().user().and_then(|identity| identity.join_token.clone())
}

fn life(asked: Option<u64>) -> u64 {
    asked.map_or(DEFAULT_TTL, Duration::from_secs).min(MAX_TTL).as_secs()
}

fn forgotten(bot: &str) -> Error {
    Error::new(ErrorKind::Unauthenticated, "the bot's identity is not known any more")
        .hint(format!("make a new token: `tctl bots instances add {bot}`"))
}

/// Two hold what one was given. Nobody can tell which of them is right, so both are shut out until
/// somebody has looked.
async fn copied(cx: &OpCx, found: &Found, login: &BotLogin, expected: u64) -> Error {
    let core = cx.core();
    let shown = login.generation.unwrap_or_default();
    let message = format!(
        "a copy of the identity of bot {:?} was used: certificate {shown} of its place {} was shown, \
         and {expected} had been given out",
        found.bot.name(),
        login.instance
    );
    let target = LockTarget { user: Some(found.user.name().to_owned()), ..LockTarget::default() };
    let lock = Lock::new(Uuid::new_v4().to_string(), target, &message);
    let actor = UserMetadata::system("bot generations");
    let written = shut_out(core, &actor, lock);
    if let Err(error) = written.await {
        return error;
    }
    tracing::warn!(
        bot = found.bot.name(),
        "a copy of a bot's identity was used; the bot is locked"
    );
    Error::denied("the bot is locked: its identity is in use in two places").because(message).hint(
        format!(
            "find out who copied it; then `tctl rm lock/…` and `tctl bots instances add {}`",
            found.bot.name()
        ),
    )
}
