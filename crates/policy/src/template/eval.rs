//! Filling templates in.

use std::borrow::Cow;

use super::{Template, TemplateError, TraitName, Value, Values};
use crate::budget::{Budget, Overspent};
use crate::limits::{MAX_TEMPLATE_VALUES, MAX_VALUE_BYTES};

/// The traits that `{{internal.…}}` may name.
const INTERNAL: [&str; 14] = [
    "logins",
    "windows_logins",
    "kubernetes_groups",
    "kubernetes_users",
    "db_names",
    "db_users",
    "db_roles",
    "aws_role_arns",
    "azure_identities",
    "gcp_service_accounts",
    "jwt",
    "github_orgs",
    "mcp_tools",
    "id_token",
];

// === impl Template ===

impl Template {
    /// The values the entry stands for: at least one, none of them empty before prefix and suffix.
    ///
    /// # Errors
    ///
    /// When the user has none, or one that a function of the template cannot use.
    pub fn expand(&self, values: Values<'_>) -> Result<Vec<String>, TemplateError> {
        self.expand_within(values, &Budget::new())
    }

    /// Parses `text` and fills it in, both as long as there is budget.
    pub(crate) fn parse_within(text: &str, budget: &Budget) -> Result<Self, TemplateError> {
        let bad = TemplateError::BadValue;
        // Plain text costs next to nothing.
        if budget.is_spent() && text.contains("{{") {
            return Err(bad(format!("the template {Overspent}")));
        }
        let template = Self::parse(text)?;
        let program_bytes = template.program_bytes();
        budget.spend(program_bytes).map_err(|error| bad(format!("the template {error}")))?;
        Ok(template)
    }

    /// As [`Template::expand`], as long as there is budget.
    pub(crate) fn expand_within(
        &self,
        values: Values<'_>,
        budget: &Budget,
    ) -> Result<Vec<String>, TemplateError> {
        let found = self.value.eval(values, budget)?;
        let bare: Vec<_> = found.into_iter().filter(|value| !value.is_empty()).collect();
        if bare.is_empty() {
            return Err(match self.trait_name() {
                Some(name) => TemplateError::NotFound(format!(
                    "the user has no value of the trait {name:?} that is left"
                )),
                None => {
                    TemplateError::NotFound("variable interpolation result is empty".to_owned())
                }
            });
        }
        let (prefix, suffix) = (&*self.prefix, &*self.suffix);
        Ok(bare.into_iter().map(|value| format!("{prefix}{value}{suffix}")).collect())
    }
}

// === impl Value ===

impl Value {
    fn eval<'a>(
        &'a self,
        values: Values<'a>,
        budget: &Budget,
    ) -> Result<Vec<Cow<'a, str>>, TemplateError> {
        match self {
            Self::Constant(text) => Ok(vec![Cow::Borrowed(text)]),
            Self::UserName => Ok(vec![Cow::Borrowed(values.user)]),
            Self::Trait(name) => name.eval(values),
            Self::EmailLocal(input) => input
                .eval(values, budget)?
                .into_iter()
                .map(|address| email_local(&address))
                .collect(),
            Self::Replace { input, regex, replacement } => input
                .eval(values, budget)?
                .into_iter()
                .filter_map(|value| regex.replace_all(&value, replacement, budget).transpose())
                .map(|replaced| {
                    replaced
                        .map(Cow::Owned)
                        .map_err(|error| TemplateError::BadValue(error.to_string()))
                })
                .collect(),
        }
    }
}

fn email_local<'a>(address: &str) -> Result<Cow<'a, str>, TemplateError> {
    if address.is_empty() {
        return Err(TemplateError::BadValue("found an empty email address".to_owned()));
    }
    crate::email::local_part(address).map(Cow::Owned).map_err(|problem| {
        TemplateError::BadValue(format!("failed to parse the email address {address:?}: {problem}"))
    })
}

// === impl TraitName ===

impl TraitName {
    fn eval<'a>(&self, values: Values<'a>) -> Result<Vec<Cow<'a, str>>, TemplateError> {
        let name = &*self.name;
        if self.internal && !INTERNAL.contains(&name) {
            return Err(TemplateError::BadValue(format!(
                "unsupported variable {name:?}: `internal` has no such name, write external.{name}"
            )));
        }
        let root: &[String] = if self.is_root_tools() { values.root_tools } else { &[] };
        let own = values.traits.get(name).map(Vec::as_slice);
        if own.is_none() && root.is_empty() {
            return Err(TemplateError::NotFound(format!("the user has no trait {name:?}")));
        }
        let found: Vec<_> = root
            .iter()
            .chain(own.unwrap_or_default())
            .map(|value| Cow::Borrowed(value.as_str()))
            .collect();
        if found.len() > MAX_TEMPLATE_VALUES {
            return Err(TemplateError::BadValue(format!(
                "the trait {name:?} has {} values, at most {MAX_TEMPLATE_VALUES} are allowed",
                found.len()
            )));
        }
        if found.iter().any(|value| value.len() > MAX_VALUE_BYTES) {
            return Err(TemplateError::BadValue(format!(
                "a value of the trait {name:?} has more than {MAX_VALUE_BYTES} bytes"
            )));
        }
        Ok(found)
    }
}
