//! Of which apps a list or a watch is to tell: an agent asks for those that it is there to serve.

use api::Error;
use policy::LabelMatcher;
use resource::node::Node;
use resource::{App, FromNode as _, LabelSelector, Resource};
use serde::Deserialize;
use serde_json::Value;

use crate::http::Call;

/// At most so many selectors may be given.
const MAX_SELECTORS: usize = 64;

/// What was asked for. Alternatives; all apps, when nothing was said.
#[derive(Debug, Default)]
pub(crate) struct Selection(Option<Vec<LabelMatcher>>);

#[derive(Deserialize)]
struct Query {
    /// Label selectors as a JSON array.
    #[serde(default)]
    apps: Option<String>,
}

// === impl Selection ===

impl Selection {
    /// What the address of a request says.
    pub(crate) fn of(call: &Call) -> Result<Self, Error> {
        let Query { apps: Some(text) } = call.query()? else { return Ok(Self(None)) };
        let refused = |why: String| Error::invalid(format!("apps: {why}"));
        let given: Vec<Value> = serde_json::from_str(&text)
            .map_err(|error| refused(format!("not a list of label selectors: {error}")))?;
        if given.len() > MAX_SELECTORS {
            let count = given.len();
            return Err(refused(format!("{count} label selectors, at most {MAX_SELECTORS}")));
        }
        let compile = |value: &Value| {
            let selector =
                resource::decode::decode(&Node::from_json(value), LabelSelector::from_node);
            let problem = |problems: resource::decode::Problems| {
                let first = problems.list.first().map(ToString::to_string);
                refused(first.unwrap_or_else(|| "not a label selector".to_owned()))
            };
            selector.map(|selector| LabelMatcher::compile(&selector)).map_err(problem)
        };
        given.iter().map(compile).collect::<Result<_, _>>().map(|all| Self(Some(all)))
    }

    /// Whether everything is told.
    pub(crate) fn is_everything(&self) -> bool {
        self.0.is_none()
    }

    /// Whether an app is told of. What commands tell of its labels does not matter, as it does not for
    /// agents, and a selector that cannot be evaluated fits nothing.
    pub(crate) fn selects(&self, app: &App) -> bool {
        let Some(matchers) = &self.0 else { return true };
        matchers.iter().any(|matcher| matcher.matches(&app.metadata.labels).unwrap_or(false))
    }

    /// The same for any resource; of other kinds everything is told.
    pub(crate) fn shows(&self, resource: &Resource) -> bool {
        match resource {
            Resource::App(app) => self.selects(app),
            _ => true,
        }
    }
}
