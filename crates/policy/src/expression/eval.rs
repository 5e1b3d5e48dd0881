//! Evaluating label expressions.

use std::borrow::Cow;

use resource::canonical_label_key;

use super::{BoolExpr, Context, EvalError, ListExpr, PatternArg, RegexArg, StrExpr};
use crate::golang::Comparison;
use crate::label::spellings;
use crate::limits::{MAX_TEMPLATE_VALUES, MAX_VALUE_BYTES};
use crate::pattern::Pattern;
use crate::regex::{Regex, TooLong};

type Text<'a> = Cow<'a, str>;

// === impl BoolExpr ===

impl BoolExpr {
    pub(super) fn eval(&self, context: Context<'_>) -> Result<bool, EvalError> {
        match self {
            Self::Constant(value) => Ok(*value),
            Self::All(parts) => {
                for part in parts {
                    if !part.eval(context)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Any(parts) => {
                for part in parts {
                    if part.eval(context)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Not(inner) => inner.eval(context).map(|value| !value),
            Self::Compare(comparison, left, right) => {
                let equal = left.eval(context)? == right.eval(context)?;
                Ok(equal == (*comparison == Comparison::Equal))
            }
            Self::Contains(items, item) => {
                let items = items.eval(context)?;
                let item = item.eval(context)?;
                Ok(items.contains(&item))
            }
            Self::ContainsAny(items, wanted) => {
                let items = items.eval(context)?;
                let wanted = wanted.eval(context)?;
                Ok(wanted.iter().any(|item| items.contains(item)))
            }
            Self::ContainsAll(items, wanted) => {
                let items = items.eval(context)?;
                let wanted = wanted.eval(context)?;
                // Nothing wanted is no reason to grant anything.
                Ok(!wanted.is_empty() && wanted.iter().all(|item| items.contains(item)))
            }
            Self::Match(items, pattern) => {
                let items = items.eval(context)?;
                pattern.with(context, |pattern| items.iter().any(|item| pattern.is_match(item)))
            }
        }
    }
}

// === impl StrExpr ===

impl StrExpr {
    fn eval<'a>(&'a self, context: Context<'a>) -> Result<Text<'a>, EvalError> {
        match self {
            Self::Constant(text) => Ok(Cow::Borrowed(text)),
            Self::Label(key) => {
                let key = key.eval(context)?;
                let value = context.labels.get(&*canonical_label_key(&key));
                Ok(Cow::Borrowed(value.map_or("", String::as_str)))
            }
            Self::UserName if context.user.is_empty() => {
                Err(EvalError("user.metadata.name is empty".to_owned()))
            }
            Self::UserName => Ok(Cow::Borrowed(context.user)),
        }
    }
}

// === impl ListExpr ===

impl ListExpr {
    fn eval<'a>(&'a self, context: Context<'a>) -> Result<Vec<Text<'a>>, EvalError> {
        match self {
            Self::Set(members) => members.iter().map(|member| member.eval(context)).collect(),
            Self::Trait(name) => {
                let name = name.eval(context)?;
                let values = context.traits.get(&*name).map(Vec::as_slice).unwrap_or_default();
                if values.len() > MAX_TEMPLATE_VALUES
                    || values.iter().any(|value| value.len() > MAX_VALUE_BYTES)
                {
                    return Err(EvalError(format!(
                        "the trait {name:?} has more than {MAX_TEMPLATE_VALUES} values, or one of more \
                         than {MAX_VALUE_BYTES} bytes"
                    )));
                }
                Ok(values.iter().map(|value| Cow::Borrowed(value.as_str())).collect())
            }
            Self::EmailLocal(items) => {
                items.eval(context)?.iter().map(|address| email_local(address)).collect()
            }
            Self::Upper(items) => Ok(mapped(&items.eval(context)?, upper)),
            Self::Lower(items) => Ok(mapped(&items.eval(context)?, lower)),
            Self::Replace(items, regex, replacement) => {
                let items = items.eval(context)?;
                let replacement = replacement.eval(context)?;
                regex.with(context, |regex| replace(regex, &items, &replacement))?
            }
            Self::LabelsMatching(pattern) => pattern.with(context, |pattern| {
                context
                    .labels
                    .iter()
                    .filter(|(key, _)| spellings(key).any(|key| pattern.is_match(&key)))
                    .map(|(_, value)| Cow::Borrowed(value.as_str()))
                    .collect()
            }),
        }
    }
}

// === impl PatternArg ===

impl PatternArg {
    fn with<T>(
        &self,
        context: Context<'_>,
        then: impl FnOnce(&Pattern) -> T,
    ) -> Result<T, EvalError> {
        match self {
            Self::Constant(Ok(pattern)) => Ok(then(pattern)),
            Self::Constant(Err(error)) => {
                Err(EvalError(format!("a pattern does not compile: {error}")))
            }
            Self::Dynamic(text) => {
                let text = text.eval(context)?;
                let pattern = Pattern::compile(&text).map_err(|error| broken(&text, &error))?;
                Ok(then(&pattern))
            }
        }
    }
}

// === impl RegexArg ===

impl RegexArg {
    fn with<T>(
        &self,
        context: Context<'_>,
        then: impl FnOnce(&Regex) -> T,
    ) -> Result<T, EvalError> {
        match self {
            Self::Constant(Ok(regex)) => Ok(then(regex)),
            Self::Constant(Err(error)) => {
                Err(EvalError(format!("a regex does not compile: {error}")))
            }
            Self::Dynamic(text) => {
                let text = text.eval(context)?;
                let regex =
                    Regex::compile_with_groups(&text).map_err(|error| broken(&text, &error))?;
                Ok(then(&regex))
            }
        }
    }
}

fn broken(text: &str, error: &crate::syntax::SyntaxError) -> EvalError {
    EvalError(format!("the pattern {text:?} does not compile: {error}"))
}

fn replace<'a>(
    regex: &Regex,
    items: &[Text<'a>],
    replacement: &str,
) -> Result<Vec<Text<'a>>, EvalError> {
    items
        .iter()
        .filter(|item| regex.is_match(item))
        .map(|item| {
            regex.replace_all(item, replacement).map(Cow::Owned).map_err(|TooLong| {
                EvalError(format!("a replaced value has more than {MAX_VALUE_BYTES} bytes"))
            })
        })
        .collect()
}

fn email_local<'a>(address: &str) -> Result<Text<'a>, EvalError> {
    crate::email::local_part(address).map(Cow::Owned).map_err(|problem| {
        EvalError(format!("failed to parse the email address {address:?}: {problem}"))
    })
}

fn mapped<'a>(items: &[Text<'_>], change: fn(char) -> char) -> Vec<Text<'a>> {
    items.iter().map(|item| Cow::Owned(item.chars().map(change).collect())).collect()
}

/// The simple upper case of a character, which is always one character.
fn upper(c: char) -> char {
    match c {
        // Greek letters with iota subscript keep it; their full mapping would write the iota out.
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => {
            char::from_u32(u32::from(c) + 8).unwrap_or(c)
        }
        '\u{1fb3}' => '\u{1fbc}',
        '\u{1fc3}' => '\u{1fcc}',
        '\u{1ff3}' => '\u{1ffc}',
        c => single(c.to_uppercase()).unwrap_or(c),
    }
}

/// The simple lower case of a character, which is always one character.
fn lower(c: char) -> char {
    match c {
        // Its full mapping is an i with a combining dot.
        '\u{130}' => 'i',
        c => single(c.to_lowercase()).unwrap_or(c),
    }
}

fn single(mut chars: impl Iterator<Item = char>) -> Option<char> {
    let first = chars.next()?;
    chars.next().is_none().then_some(first)
}
