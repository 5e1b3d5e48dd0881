//! The places where bots run, for administrators: which there are, and the end of one.

use api::Error;
use api::wire::{BotInstance, BotInstanceQuery, BotInstances};
use audit::record::{Change, UserMetadata};
use resource::{Kind, Lock, LockTarget, Resource};
use uuid::Uuid;

use super::instance::{self, Instance};
use super::join::MAX_TTL;
use crate::core::Core;
use crate::cx::OpCx;
use crate::events;
use crate::records::Condition;
use crate::verb::Verb;

/// The kind of resource that rules name places by.
const BOT_INSTANCE: &str = "bot_instance";

/// The places of one bot, or of all.
pub(crate) async fn list(cx: &OpCx, query: &BotInstanceQuery) -> Result<BotInstances, Error> {
    cx.authorize_named(Verb::List, BOT_INSTANCE)?;
    cx.authorize_named(Verb::ReadNoSecrets, BOT_INSTANCE)?;
    let core = cx.core();
    let bots = match &query.bot {
        Some(bot) if core.records.find(Kind::Bot, bot).await?.is_none() => {
            return Err(Error::not_found(Kind::Bot.not_found(bot)));
        }
        Some(bot) => vec![bot.clone()],
        None => {
            let (bots, _cursor) = core.records.list(Kind::Bot).await?;
            bots.iter().map(|bot| bot.name().to_owned()).collect()
        }
    };
    let mut found = BotInstances::default();
    for bot in bots {
        let all = instance::all(core, &bot).await?;
        found.instances.extend(all.into_iter().map(|(id, one)| told(&bot, id, one)));
    }
    Ok(found)
}

/// One place.
pub(crate) async fn show(cx: &OpCx, bot: &str, id: &str) -> Result<BotInstance, Error> {
    cx.authorize_named(Verb::ReadNoSecrets, BOT_INSTANCE)?;
    let (id, found) = find(cx.core(), bot, id).await?;
    Ok(told(bot, id.to_string(), found))
}

/// Ends one place: it is not renewed any more, and what its programs have open ends, by a lock that lasts
/// as long as what they hold.
pub(crate) async fn remove(cx: &OpCx, bot: &str, id: &str) -> Result<(), Error> {
    cx.authorize_named(Verb::Delete, BOT_INSTANCE)?;
    let core = cx.core();
    let (id, _found) = find(core, bot, id).await?;
    let target = LockTarget { bot_instance_id: Some(id.to_string()), ..LockTarget::default() };
    let message = format!("this place of bot {bot:?} was removed");
    let mut lock = Lock::new(Uuid::new_v4().to_string(), target, message);
    let now = core.clock.now();
    lock.spec.created_by = cx.caller().name();
    lock.spec.created_at = Some(now);
    lock.spec.expires = Some(now + MAX_TTL);
    lock.metadata.expires = lock.spec.expires;
    // The lock first: what is forgotten and not shut out would still be good until it ends.
    shut_out(core, &events::actor(cx.caller()), lock).await?;
    instance::forget(core, bot, &id).await
}

/// Writes a lock that this service thought of itself.
pub(super) async fn shut_out(
    core: &Core,
    actor: &UserMetadata,
    lock: Lock,
) -> Result<Resource, Error> {
    let lock: Resource = lock.into();
    events::changed(&core.audit, actor, Change::Created, &lock).await?;
    let written = core.records.write(&lock, Condition::Absent, Vec::new()).await?;
    core.settle(Kind::Lock, written.name(), written.metadata().revision.as_ref()).await;
    Ok(written)
}

async fn find(core: &Core, bot: &str, id: &str) -> Result<(Uuid, Instance), Error> {
    let absent = || Error::not_found(format!("bot {bot:?} runs in no place {id:?}"));
    let id: Uuid = id.parse().map_err(|_not_an_id| absent())?;
    let store = core.records.store();
    let found = match Instance::find(store, bot, &id).await? {
        None => Instance::find_passing(store, bot, &id).await?,
        found => found,
    };
    let (found, _revision) = found.ok_or_else(absent)?;
    Ok((id, found))
}

fn told(bot: &str, id: String, one: Instance) -> BotInstance {
    let seen = one.seen;
    BotInstance {
        bot_name: bot.to_owned(),
        instance_id: id,
        generation: (one.generation > 0).then_some(one.generation),
        join_method: seen.as_ref().map(|seen| seen.join_method.clone()),
        join_token: seen.as_ref().and_then(|seen| seen.join_token.clone()),
        first_seen: seen.as_ref().map(|seen| seen.first),
        last_seen: seen.as_ref().map(|seen| seen.last),
        address: seen.as_ref().and_then(|seen| seen.address.clone()),
        version: seen.and_then(|seen| seen.version),
        expires: one.expires,
    }
}
