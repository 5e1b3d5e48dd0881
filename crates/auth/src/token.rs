//! Join tokens: what is checked when one is written.

use api::Error;
use resource::{JoinRole, Token};

/// The shortest token. It is all that keeps a stranger from joining, so it must not be found by
/// trying: eight hexadecimal digits at a thousand tries a second take a month on average.
const MIN_CHARS: usize = 8;

/// Checks a token.
pub(crate) fn prepare(token: &Token) -> Result<(), Error> {
    if token.is_masked() {
        return Err(Error::invalid("the token's name is masked, so it cannot be written")
            .hint("read it with its secrets, or choose a name without \"*\""));
    }
    if token.metadata.name.chars().count() < MIN_CHARS {
        return Err(Error::invalid(format!("a join token has at least {MIN_CHARS} characters"))
            .hint("`tctl tokens add` without --value makes a random one"));
    }
    if token.spec.roles.contains(&JoinRole::Auth) {
        return Err(Error::invalid("auth services share a store, they do not join by token"));
    }
    Ok(())
}
