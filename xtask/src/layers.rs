//! The layer test: what our crates use of each other and of a few others, compared with
//! `layers.toml`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;

use crate::repo::Repo;

/// `layers.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Layers {
    siblings: Vec<u8>,
    crates: BTreeMap<String, Place>,
    only: BTreeMap<String, BTreeSet<String>>,
    never: Vec<Never>,
}

/// One of our crates.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    layer: u8,
    uses: BTreeSet<String>,
    #[serde(default)]
    tests: BTreeSet<String>,
}

/// What must not be reached.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Never {
    crates: Vec<String>,
    reach: Vec<String>,
    why: String,
}

/// What cargo knows.
#[derive(Debug, Default)]
struct Graph {
    /// Our crates.
    members: BTreeSet<String>,
    /// For every crate, ours or not, the names of those that it uses in the product.
    uses: BTreeMap<String, BTreeSet<String>>,
    /// The same for tests, our crates only.
    tests: BTreeMap<String, BTreeSet<String>>,
}

/// Compares the two, and fails with every difference.
pub(crate) fn run(repo: &Repo) -> Result<()> {
    let layers: Layers = toml::from_str(&repo.read("layers.toml")?).context("read layers.toml")?;
    let words = ["metadata", "--format-version", "1", "--all-features"];
    // What is built on another system may differ; the product runs on this one.
    let platform = ["--filter-platform", "x86_64-unknown-linux-gnu"];
    let metadata = repo.cargo().args(words).args(platform).output()?;
    let metadata = serde_json::from_str(&metadata).context("read cargo's metadata")?;
    let problems = compare(&layers, &graph(&metadata)?);
    for problem in &problems {
        println!("layers.toml: {problem}");
    }
    if !problems.is_empty() {
        bail!("{} edges are not as layers.toml says", problems.len());
    }
    println!("{} crates use each other as layers.toml says", layers.crates.len());
    Ok(())
}

fn compare(layers: &Layers, graph: &Graph) -> Vec<String> {
    let mut problems = Vec::new();
    let listed: BTreeSet<String> = layers.crates.keys().cloned().collect();
    for name in graph.members.difference(&listed) {
        problems.push(format!("the crate {name} is missing"));
    }
    for name in listed.difference(&graph.members) {
        problems.push(format!("there is no crate {name}"));
    }
    for (name, place) in &layers.crates {
        let used = |uses: &BTreeMap<String, BTreeSet<String>>| -> BTreeSet<String> {
            let used = uses.get(name).into_iter().flatten();
            used.filter(|used| graph.members.contains(*used)).cloned().collect()
        };
        differences(name, "uses", &place.uses, &used(&graph.uses), &mut problems);
        differences(name, "tests", &place.tests, &used(&graph.tests), &mut problems);
        directions(layers, name, place, &mut problems);
    }
    for (outside, allowed) in &layers.only {
        let users = graph
            .members
            .iter()
            .filter(|member| graph.uses.get(*member).is_some_and(|uses| uses.contains(outside)));
        let users: BTreeSet<String> = users.cloned().collect();
        for user in users.difference(allowed) {
            let allowed = join(allowed);
            problems.push(format!("{user} uses {outside}, which is for {allowed} only"));
        }
        for allowed in allowed.difference(&users) {
            problems.push(format!("{allowed} is listed for {outside} and does not use it"));
        }
    }
    for never in &layers.never {
        forbidden(graph, never, &mut problems);
    }
    problems
}

fn differences(
    name: &str,
    key: &str,
    listed: &BTreeSet<String>,
    real: &BTreeSet<String>,
    problems: &mut Vec<String>,
) {
    for new in real.difference(listed) {
        problems.push(format!("{name} -> {new} is a new edge: it is not in `{key}` of {name}"));
    }
    for gone in listed.difference(real) {
        problems.push(format!("{name} -> {gone} is in `{key}` of {name} and no longer used"));
    }
}

/// Edges of the product go down, or sideways where the layer is not one of siblings.
fn directions(layers: &Layers, name: &str, place: &Place, problems: &mut Vec<String>) {
    for used in &place.uses {
        let Some(below) = layers.crates.get(used) else { continue };
        if below.layer > place.layer {
            let (own, other) = (place.layer, below.layer);
            problems.push(format!("{name} (layer {own}) must not use {used} (layer {other})"));
        } else if below.layer == place.layer && layers.siblings.contains(&place.layer) {
            problems.push(format!("{name} must not use its sibling {used}"));
        }
    }
}

fn forbidden(graph: &Graph, never: &Never, problems: &mut Vec<String>) {
    for name in &never.crates {
        if !graph.members.contains(name) {
            problems.push(format!("`never` names {name}, which is no crate of ours"));
        }
        let paths = reachable(graph, name);
        for target in &never.reach {
            if let Some(path) = paths.get(target) {
                problems.push(format!("{path} must not be: {}", never.why));
            }
        }
    }
}

/// Everything that `start` reaches in the product, each with a shortest way to it.
fn reachable(graph: &Graph, start: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::from([(start.to_owned(), start.to_owned())]);
    let mut edge = vec![start.to_owned()];
    while !edge.is_empty() {
        let mut next = Vec::new();
        for name in edge {
            let path = found.get(&name).cloned().unwrap_or_default();
            for used in graph.uses.get(&name).into_iter().flatten() {
                if !found.contains_key(used) {
                    found.insert(used.clone(), format!("{path} -> {used}"));
                    next.push(used.clone());
                }
            }
        }
        edge = next;
    }
    found.remove(start);
    found
}

/// Reads `cargo metadata`. Versions of one crate are one crate here: what must not be reached must
/// not be reached in any version.
fn graph(metadata: &Value) -> Result<Graph> {
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |value: &Value, key: &str| {
        value
            .get(key)
            .and_then(Value::as_str)
            .map(str::to_owned)
            .with_context(|| format!("no {key}"))
    };
    let mut names = BTreeMap::new();
    for package in list(metadata.get("packages")) {
        names.insert(text(&package, "id")?, text(&package, "name")?);
    }
    let name = |id: &str| names.get(id).cloned().with_context(|| format!("no package {id}"));
    let mut graph = Graph::default();
    for member in list(metadata.get("workspace_members")) {
        graph.members.insert(name(member.as_str().unwrap_or_default())?);
    }
    for node in list(metadata.pointer("/resolve/nodes")) {
        let user = name(&text(&node, "id")?)?;
        for dependency in list(node.get("deps")) {
            let used = name(&text(&dependency, "pkg")?)?;
            for kind in list(dependency.get("dep_kinds")) {
                let tests = kind.get("kind").and_then(Value::as_str) == Some("dev");
                let edges = if tests { &mut graph.tests } else { &mut graph.uses };
                edges.entry(user.clone()).or_default().insert(used.clone());
            }
        }
    }
    if graph.members.is_empty() {
        bail!("cargo's metadata names no crates");
    }
    Ok(graph)
}

fn join(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
