//! Bots: programs with a user of their own.
//!
//! A bot *is* a user, `bot-NAME`, which is made, changed and deleted with it in one write. So everything
//! that holds for users holds for bots — locks, roles, the end of what is open when the user is gone —
//! and nothing about bots has to be known where decisions are made. That user has no credentials and gets
//! none: it is certified by joining alone.
//!
//! What a bot holds of itself ([`login`]) has no roles and opens nothing but this: to be renewed, and to
//! ask for what its programs use, which cannot be renewed.

mod instance;
mod instances;
mod join;
mod login;

use api::Error;
use resource::bot::USER_LABEL;
use resource::{Bot, Kind, Resource, User};
use store::Write;

pub(crate) use self::instances::{
    list as list_instances, remove as remove_instance, show as show_instance,
};
pub(crate) use self::join::{join, output, renew};
use crate::core::Core;
use crate::cx::OpCx;
use crate::records::Condition;
use crate::user;

/// The most tokens of a bot that go with it in one write.
const MAX_TOKENS: usize = 24;
/// Refuses what is for people.
pub(crate) fn refuse_bot(user: &User) -> Result<(), Error> {
    match user.bot() {
        None => Ok(()),
        Some(bot) => Err(Error::denied(format!(
            "user {:?} is the bot {bot:?}: it joins by a token, and is changed with the bot",
            user.name()
        ))
        .hint(format!("`tctl bots update {bot}`, or `tctl bots rm {bot}`"))),
    }
}

/// Checks a bot.
pub(crate) async fn prepare(cx: &OpCx, bot: &Bot) -> Result<(), Error> {
    let core = cx.core();
    if bot.name().contains('/') {
        return Err(Error::invalid("a bot's name has no \"/\""));
    }
    let name = bot.user_name();
    if let Some(Resource::User(user)) = core.records.find(Kind::User, &name).await?
        && user.bot() != Some(bot.name())
    {
        return Err(Error::invalid(format!(
            "bot {:?} would be the user {name:?}, and there is another one of that name",
            bot.name()
        )));
    }
    user::refuse_missing_roles(core, &format!("bot {:?}", bot.name()), &bot.spec.roles).await
}

/// The bot's user, as it is written together with the bot.
pub(crate) async fn companions(cx: &OpCx, bot: &Bot) -> Result<Vec<Write>, Error> {
    let core = cx.core();
    let name = bot.user_name();
    let before = match core.records.find(Kind::User, &name).await? {
        Some(Resource::User(user)) => Some(user),
        _ => None,
    };
    let mut user = User::new(&name, bot.spec.roles.iter().cloned());
    user.spec.traits = bot.spec.traits.clone();
    user.metadata.labels.insert(USER_LABEL.to_owned(), bot.name().to_owned());
    user.metadata.expires = bot.metadata.expires;
    user.spec.expires = bot.metadata.expires;
    let condition = before.as_ref().and_then(|before| before.metadata.revision.clone());
    let condition = condition.map_or(Condition::Absent, Condition::At);
    let mut writes = Vec::new();
    user.spec.created_by = match before {
        Some(before) => before.spec.created_by,
        None => {
            // Whoever had the name before leaves nothing to the new one.
            writes.extend(user::remains(core, &name).await?);
            writes.extend(instance::removals(core, bot.name()).await?);
            Some(user::created_by(cx))
        }
    };
    writes.push(core.records.writing(&user.into(), condition)?);
    Ok(writes)
}

/// What goes with a bot: its user, and everything by which somebody is or could become that bot.
pub(crate) async fn remains(core: &Core, bot: &str) -> Result<Vec<Write>, Error> {
    let name = resource::bot::user_name(bot);
    let mut writes = instance::removals(core, bot).await?;
    writes.extend(user::remains(core, &name).await?);
    if let Some(Resource::User(user)) = core.records.find(Kind::User, &name).await?
        && user.bot() == Some(bot)
    {
        writes.extend(core.records.deleting(&user.into())?);
    }
    let (tokens, _cursor) = core.records.list(Kind::Token).await?;
    let is_its = |token: &Resource| {
        // Who joins by a platform's word is let in by rules that somebody wrote, and may keep.
        matches!(token, Resource::Token(token)
            if token.spec.join_method.is_secret() && token.spec.bot_name.as_deref() == Some(bot))
    };
    let tokens: Vec<Resource> = tokens.into_iter().filter(is_its).collect();
    if tokens.len() > MAX_TOKENS {
        return Err(Error::invalid(format!(
            "bot {bot:?} has more than {MAX_TOKENS} unused tokens"
        ))
        .hint("delete them first: `tctl tokens ls`, `tctl tokens rm`"));
    }
    for token in &tokens {
        writes.extend(core.records.deleting(token)?);
    }
    Ok(writes)
}

/// Waits until our own copy shows what became of a bot's user.
pub(crate) async fn settle(core: &Core, bot: &str) -> Result<(), Error> {
    let name = resource::bot::user_name(bot);
    let user = core.records.find(Kind::User, &name).await?;
    let revision = user.as_ref().and_then(|user| user.metadata().revision.as_ref());
    core.settle(Kind::User, &name, revision).await;
    Ok(())
}
