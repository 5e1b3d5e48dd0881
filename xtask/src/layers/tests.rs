use serde_json::json;

use super::*;

const FILE: &str = r#"
siblings = [1]
[crates]
base = { layer = 0, uses = [] }
left = { layer = 1, uses = ["base"] }
right = { layer = 1, uses = ["base"], tests = ["left"] }
[only]
yaml = ["base"]
[[never]]
crates = ["right"]
reach = ["clock"]
why = "it is pure"
"#;

/// Edges in the form `user used`; those of tests start with `test:`.
fn problems(edges: &[&str]) -> Vec<String> {
    let mut graph =
        Graph { members: ["base", "left", "right"].map(str::to_owned).into(), ..Graph::default() };
    for edge in edges {
        let (tests, edge) = edge.strip_prefix("test:").map_or((false, *edge), |edge| (true, edge));
        let (user, used) = edge.split_once(' ').unwrap();
        let edges = if tests { &mut graph.tests } else { &mut graph.uses };
        edges.entry(user.to_owned()).or_default().insert(used.to_owned());
    }
    compare(&toml::from_str(FILE).unwrap(), &graph)
}

const RIGHT: [&str; 4] = ["left base", "right base", "test:right left", "base yaml"];

#[test]
fn what_is_listed_passes() {
    assert_eq!(problems(&RIGHT), Vec::<String>::new());
}

#[test]
fn a_new_edge_is_refused() {
    let found = problems(&[&RIGHT[..], &["right left"]].concat());
    assert_eq!(found, ["right -> left is a new edge: it is not in `uses` of right"]);
    let found = problems(&[&RIGHT[..], &["test:left right"]].concat());
    assert_eq!(found, ["left -> right is a new edge: it is not in `tests` of left"]);
}

#[test]
fn an_edge_that_is_gone_is_refused() {
    let found = problems(&["right base", "test:right left", "base yaml"]);
    assert_eq!(found, ["left -> base is in `uses` of left and no longer used"]);
}

#[test]
fn a_crate_from_outside_stays_where_it_belongs() {
    let found = problems(&[&RIGHT[..], &["left yaml"]].concat());
    assert_eq!(found, ["left uses yaml, which is for base only"]);
    let found = problems(&["left base", "right base", "test:right left"]);
    assert_eq!(found, ["base is listed for yaml and does not use it"]);
}

#[test]
fn what_must_not_be_reached_is_found_through_others() {
    let found = problems(&[&RIGHT[..], &["yaml deep", "deep clock"]].concat());
    assert_eq!(found, ["right -> base -> yaml -> deep -> clock must not be: it is pure"]);
    assert_eq!(problems(&[&RIGHT[..], &["test:base clock"]].concat()), Vec::<String>::new());
}

#[test]
fn edges_must_not_go_up_or_to_a_sibling_even_when_listed() {
    let file =
        FILE.replace("base = { layer = 0, uses = [] }", "base = { layer = 0, uses = [\"left\"] }");
    let file = file.replace(
        "left = { layer = 1, uses = [\"base\"] }",
        "left = { layer = 1, uses = [\"right\"] }",
    );
    let layers: Layers = toml::from_str(&file).unwrap();
    let mut found = Vec::new();
    for (name, place) in &layers.crates {
        directions(&layers, name, place, &mut found);
    }
    assert_eq!(
        found,
        ["base (layer 0) must not use left (layer 1)", "left must not use its sibling right"]
    );
}

#[test]
fn crates_that_are_missing_on_either_side_are_named() {
    let layers = toml::from_str(
        "siblings = []\nnever = []\n[only]\n[crates]\nold = { layer = 0, uses = [] }",
    )
    .unwrap();
    let graph = Graph { members: ["new".to_owned()].into(), ..Graph::default() };
    assert_eq!(compare(&layers, &graph), ["the crate new is missing", "there is no crate old"]);
}

#[test]
fn metadata_is_read() {
    let metadata = json!({
        "packages": [{"id": "a 1", "name": "a"}, {"id": "b 1", "name": "b"}, {"id": "c 1", "name": "c"}],
        "workspace_members": ["a 1"],
        "resolve": {"nodes": [{"id": "a 1", "deps": [
            {"pkg": "b 1", "dep_kinds": [{"kind": null}, {"kind": "dev"}]},
            {"pkg": "c 1", "dep_kinds": [{"kind": "build"}]},
        ]}]},
    });
    let graph = graph(&metadata).unwrap();
    assert_eq!(join(&graph.members), "a");
    assert_eq!(join(&graph.uses["a"]), "b, c");
    assert_eq!(join(&graph.tests["a"]), "b");
}
