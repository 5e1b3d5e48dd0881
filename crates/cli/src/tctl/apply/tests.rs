use super::*;

fn source(name: &str, text: &str) -> Source {
    Source::new(name, text)
}

fn role(name: &str, tools: &str) -> String {
    format!(
        "kind: role\nversion: v8\nmetadata: {{name: {name}, labels: {{team: data}}}}\n\
         spec: {{allow: {{app_labels: {{'*': '*'}}, mcp: {{tools: [{tools}]}}}}}}\n"
    )
}

fn app(name: &str, token: &str) -> String {
    format!(
        "kind: app\nversion: v3\nmetadata: {{name: {name}}}\nspec: {{mcp: {{command: x, \
         run_as_host_user: me, env: {{TOKEN: {token}}}}}}}\n"
    )
}

fn wanted(texts: &[String]) -> Vec<Wanted> {
    read(&[source("all.yaml", &texts.join("---\n"))]).unwrap()
}

fn there(texts: &[String]) -> Vec<Resource> {
    let revised = |wanted: Wanted| wanted.resource.with_revision(resource::Revision::new("7"));
    wanted(texts).into_iter().map(revised).collect()
}

fn every(kinds: &[Kind]) -> Removal {
    Removal { kinds: kinds.iter().copied().collect(), labels: Vec::new() }
}

#[test]
fn what_is_the_same_needs_nothing() {
    let same = [role("a", "x"), app("b", "1")];
    let plan = Plan::new(wanted(&same), there(&same), Some(&every(&[Kind::Role, Kind::App])));
    assert_eq!(plan.text(), "plan: 0 to add, 0 to change, 0 to remove, 2 unchanged");
}

#[test]
fn a_plan_adds_changes_and_removes_in_an_order_that_works() {
    let wants = [app("new", "1"), role("changed", "x, y"), role("new", "x")];
    let has = [role("changed", "x"), app("old", "1"), role("old", "x")];
    let plan = Plan::new(wanted(&wants), there(&has), Some(&every(&[Kind::Role, Kind::App])));
    assert_eq!(
        plan.text(),
        "~ role \"changed\"  (all.yaml)\n    spec.allow.mcp.tools[1]: \"y\" added\n\
         + role \"new\"  (all.yaml)\n+ application \"new\"  (all.yaml)\n- application \"old\"\n\
         - role \"old\"\nplan: 2 to add, 1 to change, 2 to remove, 0 unchanged"
    );
    let Step::Change { wanted, .. } = &plan.steps[0] else { panic!("{plan:?}") };
    assert_eq!(
        wanted.resource.metadata().revision,
        Some(resource::Revision::new("7")),
        "written at what was seen"
    );
}

#[test]
fn nothing_is_removed_unasked() {
    let plan = Plan::new(wanted(&[role("a", "x")]), there(&[role("b", "x")]), None);
    assert_eq!(plan.steps.len(), 1, "{plan:?}");
}

#[test]
fn presets_other_kinds_and_other_labels_stay() {
    let has = [role("access", "x"), role("mine", "x"), app("other", "1")];
    let removal =
        Removal { kinds: [Kind::Role].into(), labels: vec![("team".to_owned(), "web".to_owned())] };
    assert!(Plan::new(Vec::new(), there(&has), Some(&removal)).steps.is_empty());
    let removal = every(&[Kind::Role]);
    let plan = Plan::new(Vec::new(), there(&has), Some(&removal));
    assert_eq!(
        plan.text(),
        "- role \"mine\"\nplan: 0 to add, 0 to change, 1 to remove, 0 unchanged"
    );
}

#[test]
fn a_changed_secret_is_noticed_and_not_shown() {
    let plan = Plan::new(wanted(&[app("a", "new1")]), there(&[app("a", "old1")]), None);
    let text = plan.text();
    assert_eq!(plan.steps.len(), 1, "{text}");
    assert!(!text.contains("new1") && !text.contains("old1"), "{text}");
    assert!(!plan.to_json().to_string().contains("new1"));
}

#[test]
fn a_masked_secret_stays() {
    let mask = format!("'{}'", resource::secret::MASK);
    let plan = Plan::new(wanted(&[app("a", &mask)]), there(&[app("a", "old1")]), None);
    assert!(plan.steps.is_empty(), "{plan:?}");
    let plan = Plan::new(wanted(&[app("a", &mask)]), Vec::new(), None);
    assert_eq!(plan.steps.len(), 1, "the auth service refuses it: it cannot know the value");
}

#[test]
fn all_mistakes_of_all_files_are_told() {
    let bad = "kind: role\nversion: v8\nmetadata: {name: a}\nspec: {alow: {}}\n";
    let sources = [source("one.yaml", bad), source("two.yaml", bad)];
    let words = read(&sources).unwrap_err().to_string();
    assert!(words.contains("one.yaml") && words.contains("two.yaml"), "{words}");
}

#[test]
fn one_name_twice_is_refused() {
    let sources = [source("one.yaml", &role("a", "x")), source("two.yaml", &role("a", "y"))];
    let words = read(&sources).unwrap_err().to_string();
    assert_eq!(words, "two.yaml: role \"a\" was given before");
}
