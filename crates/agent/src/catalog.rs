//! Which apps this agent is to serve: those of its configuration file, and the registered ones that
//! its selectors fit.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::Index;
use policy::LabelMatcher;
use resource::{App, LabelSelector};

/// What an agent was told to serve.
#[derive(Debug)]
pub(crate) struct Catalog {
    fixed: BTreeMap<String, Arc<App>>,
    selectors: Vec<LabelMatcher>,
}

/// An app that is to be served.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) app: Arc<App>,
    /// Whether a registered app of the same name is not served because of this one.
    pub(crate) shadows: bool,
}

// === impl Catalog ===

impl Catalog {
    /// What the configuration file says. Of apps of one name, the last counts.
    pub(crate) fn new(fixed: Vec<App>, selectors: &[LabelSelector]) -> Self {
        let fixed = fixed.into_iter().map(|app| (app.name().to_owned(), Arc::new(app))).collect();
        Self { fixed, selectors: selectors.iter().map(LabelMatcher::compile).collect() }
    }

    /// The app of this name as it is to be served by what is registered now, if it is.
    pub(crate) fn find(&self, registered: &Index<App>, name: &str) -> Option<Wanted> {
        let found = registered.get(name).filter(|app| self.selects(app));
        match self.fixed.get(name) {
            Some(app) => Some(Wanted { app: app.clone(), shadows: found.is_some() }),
            None => found.map(|app| Wanted { app: app.clone(), shadows: false }),
        }
    }

    /// The names of the apps of the configuration file.
    pub(crate) fn fixed(&self) -> impl Iterator<Item = &String> {
        self.fixed.keys()
    }

    /// Only MCP servers are served, and only what a selector fits. A selector that cannot be
    /// evaluated fits nothing. What commands tell of labels is known only where the app is served, so
    /// it neither brings an app here nor takes it away.
    fn selects(&self, app: &App) -> bool {
        if !app.is_mcp() {
            return false;
        }
        let labels = &app.metadata.labels;
        self.selectors.iter().any(|selector| selector.matches(labels).unwrap_or(false))
    }
}

#[cfg(test)]
pub(crate) mod tests;
