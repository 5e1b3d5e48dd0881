//! Join tokens: what is checked when one is written.

use api::Error;
use pki::jwt::foreign::ForeignKeys;
use resource::token::JoinMethod;
use resource::{JoinRole, Kind, Token};

use crate::cx::{OpCx, Target};
use crate::verb::Verb;

/// The shortest token. It is all that keeps a stranger from joining, so it must not be found by
/// trying: eight hexadecimal digits at a thousand tries a second take a month on average.
const MIN_CHARS: usize = 8;

/// Checks a token.
pub(crate) fn prepare(cx: &OpCx, token: &Token, before: Option<&Token>) -> Result<(), Error> {
    // Whoever makes a token for a bot can be that bot.
    for bot in
        [Some(token), before].into_iter().flatten().filter_map(|it| it.spec.bot_name.as_ref())
    {
        cx.authorize(Verb::Update, Kind::Bot, Target::Named(bot))?;
    }
    if token.is_masked() {
        return Err(Error::invalid("the token's name is masked, so it cannot be written")
            .hint("read it with its secrets, or choose a name without \"*\""));
    }
    let is_secret = token.spec.join_method.is_secret();
    // A name that was shown to everybody is no secret by being called one.
    if is_secret && before.is_some_and(|before| !before.spec.join_method.is_secret()) {
        return Err(Error::invalid(
            "spec.join_method: the token's name was no secret so far, so it cannot become one",
        )
        .hint("delete the token, and let `tctl tokens add` make one with a random name"));
    }
    if let JoinMethod::Workload(join) = &token.spec.join_method
        && let Some(keys) = &join.static_jwks
    {
        ForeignKeys::from_json(keys.as_bytes()).map(drop).map_err(|error| {
            Error::invalid(format!("spec.{}.static_jwks: {error}", join.platform.method()))
        })?;
    }
    if is_secret && token.metadata.name.chars().count() < MIN_CHARS {
        return Err(Error::invalid(format!("a join token has at least {MIN_CHARS} characters"))
            .hint("`tctl tokens add` without --value makes a random one"));
    }
    if token.spec.roles.contains(&JoinRole::Auth) {
        return Err(Error::invalid("auth services share a store, they do not join by token"));
    }
    Ok(())
}

/// Fills in what the service knows better: what a token is called, and how often it was used. Whoever
/// writes it again does not make it unused.
pub(crate) fn fill_in(token: &mut Token, before: Option<&Token>) {
    token.status = before.map(|before| before.status.clone()).unwrap_or_default();
    if token.status.id.is_empty() {
        token.status.id = format!("{:016x}", rand::random::<u64>());
    }
}
