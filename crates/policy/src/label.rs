//! Label selectors: which labels a role, or an agent, speaks of.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};

use resource::label::{DEV_PREFIX, INTERNAL_PREFIX};
use resource::{LabelSelector, Labels, canonical_label_key};

use crate::entries::PatternCache;
use crate::limits::MAX_SUBJECT_BYTES;
use crate::pattern::Pattern;
use crate::template::{Template, Values};

/// What is wrong with a label whose value nobody knows.
pub(crate) const NO_VALUE: &str = "the command that tells the label's value has not told one yet";

/// A compiled label selector.
///
/// ```
/// use policy::LabelMatcher;
/// use resource::{LabelSelector, Labels};
///
/// let matcher = LabelMatcher::compile(&LabelSelector::from_pairs([("env", "dev*")]));
/// let labels = Labels::from([("env".to_owned(), "dev-1".to_owned())]);
/// assert_eq!(matcher.matches(&labels), Ok(true));
/// ```
#[derive(Debug, Clone)]
pub struct LabelMatcher {
    /// `{"*": "*"}`: everything fits, whatever the other keys say.
    everything: bool,
    keys: Vec<KeyMatcher>,
}

/// A side of a role. The two treat what cannot be evaluated differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// What the role grants.
    Allow,
    /// What the role refuses.
    Deny,
}

/// What one key of a selector asks for.
#[derive(Debug, Clone)]
pub(crate) struct KeyMatcher {
    pub(crate) key: Box<str>,
    pub(crate) values: Vec<ValueMatcher>,
    /// Why the key cannot be evaluated.
    error: Option<String>,
    /// One of the values is `*`: the key must be there, and no value is looked at.
    any: bool,
}

/// One acceptable value of a key.
#[derive(Debug, Clone)]
pub(crate) struct ValueMatcher {
    /// The entry as the role has it.
    pub(crate) entry: Box<str>,
    /// The entry with its template filled in.
    pub(crate) text: Box<str>,
    pub(crate) pattern: Result<Pattern, String>,
}

/// A selector that cannot be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("label {key:?}: {message}")]
pub struct LabelError {
    /// The key concerned.
    pub key: String,
    /// What is wrong with it.
    pub message: String,
}

/// How one key of a selector fares with an app.
#[derive(Debug, Clone)]
pub(crate) struct KeyFinding<'a> {
    pub(crate) key: &'a str,
    /// The value of the app's label, when it has one.
    pub(crate) found: Option<&'a str>,
    pub(crate) outcome: KeyOutcome<'a>,
}

#[derive(Debug, Clone)]
pub(crate) enum KeyOutcome<'a> {
    /// The key must be there, and is.
    AnyValue,
    Value(&'a ValueMatcher),
    NoValue,
    Absent,
    Error(String),
}

// === impl LabelMatcher ===

impl LabelMatcher {
    /// Compiles a selector as agents have them, without templates.
    #[must_use]
    pub fn compile(selector: &LabelSelector) -> Self {
        let mut cache = PatternCache::default();
        let keys = selector
            .0
            .iter()
            .map(|(key, values)| {
                let values = values
                    .iter()
                    .map(|value| ValueMatcher::new(value, value, &mut cache))
                    .collect();
                KeyMatcher::new(key, values, None)
            })
            .collect();
        Self::of(keys)
    }

    /// Compiles a selector of a role for one user.
    pub(crate) fn expand(
        selector: &LabelSelector,
        side: Side,
        values: Values<'_>,
        cache: &mut PatternCache,
    ) -> Self {
        let mut keys: Vec<KeyMatcher> = Vec::with_capacity(selector.0.len());
        for (key, entries) in &selector.0 {
            let mut matchers: Vec<ValueMatcher> = Vec::with_capacity(entries.len());
            let mut seen = HashSet::new();
            for entry in entries {
                let new = ValueMatcher::expand(entry, side, values, cache);
                matchers.extend(new.into_iter().filter(|matcher| seen.insert(matcher.identity())));
                if cache.is_full() {
                    // The last of them is an error, behind which nothing is reached.
                    matchers.push(ValueMatcher::new(entry, entry, cache));
                    break;
                }
            }
            let (key, error) = expand_key(key, side, values, cache);
            // Two keys may become one. Each then has to hold; of a deny, each alone is enough.
            match keys.iter_mut().find(|known| *known.key == *key) {
                Some(known) if side == Side::Deny => {
                    known.any |= matchers.iter().any(ValueMatcher::is_wildcard);
                    known.values.extend(matchers);
                }
                _ => keys.push(KeyMatcher::new(&key, matchers, error)),
            }
        }
        Self::of(keys)
    }

