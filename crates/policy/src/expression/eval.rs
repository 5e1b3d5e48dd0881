//! Evaluating label expressions.

use std::borrow::Cow;

use resource::canonical_label_key;

use super::{BoolExpr, EvalError, ListExpr, PatternArg, RegexArg, Scope, StrExpr};
use crate::golang::Comparison;
use crate::label::{NO_VALUE, spellings};
use crate::limits::{MAX_TEMPLATE_VALUES, MAX_VALUE_BYTES};
use crate::pattern::Pattern;
use crate::regex::Regex;

type Text<'a> = Cow<'a, str>;

// === impl BoolExpr ===

impl BoolExpr {
    pub(super) fn eval(&self, scope: Scope<'_>) -> Result<bool, EvalError> {
        match self {
            Self::Constant(value) => Ok(*value),
            Self::All(parts) => {
                for part in parts {
                    if !part.eval(scope)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Any(parts) => {
                for part in parts {
                    if part.eval(scope)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Not(inner) => inner.eval(scope).map(|value| !value),
            Self::Compare(comparison, left, right) => {
                let equal = left.eval(scope)? == right.eval(scope)?;
                Ok(equal == (*comparison == Comparison::Equal))
            }
            Self::Contains(items, item) => {
                let items = items.eval(scope)?;
                let item = item.eval(scope)?;
                scope.budget.spend(items.len())?;
                Ok(items.contains(&item))
            }
            Self::ContainsAny(items, wanted) => {
                let items = items.eval(scope)?;
                let wanted = wanted.eval(scope)?;
                scope.budget.spend(items.len().saturating_mul(wanted.len()))?;
                Ok(wanted.iter().any(|item| items.contains(item)))
            }
            Self::ContainsAll(items, wanted) => {
                let items = items.eval(scope)?;
                let wanted = wanted.eval(scope)?;
                scope.budget.spend(items.len().saturating_mul(wanted.len()))?;
                // Nothing wanted is no reason to grant anything.
                Ok(!wanted.is_empty() && wanted.iter().all(|item| items.contains(item)))
            }
            Self::Match(items, pattern) => {
                let items = items.eval(scope)?;
                let bytes = size(&items);
                pattern.with(scope, |pattern| {
                    scope.budget.spend_search(bytes, pattern.program_bytes())?;
                    Ok(items.iter().any(|item| pattern.is_match(item)))
                })?
            }
        }
    }
}

// === impl StrExpr ===

impl StrExpr {
    fn eval<'a>(&'a self, scope: Scope<'a>) -> Result<Text<'a>, EvalError> {
        match self {
            Self::Constant(text) => Ok(Cow::Borrowed(text)),
            Self::Label(key) => {
                let key = key.eval(scope)?;
                let key = canonical_label_key(&key);
                if scope.unknown.contains(&*key) {
                    return Err(no_value(&key));
                }
                let value = scope.labels.get(&*key);
                Ok(Cow::Borrowed(value.map_or("", String::as_str)))
            }
            Self::UserName if scope.user.is_empty() => {
                Err(EvalError("user.metadata.name is empty".to_owned()))
            }
            Self::UserName => Ok(Cow::Borrowed(scope.user)),
        }
    }
}

// === impl ListExpr ===

impl ListExpr {
    fn eval<'a>(&'a self, scope: Scope<'a>) -> Result<Vec<Text<'a>>, EvalError> {
        match self {
            Self::Set(members) => members.iter().map(|member| member.eval(scope)).collect(),
            Self::Trait(name) => {
                let name = name.eval(scope)?;
                let values = scope.traits.get(&*name).map(Vec::as_slice).unwrap_or_default();
                if values.len() > MAX_TEMPLATE_VALUES
                    || values.iter().any(|value| value.len() > MAX_VALUE_BYTES)
                {
                    return Err(EvalError(format!(
                        "the trait {name:?} has more than {MAX_TEMPLATE_VALUES} values, or one of more \
                         than {MAX_VALUE_BYTES} bytes"
                    )));
                }
                scope.budget.spend(values.len())?;
                Ok(values.iter().map(|value| Cow::Borrowed(value.as_str())).collect())
            }
            Self::EmailLocal(items) => {
                let items = items.eval(scope)?;
                scope.budget.spend(size(&items))?;
                items.iter().map(|address| email_local(address)).collect()
            }
            Self::Upper(items) => mapped(&items.eval(scope)?, upper, scope),
            Self::Lower(items) => mapped(&items.eval(scope)?, lower, scope),
            Self::Replace(items, regex, replacement) => {
                let items = items.eval(scope)?;
                let replacement = replacement.eval(scope)?;
                regex.with(scope, |regex| replace(regex, &items, &replacement, scope))?
            }
            Self::LabelsMatching(pattern) => pattern.with(scope, |pattern| {
                let bytes = scope.labels.keys().chain(scope.unknown).map(String::len).sum();
                scope.budget.spend_search(bytes, pattern.program_bytes())?;
                let fits = |key: &str| spellings(key).any(|key| pattern.is_match(&key));
                if let Some(key) = scope.unknown.iter().find(|key| fits(key)) {
                    return Err(no_value(key));
                }
                Ok(scope
                    .labels
                    .iter()
                    .filter(|(key, _)| fits(key))
                    .map(|(_, value)| Cow::Borrowed(value.as_str()))
                    .collect())
            })?,
        }
    }
}

// === impl PatternArg ===

impl PatternArg {
    fn with<T>(&self, scope: Scope<'_>, then: impl FnOnce(&Pattern) -> T) -> Result<T, EvalError> {
        match self {
            Self::Constant(Ok(pattern)) => Ok(then(pattern)),
            Self::Constant(Err(error)) => {
                Err(EvalError(format!("a pattern does not compile: {error}")))
            }
            Self::Dynamic(text) => {
                let text = text.eval(scope)?;
                scope.budget.spend(text.len())?;
                let pattern = Pattern::compile(&text).map_err(|error| broken(&text, &error))?;
                scope.budget.spend(pattern.program_bytes())?;
                Ok(then(&pattern))
            }
        }
    }
}

// === impl RegexArg ===

impl RegexArg {
    fn with<T>(&self, scope: Scope<'_>, then: impl FnOnce(&Regex) -> T) -> Result<T, EvalError> {
        match self {
            Self::Constant(Ok(regex)) => Ok(then(regex)),
            Self::Constant(Err(error)) => {
                Err(EvalError(format!("a regex does not compile: {error}")))
            }
            Self::Dynamic(text) => {
                let text = text.eval(scope)?;
                scope.budget.spend(text.len())?;
                let regex =
                    Regex::compile_with_groups(&text).map_err(|error| broken(&text, &error))?;
                scope.budget.spend(regex.program_bytes())?;
                Ok(then(&regex))
            }
        }
    }
}

fn no_value(key: &str) -> EvalError {
    EvalError(format!("the label {key:?} is not known: {NO_VALUE}"))
}

fn broken(text: &str, error: &crate::syntax::SyntaxError) -> EvalError {
    EvalError(format!("the pattern {text:?} does not compile: {error}"))
}

fn replace<'a>(
    regex: &Regex,
    items: &[Text<'a>],
    replacement: &str,
    scope: Scope<'_>,
) -> Result<Vec<Text<'a>>, EvalError> {
    items
        .iter()
        .filter_map(|item| regex.replace_all(item, replacement, scope.budget).transpose())
        .map(|replaced| Ok(Cow::Owned(replaced?)))
        .collect()
}

fn email_local<'a>(address: &str) -> Result<Text<'a>, EvalError> {
    crate::email::local_part(address).map(Cow::Owned).map_err(|problem| {
        EvalError(format!("failed to parse the email address {address:?}: {problem}"))
    })
}

fn mapped<'a>(
    items: &[Text<'_>],
    change: fn(char) -> char,
    scope: Scope<'_>,
) -> Result<Vec<Text<'a>>, EvalError> {
    scope.budget.spend(size(items))?;
    Ok(items.iter().map(|item| Cow::Owned(item.chars().map(change).collect())).collect())
}

/// What it costs to look at every item.
fn size(items: &[Text<'_>]) -> usize {
    items.iter().map(|item| 1 + item.len()).sum()
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
