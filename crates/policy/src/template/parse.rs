//! Reading templates.

use std::sync::Arc;

use super::{Template, TemplateError, TraitName, Value};
use crate::golang::{Expr, Node};
use crate::limits::MAX_TEMPLATE_BYTES;
use crate::regex::Regex;
use crate::syntax::{SyntaxError, nearest};

const FUNCTIONS: [&str; 2] = ["email.local", "regexp.replace"];

/// Functions of other languages, with where they belong.
const ELSEWHERE: [&str; 4] = ["regexp.match", "regexp.not_match", "strings.lower", "strings.upper"];

// === impl Template ===

impl Template {
    /// Parses `text`.
    ///
    /// # Errors
    ///
    /// When it uses template brackets and is not one template.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        if text.len() > MAX_TEMPLATE_BYTES {
            let found = text.len();
            let message =
                format!("the entry has {found} bytes, at most {MAX_TEMPLATE_BYTES} are allowed");
            return Err(TemplateError::Syntax(SyntaxError::new(message, 0, 0)));
        }
        let Some((prefix, expression, suffix)) = shape(text)? else {
            return Ok(Self {
                prefix: Box::default(),
                value: Value::Constant(text.into()),
                suffix: Box::default(),
            });
        };
        let offset = prefix.len() + "{{".len();
        let tree = crate::golang::parse(expression)
            .map_err(|error| TemplateError::Syntax(error.shifted(offset)))?;
        let value = value(&tree).map_err(|error| match error {
            TemplateError::Syntax(error) => TemplateError::Syntax(error.shifted(offset)),
            TemplateError::BadParameter(error) => {
                TemplateError::BadParameter(error.shifted(offset))
            }
            other => other,
        })?;
        Ok(Self { prefix: prefix.trim_start().into(), value, suffix: suffix.trim_end().into() })
    }
}

/// The parts of a template around its braces; `None` for plain text.
fn shape(text: &str) -> Result<Option<(&str, &str, &str)>, TemplateError> {
    if !text.contains("{{") && !text.contains("}}") {
        return Ok(None);
    }
    let brace = ['{', '}'];
    let parts = text.split_once("{{").and_then(|(prefix, rest)| {
        let (expression, suffix) = rest.split_once("}}")?;
        let plain = [prefix, expression, suffix].into_iter().all(|part| !part.contains(brace));
        plain.then_some((prefix, expression, suffix))
    });
    match parts {
        Some(parts) => Ok(Some(parts)),
        None => {
            let at = text.find("{{").or_else(|| text.find("}}")).unwrap_or_default();
            let error = SyntaxError::new(
                "the value uses template brackets `{{` or `}}`, but is not one template",
                at,
                text.len() - at,
            );
            Err(TemplateError::Syntax(error.with_help(
                "an entry holds at most one {{expression}}, with no other braces next to it",
            )))
        }
    }
}

fn syntax<T>(error: SyntaxError) -> Result<T, TemplateError> {
    Err(TemplateError::Syntax(error))
}

fn value(expr: &Expr) -> Result<Value, TemplateError> {
    match &expr.node {
        Node::Text(text) => Ok(Value::Constant(text.as_str().into())),
        Node::Name(name) => syntax(
            expr.error(format!("`{name}` has no namespace"))
                .with_help(format!("a trait is written external.{name}")),
        ),
        Node::Select(..) => variable(expr),
        Node::Index(base, key) => {
            let (Node::Name(namespace), Node::Text(name)) = (&base.node, &key.node) else {
                return syntax(expr.error("expected namespace[\"name\"]"));
            };
            Ok(trait_value(namespace, name))
        }
        Node::Call(function, arguments) => call(expr, function, arguments),
        Node::Number(_) | Node::Not(_) | Node::And(_) | Node::Or(_) | Node::Compare(..) => {
            syntax(expr.error("expected a trait, a string or a function call"))
        }
    }
}

fn variable(expr: &Expr) -> Result<Value, TemplateError> {
    match expr.path().as_deref() {
        Some([namespace, name]) => Ok(trait_value(namespace, name)),
        Some(["user", "metadata", "name"]) => Ok(Value::UserName),
        Some(_) => syntax(
            expr.error("a variable has two parts: namespace.name")
                .with_help("a name with dots is written external[\"a.b\"]"),
        ),
        None => syntax(expr.error("expected namespace.name")),
    }
}

/// Every namespace but `internal` reads any trait.
fn trait_value(namespace: &str, name: &str) -> Value {
    Value::Trait(TraitName { internal: namespace == "internal", name: name.into() })
}

fn call(expr: &Expr, function: &Expr, arguments: &[Expr]) -> Result<Value, TemplateError> {
    let name = function.path().unwrap_or_default().join(".");
    match (name.as_str(), arguments) {
        ("email.local", [input]) => Ok(Value::EmailLocal(Box::new(value(input)?))),
        ("regexp.replace", [input, pattern, replacement]) => {
            let input = Box::new(value(input)?);
            let source = constant(pattern)?;
            let replacement = constant(replacement)?.into();
            let regex = Regex::compile_with_groups(source).map_err(|error| {
                // Escapes in the literal make offsets into the regex useless: point at the literal.
                let message = format!("the regex {source:?} does not compile: {error}");
                TemplateError::BadParameter(
                    pattern.error(message).with_optional_help(error.help().map(str::to_owned)),
                )
            })?;
            Ok(Value::Replace { input, regex: Arc::new(regex), replacement })
        }
        ("email.local", _) => syntax(arity(expr, "email.local", 1, arguments)),
        ("regexp.replace", _) => syntax(arity(expr, "regexp.replace", 3, arguments)),
        (name, _) if ELSEWHERE.contains(&name) => {
            syntax(function.error(format!("{name} cannot be used in a template")))
        }
        (name, _) => {
            let help = nearest(name, FUNCTIONS).map_or_else(
                || format!("the functions are {}", FUNCTIONS.join(" and ")),
                |near| format!("did you mean {near}?"),
            );
            syntax(function.error(format!("unsupported function: {name}")).with_help(help))
        }
    }
}

fn arity(expr: &Expr, name: &str, wanted: usize, arguments: &[Expr]) -> SyntaxError {
    let plural = if wanted == 1 { "" } else { "s" };
    let given = arguments.len();
    expr.error(format!("function ({name}) accepts {wanted} argument{plural}, given {given}"))
}

fn constant(expr: &Expr) -> Result<&str, TemplateError> {
    match &expr.node {
        Node::Text(text) => Ok(text),
        _ => syntax(expr.error("expected a constant string")),
    }
}
