//! Passwords that are long enough and still among the first that anybody tries.

/// Runs that are typed along a keyboard, counted or spelled.
const RUNS: &[&str] = &[
    "0123456789",
    "1234567890",
    "9876543210",
    "0987654321",
    "abcdefghijklmnopqrstuvwxyz",
    "zyxwvutsrqponmlkjihgfedcba",
    "qwertyuiop",
    "qwertyuiopasdfghjklzxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn",
    "1q2w3e4r5t6y7u8i9o0p",
    "asdfghjkl",
    "zxcvbnm",
    "azertyuiop",
    "qwertzuiop",
];

/// Words that head every list of leaked passwords, alone, doubled or with something simple behind.
const WORDS: &[&str] = &[
    "password",
    "passw0rd",
    "p@ssword",
    "p@ssw0rd",
    "pa$$word",
    "passwort",
    "motdepasse",
    "contraseña",
    "letmein",
    "letmeinnow",
    "welcome",
    "changeme",
    "changemenow",
    "administrator",
    "administration",
    "admin",
    "iloveyou",
    "monkey",
    "dragon",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "superman",
    "batman",
    "trustno1",
    "master",
    "shadow",
    "starwars",
    "whatever",
    "computer",
    "internet",
    "secret",
    "default",
    "qwerty",
    "qwertyuiop",
    "abc123",
    "abcd1234",
    "1q2w3e4r",
    "1qaz2wsx",
    "test",
    "testing",
    "tessera",
    "teleport",
    "summer",
    "winter",
    "spring",
    "autumn",
    "correcthorsebatterystaple",
];

/// Whether a password, in lower case, is one of those.
pub(super) fn is_common(password: &str) -> bool {
    let mut chars = password.chars();
    let Some(first) = chars.next() else { return true };
    chars.all(|c| c == first)
        || RUNS.iter().any(|run| super::is_repetition(password, run))
        || has_short_period(password)
        || is_decorated_word(password)
}

/// One to four characters over and over.
fn has_short_period(password: &str) -> bool {
    (1..=4).any(|period| {
        let part: String = password.chars().take(period).collect();
        super::is_repetition(password, &part)
    })
}

/// A common word, perhaps twice, with nothing else but up to eight digits and marks around it.
fn is_decorated_word(password: &str) -> bool {
    let is_decoration = |rest: &str| {
        rest.chars().count() <= 8
            && rest.chars().all(|c| c.is_ascii_digit() || c.is_ascii_punctuation())
            || RUNS.iter().any(|run| run.starts_with(rest) && rest.len() >= 3)
    };
    WORDS.iter().any(|word| {
        let Some((before, after)) = password.split_once(word) else { return false };
        let after = after.strip_prefix(word).unwrap_or(after);
        is_decoration(before) && is_decoration(after)
    })
}
