//! What people are told of providers that say no, or what is not to be believed.

use api::Error;
use resource::plain;

/// The longest text of a provider that is repeated.
const MAX_WORDS: usize = 300;

/// The provider, or the person at it, said no.
pub(super) fn declined(error: &str, description: Option<&str>) -> Error {
    let words = match description {
        Some(words) if !words.is_empty() => format!("{} ({})", short(words), short(error)),
        _ => short(error),
    };
    Error::denied(format!("the identity provider did not sign you in: {words}")).because(words)
}

/// What the provider says is not to be believed.
pub(super) fn refused(why: &str) -> Error {
    Error::denied("the identity provider's answer is not accepted")
        .hint("try again, or ask your administrator: the audit log says why")
        .because(why)
}

/// Words of somebody else: short, and of one line.
pub(super) fn short(text: &str) -> String {
    plain::one_line(text).chars().take(MAX_WORDS).collect()
}

#[cfg(test)]
mod tests;
