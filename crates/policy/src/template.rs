//! Templates: text with one `{{…}}` that stands for values of the user's traits.

mod eval;
mod parse;

use std::sync::Arc;

use resource::Traits;
use thiserror::Error;

use crate::pattern::Pattern;
use crate::regex::Regex;
use crate::syntax::SyntaxError;

/// A parsed entry: plain text, or a template.
///
/// ```
/// use policy::{Template, TemplateValues};
/// use resource::Traits;
///
/// let template = Template::parse("team-{{external.team}}").unwrap();
/// let traits = Traits::from([("team".into(), vec!["a".into(), "b".into()])]);
/// assert_eq!(template.expand(TemplateValues::new("alice", &traits)).unwrap(), ["team-a", "team-b"]);
/// ```
#[derive(Debug, Clone)]
pub struct Template {
    prefix: Box<str>,
    value: Value,
    suffix: Box<str>,
}

#[derive(Debug, Clone)]
enum Value {
    Constant(Box<str>),
    Trait(TraitName),
    /// The login name of the user.
    UserName,
    EmailLocal(Box<Value>),
    Replace {
        input: Box<Value>,
        regex: Arc<Regex>,
        replacement: Box<str>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct TraitName {
    internal: bool,
    name: Box<str>,
}

/// Whose values templates are filled with.
#[derive(Debug, Clone, Copy)]
pub struct Values<'a> {
    /// Login name.
    pub user: &'a str,
    /// Traits by name.
    pub traits: &'a Traits,
    /// Tool patterns granted by the cluster that the user comes from; they join the trait `mcp_tools`.
    pub root_tools: &'a [String],
}

/// Why an entry gives no values.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// The text is not a template that exists.
    #[error("{0}")]
    Syntax(SyntaxError),
    /// A regex in the template does not compile, or the template asks for what cannot be had.
    #[error("{0}")]
    BadParameter(SyntaxError),
    /// A value of the user cannot be used.
    #[error("{0}")]
    BadValue(String),
    /// The user has no such trait, or nothing is left of it.
    #[error("{0}")]
    NotFound(String),
}

// === impl Template ===

impl Template {
    /// The trait whose values the entry stands for.
    #[must_use]
    pub fn trait_name(&self) -> Option<&str> {
        self.value.trait_name().map(|name| &*name.name)
    }

    /// Whether it stands for something of a user's: a trait, or the name.
    #[must_use]
    pub fn is_of_user(&self) -> bool {
        self.value.is_of_user()
    }

    /// Whether the entry stands for `{{internal.mcp_tools}}`, which at a leaf cluster holds tools granted
    /// by the root.
    pub(crate) fn reads_root_tools(&self) -> bool {
        self.value.trait_name().is_some_and(TraitName::is_root_tools)
    }

    /// Memory that the programs in it take.
    pub(crate) fn program_bytes(&self) -> usize {
        self.value.program_bytes()
    }

    /// Compiles an entry without a template as the pattern it is.
    pub(crate) fn as_pattern(&self) -> Option<Result<Pattern, SyntaxError>> {
        match &self.value {
            Value::Constant(text) if self.prefix.is_empty() && self.suffix.is_empty() => {
                Some(Pattern::compile(text))
            }
            _ => None,
        }
    }
}

// === impl Values ===

impl<'a> Values<'a> {
    /// The values of a local user.
    #[must_use]
    pub fn new(user: &'a str, traits: &'a Traits) -> Self {
        Self { user, traits, root_tools: &[] }
    }
}

// === impl Value ===

impl Value {
    fn trait_name(&self) -> Option<&TraitName> {
        match self {
            Self::Constant(_) | Self::UserName => None,
            Self::Trait(name) => Some(name),
            Self::EmailLocal(input) | Self::Replace { input, .. } => input.trait_name(),
        }
    }

    fn is_of_user(&self) -> bool {
        match self {
            Self::Constant(_) => false,
            Self::UserName | Self::Trait(_) => true,
            Self::EmailLocal(input) | Self::Replace { input, .. } => input.is_of_user(),
        }
    }

    fn program_bytes(&self) -> usize {
        match self {
            Self::Constant(_) | Self::Trait(_) | Self::UserName => 0,
            Self::EmailLocal(input) => input.program_bytes(),
            Self::Replace { input, regex, .. } => {
                input.program_bytes().saturating_add(regex.program_bytes())
            }
        }
    }
}

// === impl TraitName ===

impl TraitName {
    fn is_root_tools(&self) -> bool {
        self.internal && &*self.name == "mcp_tools"
    }
}

// === impl TemplateError ===

impl TemplateError {
    /// Whether the user merely lacks the values, which is no fault of the role.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound(_))
    }
}

#[cfg(test)]
mod tests;
