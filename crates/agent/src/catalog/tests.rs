use std::collections::BTreeMap;
use std::sync::Arc;

use api::Index;
use resource::{App, LabelSelector, Resource};

use super::Catalog;

/// A registered stdio app.
pub(crate) fn app(name: &str, labels: &[(&str, &str)], command: &str) -> App {
    let labels: BTreeMap<_, _> = labels.iter().copied().collect();
    let document = serde_json::json!({
        "kind": "app", "version": "v3",
        "metadata": {"name": name, "labels": labels},
        "spec": {"mcp": {"command": command, "run_as_host_user": "root"}},
    });
    match Resource::from_json(document.to_string().as_bytes()).unwrap() {
        Resource::App(app) => app,
        other => panic!("{other:?}"),
    }
}

fn index(apps: impl IntoIterator<Item = App>) -> Index<App> {
    apps.into_iter().map(|app| (app.name().to_owned(), Arc::new(app))).collect()
}

/// The names of what is to be served.
fn all(catalog: &Catalog, registered: &Index<App>) -> Vec<String> {
    let names = registered.keys().chain(catalog.fixed().map(String::as_str));
    let found = names.filter(|name| catalog.find(registered, name).is_some());
    found.map(str::to_owned).collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

fn selector(key: &str, value: &str) -> LabelSelector {
    LabelSelector::from_pairs([(key, value)])
}

#[test]
fn selectors_are_alternatives() {
    let catalog = Catalog::new(Vec::new(), &[selector("env", "prod-*"), selector("team", "db")]);
    let registered = index([
        app("a", &[("env", "prod-1")], "x"),
        app("b", &[("env", "dev")], "x"),
        app("c", &[("env", "dev"), ("team", "db")], "x"),
        app("d", &[], "x"),
    ]);
    assert_eq!(all(&catalog, &registered), ["a", "c"]);
    assert!(catalog.find(&registered, "b").is_none());
}

#[test]
fn without_selectors_only_the_configured_are_served() {
    let catalog = Catalog::new(vec![app("s", &[], "x")], &[]);
    assert_eq!(all(&catalog, &index([app("a", &[], "x")])), ["s"]);
}

#[test]
fn the_configured_app_wins_and_tells_of_it() {
    let catalog = Catalog::new(vec![app("a", &[], "ours")], &[LabelSelector::wildcard()]);
    let wanted = catalog.find(&index([app("a", &[], "theirs")]), "a").unwrap();
    assert_eq!(wanted.app.spec.mcp.as_ref().unwrap().command, "ours");
    assert!(wanted.shadows);
    assert!(!catalog.find(&index([]), "a").unwrap().shadows);
}

#[test]
fn what_is_no_mcp_server_is_not_served() {
    let catalog = Catalog::new(Vec::new(), &[LabelSelector::wildcard()]);
    let mut page = app("page", &[], "x");
    page.metadata.labels.clear();
    assert_eq!(all(&catalog, &index([page])), [""; 0]);
}

#[test]
fn a_selector_that_cannot_be_evaluated_fits_nothing() {
    let broken = selector("env", "^(($");
    let registered = index([app("a", &[("env", "prod")], "x")]);
    assert_eq!(all(&Catalog::new(Vec::new(), &[broken]), &registered), [""; 0]);
}