    fn of(keys: Vec<KeyMatcher>) -> Self {
        let everything = keys
            .iter()
            .any(|key| &*key.key == "*" && key.values.len() == 1 && key.any && key.error.is_none());
        Self { everything, keys }
    }

    /// Whether `labels`, under canonical keys, satisfy every key of the selector.
    ///
    /// # Errors
    ///
    /// When a pattern that does not compile is reached before one that decides.
    pub fn matches(&self, labels: &Labels) -> Result<bool, LabelError> {
        self.matches_with(labels, &BTreeSet::new(), Side::Allow)
    }

    /// The same, where some labels have no values yet. An allow does not hold by one of them; whether a
    /// deny holds that turns on one cannot be told.
    pub(crate) fn matches_with(
        &self,
        labels: &Labels,
        unknown: &BTreeSet<String>,
        side: Side,
    ) -> Result<bool, LabelError> {
        if self.everything {
            return Ok(true);
        }
        let error = |key: &str, message: String| LabelError { key: key.to_owned(), message };
        if let Some((key, message)) = self.broken_key() {
            return Err(error(key, message.to_owned()));
        }
        let mut open = None;
        for key in &self.keys {
            if unknown.contains(&*key.key) {
                // Whether it would be reached depends on the value.
                if let Some(message) = key.broken_value() {
                    return Err(error(&key.key, message.to_owned()));
                }
                open = Some(&key.key);
                continue;
            }
            match key.judge(labels).outcome {
                KeyOutcome::AnyValue | KeyOutcome::Value(_) => {}
                KeyOutcome::NoValue | KeyOutcome::Absent => return Ok(false),
                KeyOutcome::Error(message) => return Err(error(&key.key, message)),
            }
        }
        match open {
            Some(_) if side == Side::Allow => Ok(false),
            Some(key) => Err(error(key, NO_VALUE.to_owned())),
            None => Ok(!self.keys.is_empty()),
        }
    }

    /// True for the selector that every app fits.
    pub(crate) fn is_everything(&self) -> bool {
        self.everything
    }

    fn broken_key(&self) -> Option<(&str, &str)> {
        self.keys.iter().find_map(|key| key.error.as_deref().map(|error| (&*key.key, error)))
    }

    /// How each key fares, up to the one that decides.
    pub(crate) fn findings<'a>(
        &'a self,
        labels: &'a Labels,
        unknown: &BTreeSet<String>,
    ) -> Vec<KeyFinding<'a>> {
        if let Some((key, message)) = self.broken_key() {
            let outcome = KeyOutcome::Error(message.to_owned());
            return vec![KeyFinding { key, found: None, outcome }];
        }
        let mut findings = Vec::with_capacity(self.keys.len());
        let (open, known): (Vec<_>, Vec<_>) =
            self.keys.iter().partition(|key| unknown.contains(&*key.key));
        for key in known {
            let finding = key.judge(labels);
            let holds = matches!(finding.outcome, KeyOutcome::AnyValue | KeyOutcome::Value(_));
            findings.push(finding);
            if !holds {
                return findings;
            }
        }
        findings.extend(open.first().map(|key| KeyFinding {
            key: &key.key,
            found: None,
            outcome: KeyOutcome::Error(NO_VALUE.to_owned()),
        }));
        findings
    }
}

// === impl KeyMatcher ===

impl KeyMatcher {
    fn new(key: &str, values: Vec<ValueMatcher>, error: Option<String>) -> Self {
        let any = values.iter().any(ValueMatcher::is_wildcard);
        Self { key: canonical_label_key(key).into(), values, error, any }
    }

