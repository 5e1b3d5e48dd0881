//! Why nobody serves an app, in words for its administrator.

use std::sync::Arc;

use policy::LabelMatcher;
use resource::{Agent, App, LabelSelector, Labels};

/// So many agents are spoken of one by one.
const NAMED: usize = 4;

/// What agents were told to serve, compiled once for many apps.
#[derive(Debug)]
pub(crate) struct Agents {
    agents: Vec<(Arc<Agent>, Vec<LabelMatcher>)>,
}

// === impl Agents ===

impl Agents {
    pub(crate) fn new(agents: Vec<Arc<Agent>>) -> Self {
        let compile = |agent: Arc<Agent>| {
            let matchers = agent.spec.resources.iter().map(LabelMatcher::compile).collect();
            (agent, matchers)
        };
        Self { agents: agents.into_iter().map(compile).collect() }
    }

    /// Why nobody serves an app.
    pub(crate) fn why_unserved(&self, app: &App) -> String {
        if !app.is_mcp() {
            return "it is no MCP server, and nothing else is served".to_owned();
        }
        if self.agents.is_empty() {
            return "no agent is in the cluster: start an app service".to_owned();
        }
        let labels = &app.metadata.labels;
        let fits = |matchers: &[LabelMatcher]| {
            matchers.iter().any(|matcher| matcher.matches(labels).unwrap_or(false))
        };
        if let Some((agent, _)) = self.agents.iter().find(|(_, matchers)| fits(matchers)) {
            return format!(
                "agent {:?} is to serve it and has not said so yet",
                agent.spec.hostname
            );
        }
        let named = self.agents.iter().take(NAMED).map(|(agent, _)| why_not(agent, labels));
        let mut words = named.collect::<Vec<_>>().join("; ");
        if let Some(more) = self.agents.len().checked_sub(NAMED).filter(|more| *more > 0) {
            words.push_str(&format!("; nor do the selectors of {more} more agents fit"));
        }
        format!("no agent's selectors fit its labels: {words}")
    }
}

fn why_not(agent: &Agent, labels: &Labels) -> String {
    let host = &agent.spec.hostname;
    if agent.spec.resources.is_empty() {
        return format!("agent {host:?} serves the apps of its configuration file only");
    }
    let wants = agent.spec.resources.iter().map(|selector| misfit(selector, labels));
    format!("agent {host:?} wants {}", wants.collect::<Vec<_>>().join(", or "))
}

/// What a selector asks for and the labels have not.
fn misfit(selector: &LabelSelector, labels: &Labels) -> String {
    for (key, values) in &selector.0 {
        let alone = LabelSelector([(key.clone(), values.clone())].into());
        match LabelMatcher::compile(&alone).matches(labels) {
            Ok(true) => {}
            Ok(false) => {
                return match labels.get(key) {
                    Some(found) => format!("{alone} and it has {key}={found}"),
                    None => format!("{alone} and it has no label {key}"),
                };
            }
            Err(error) => return format!("{selector}, which cannot be evaluated ({error})"),
        }
    }
    // Only of a selector without keys, which nothing fits.
    "nothing".to_owned()
}

#[cfg(test)]
mod tests;
