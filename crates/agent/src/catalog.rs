//! Which apps this agent is to serve: those of its configuration file, and the registered ones that
//! its selectors fit.

use std::cmp::Ordering;
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
    /// evaluated fits nothing.
    fn selects(&self, app: &App) -> bool {
        if !app.is_mcp() {
            return false;
        }
        let labels = app.all_labels();
        self.selectors.iter().any(|selector| selector.matches(&labels).unwrap_or(false))
    }
}

/// The names under which two copies hold different apps, in order. Costs next to nothing for each app
/// that is the same.
pub(crate) fn changed(old: &Index<App>, new: &Index<App>) -> Vec<String> {
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    let mut names = Vec::new();
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return names,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((one, _)), Some((other, _))) => one.cmp(other),
        };
        let gone = if order.is_le() { old.next() } else { None };
        let come = if order.is_ge() { new.next() } else { None };
        match (gone, come) {
            (Some((_, one)), Some((_, other))) if Arc::ptr_eq(one, other) => {}
            (Some((name, _)), _) | (None, Some((name, _))) => names.push(name.clone()),
            (None, None) => return names,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