    fn judge<'a>(&'a self, labels: &'a Labels) -> KeyFinding<'a> {
        let found = labels.get(&*self.key).map(String::as_str);
        let outcome = match found {
            None => KeyOutcome::Absent,
            Some(_) if self.any => KeyOutcome::AnyValue,
            Some(found) if found.len() > MAX_SUBJECT_BYTES => KeyOutcome::Error(format!(
                "the value has {} bytes, at most {MAX_SUBJECT_BYTES} are looked at",
                found.len()
            )),
            Some(found) => self.outcome(found),
        };
        KeyFinding { key: &self.key, found, outcome }
    }

    /// Why one of the values cannot be evaluated.
    fn broken_value(&self) -> Option<&str> {
        self.values.iter().find_map(|value| value.pattern.as_ref().err().map(String::as_str))
    }

    /// The first value that fits or cannot be evaluated decides.
    fn outcome(&self, found: &str) -> KeyOutcome<'_> {
        for value in &self.values {
            match &value.pattern {
                Ok(pattern) if pattern.is_match(found) => return KeyOutcome::Value(value),
                Ok(_) => {}
                Err(message) => return KeyOutcome::Error(message.clone()),
            }
        }
        KeyOutcome::NoValue
    }
}

// === impl ValueMatcher ===

impl ValueMatcher {
    fn new(entry: &str, text: &str, cache: &mut PatternCache) -> Self {
        Self { entry: entry.into(), text: text.into(), pattern: cache.compile(text) }
    }

    fn expand(entry: &str, side: Side, values: Values<'_>, cache: &mut PatternCache) -> Vec<Self> {
        let expanded = Template::parse_within(entry, &cache.budget)
            .and_then(|template| template.expand_within(values, &cache.budget));
        match expanded {
            Ok(texts) => texts.iter().map(|text| Self::new(entry, text, cache)).collect(),
            Err(error) if side == Side::Deny && !error.is_not_found() => {
                let message = format!("the entry {entry:?} cannot be evaluated: {error}");
                vec![Self { entry: entry.into(), text: entry.into(), pattern: Err(message) }]
            }
            Err(_) => vec![Self::new(entry, "", cache)],
        }
    }

    /// Values of which one is enough.
    fn identity(&self) -> (Box<str>, bool) {
        (self.text.clone(), self.pattern.is_ok())
    }

    fn is_wildcard(&self) -> bool {
        &*self.text == "*" && self.pattern.is_ok()
    }
}

/// A key's template is replaced by its first value. What cannot be expanded is the empty key; of a deny,
/// what cannot be evaluated at all is an error.
fn expand_key<'a>(
    key: &'a str,
    side: Side,
    values: Values<'_>,
    cache: &PatternCache,
) -> (Cow<'a, str>, Option<String>) {
    let expanded = Template::parse_within(key, &cache.budget)
        .and_then(|template| template.expand_within(values, &cache.budget));
    match expanded {
        Ok(texts) => (texts.into_iter().next().map_or(Cow::Borrowed(""), Cow::Owned), None),
        Err(error) if side == Side::Deny && !error.is_not_found() => {
            (Cow::Borrowed(key), Some(format!("the key cannot be evaluated: {error}")))
        }
        Err(_) => (Cow::Borrowed(""), None),
    }
}

/// Every spelling of a canonical key.
pub(crate) fn spellings(key: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let other = [(INTERNAL_PREFIX, "teleport.internal/"), (DEV_PREFIX, "teleport.dev/")]
        .into_iter()
        .find_map(|(canonical, spelling)| {
            key.strip_prefix(canonical).map(|rest| Cow::Owned(format!("{spelling}{rest}")))
        });
    std::iter::once(Cow::Borrowed(key)).chain(other)
}

/// The same labels under canonical keys.
pub(crate) fn canonical(labels: &Labels) -> Labels {
    labels
        .iter()
        .map(|(key, value)| (canonical_label_key(key).into_owned(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests;
