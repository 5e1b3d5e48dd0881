//! What is refused when a role is written: templates, patterns, expressions and clauses that do not parse.
//!
//! Roles that are already stored may hold all of these; what each then means is decided where it is
//! evaluated. The structure of a role is checked where it is parsed, in the `resource` crate.

use std::fmt;

use resource::role::Conditions;
use resource::{LabelSelector, Role, Rule};

use crate::clause::{Clause, check_action};
use crate::entries::{Kind, PATTERNS_FULL};
use crate::expression::LabelExpression;
use crate::label::Side;
use crate::limits::MAX_PATTERNS_BYTES;
use crate::pattern::Pattern;
use crate::syntax::SyntaxError;
use crate::template::{Template, TemplateError};

/// Prefix of labels that a discovery may set; a deny that relied on them could be evaded.
const DYNAMIC_PREFIX: &str = "dynamic/";

/// A field of a role that cannot mean anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field, as `spec.allow.mcp.tools[2]`.
    pub path: String,
    /// What is wrong with it.
    pub message: String,
    /// The text of the field.
    pub value: String,
    /// Byte offset in `value` of what is wrong.
    pub offset: usize,
    /// Bytes concerned; zero when something is missing.
    pub length: usize,
    /// What to write instead, where that is known.
    pub help: Option<String>,
}

struct Check<'a> {
    side: Side,
    /// Memory of all patterns so far, of both sides, as `PatternCache` has it.
    pattern_bytes: &'a mut usize,
    errors: &'a mut Vec<FieldError>,
}

/// Everything in `role` that cannot mean anything, in the order of the document.
#[must_use]
pub fn validate_role(role: &Role) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let mut pattern_bytes = 0;
    for (side, conditions) in [(Side::Allow, &role.spec.allow), (Side::Deny, &role.spec.deny)] {
        let check = Check { side, pattern_bytes: &mut pattern_bytes, errors: &mut errors };
        check.conditions(conditions);
    }
    errors
}

// === impl Check ===

impl Check<'_> {
    fn name(&self) -> &'static str {
        match self.side {
            Side::Allow => "allow",
            Side::Deny => "deny",
        }
    }

    fn add(&mut self, path: &str, context: &str, value: &str, error: &SyntaxError) {
        let side = self.name();
        self.errors.push(FieldError {
            path: format!("spec.{side}.{path}"),
            message: format!("parsing {side}.{context}: {error}"),
            value: value.to_owned(),
            offset: error.offset(),
            length: error.length(),
            help: error.help().map(str::to_owned),
        });
    }

    fn conditions(mut self, conditions: &Conditions) {
        if let Some(selector) = &conditions.app_labels {
            self.selector(selector);
        }
        if let Some(text) = conditions.app_labels_expression.as_deref().filter(|t| !t.is_empty()) {
            self.expression(text);
        }
        let mcp = &conditions.mcp;
        for (kind, list) in Kind::ALL.into_iter().zip([&mcp.tools, &mcp.prompts, &mcp.resources]) {
            for (index, entry) in list.iter().flatten().enumerate() {
                let path = format!("mcp.{}[{index}]", kind.field());
                self.entry(&path, &path, entry);
            }
        }
        for (index, rule) in conditions.rules.iter().enumerate() {
            self.rule(index, rule);
        }
    }

    fn selector(&mut self, selector: &LabelSelector) {
        for (key, values) in &selector.0 {
            let path = child("app_labels", key);
            if let Err(error) = Template::parse(key) {
                self.template(&path, "app_labels template expression", key, &error);
            }
            if self.side == Side::Deny && key.starts_with(DYNAMIC_PREFIX) {
                let error =
                    SyntaxError::new("labels that a discovery sets cannot deny", 0, key.len())
                        .with_help("deny by a label that is set by hand");
                self.add(&path, "app_labels", key, &error);
            }
            for (index, value) in values.iter().enumerate() {
                let path = format!("{path}[{index}]");
                self.entry(&path, "app_labels template expression", value);
            }
        }
    }

    /// An entry of a list or selector: a template, or a pattern.
    fn entry(&mut self, path: &str, context: &str, entry: &str) {
        if self.is_full() {
            // No user of the role could have it.
            let message = format!("the entry is one too many: {PATTERNS_FULL}");
            return self.add(path, context, entry, &SyntaxError::new(message, 0, entry.len()));
        }
        match Template::parse(entry) {
            Err(error) => self.template(path, context, entry, &error),
            Ok(template) => match template.as_pattern() {
                Some(Err(error)) => {
                    self.add(path, context, entry, &error.in_context("the regex does not compile"));
                }
                Some(Ok(pattern)) => {
                    self.keep(Pattern::KEPT_BYTES + entry.len() + pattern.program_bytes());
                }
                None => self.keep(template.program_bytes()),
            },
        }
    }

    fn is_full(&self) -> bool {
        *self.pattern_bytes > MAX_PATTERNS_BYTES
    }

    fn keep(&mut self, bytes: usize) {
        *self.pattern_bytes = self.pattern_bytes.saturating_add(bytes);
    }

    fn template(&mut self, path: &str, context: &str, entry: &str, error: &TemplateError) {
        match error {
            TemplateError::Syntax(error) | TemplateError::BadParameter(error) => {
                self.add(path, context, entry, error);
            }
            // What depends on the user is no matter of the role.
            TemplateError::BadValue(_) | TemplateError::NotFound(_) => {}
        }
    }

    fn expression(&mut self, text: &str) {
        let field = "app_labels_expression";
        if self.is_full() {
            let message = format!("the expression has no room for its patterns: {PATTERNS_FULL}");
            return self.add(field, field, text, &SyntaxError::new(message, 0, text.len()));
        }
        match LabelExpression::parse(text) {
            Err(error) => self.add(field, field, text, &error),
            Ok(expression) => {
                self.keep(expression.program_bytes());
                for error in expression.broken_patterns() {
                    self.add(field, field, text, error);
                }
            }
        }
    }

    fn rule(&mut self, index: usize, rule: &Rule) {
        let context = format!("rules[{index}]");
        if let Some(text) = rule.where_clause.as_deref().filter(|text| !text.is_empty())
            && let Err(error) = Clause::parse(text)
        {
            let error = error.in_context("could not parse 'where' rule");
            self.add(&format!("{context}.where"), &context, text, &error);
        }
        for (at, action) in rule.actions.iter().enumerate() {
            if let Err(error) = check_action(action) {
                let error = error.in_context("could not parse action");
                self.add(&format!("{context}.actions[{at}]"), &context, action, &error);
            }
        }
    }
}

// === impl FieldError ===

impl FieldError {
    /// Path and message, the line of the value concerned with a caret, and the help.
    #[must_use]
    pub fn show(&self) -> String {
        let message = format!("{}: {}", self.path, self.message);
        SyntaxError::new(message, self.offset, self.length)
            .with_optional_help(self.help.clone())
            .show(&self.value)
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

impl std::error::Error for FieldError {}

/// The path of a key in a map: bare where the key is a plain word, quoted in brackets elsewhere.
fn child(map: &str, key: &str) -> String {
    let plain = !key.is_empty()
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if plain {
        format!("{map}.{key}")
    } else {
        format!("{map}[\"{}\"]", key.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

#[cfg(test)]
mod tests;
