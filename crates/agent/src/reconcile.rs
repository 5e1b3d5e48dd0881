//! What has to be done so that what is served is what is to be served.
//!
//! A pure function over two tables: it takes no notice of how often or after what it is called, and
//! an app that is as it should be is not touched.

use std::collections::BTreeMap;

use api::Index;
use resource::App;

use crate::catalog::{Catalog, Wanted};

/// One thing to do. At most one concerns any name.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// Begin to serve an app.
    Register(Wanted),
    /// Serve an app as it is registered anew. The old one is served until the new one can be.
    Update(Wanted),
    /// Stop serving an app.
    Unregister(String),
}

/// What leads from what is served, as `serving` tells by name, to what is registered now, as far as these
/// names are concerned.
pub(crate) fn follow(
    catalog: &Catalog,
    registered: &Index<App>,
    names: &[String],
    serving: impl Fn(&str) -> Option<Wanted>,
) -> Vec<Action> {
    let wanted = pick(names, |name| catalog.find(registered, name));
    reconcile(&wanted, &pick(names, serving))
}

/// The part of a table that some names concern.
fn pick(names: &[String], find: impl Fn(&str) -> Option<Wanted>) -> BTreeMap<String, Wanted> {
    names.iter().filter_map(|name| Some((name.clone(), find(name)?))).collect()
}

/// What leads from `actual` to `wanted`, ordered by name.
fn reconcile(wanted: &BTreeMap<String, Wanted>, actual: &BTreeMap<String, Wanted>) -> Vec<Action> {
    let gone = actual.keys().filter(|name| !wanted.contains_key(*name));
    let mut actions: Vec<Action> = gone.cloned().map(Action::Unregister).collect();
    for (name, new) in wanted {
        match actual.get(name) {
            None => actions.push(Action::Register(new.clone())),
            Some(old) if !new.same_as(old) => actions.push(Action::Update(new.clone())),
            Some(_) => {}
        }
    }
    actions.sort_by(|one, other| one.name().cmp(other.name()));
    actions
}

// === impl Action ===

impl Action {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Register(wanted) | Self::Update(wanted) => wanted.app.name(),
            Self::Unregister(name) => name,
        }
    }
}

// === impl Wanted ===

impl Wanted {
    /// Whether nothing that somebody wrote differs.
    fn same_as(&self, other: &Self) -> bool {
        let same = || self.app.same_as(&other.app);
        self.shadows == other.shadows && (std::sync::Arc::ptr_eq(&self.app, &other.app) || same())
    }
}

#[cfg(test)]
mod tests;
