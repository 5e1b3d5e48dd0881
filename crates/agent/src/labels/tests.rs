use resource::App;
use time::OffsetDateTime;

use super::{ToldLabels, known};

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

fn labelled(command: &str) -> App {
    let document = serde_json::json!({
        "kind": "app", "version": "v3", "metadata": {"name": "a", "labels": {"env": "dev"}},
        "spec": {
            "uri": "mcp+http://h",
            "dynamic_labels": {"phase": {"command": [command], "result": "written"}, "os": {"command": ["os"]}},
        },
    });
    resource::Resource::from_json(document.to_string().as_bytes()).unwrap().try_into().unwrap()
}

fn value(told: &ToldLabels, app: &App, key: &str) -> Option<String> {
    known(app, told.of("a").as_deref()).labels.get(key).cloned()
}

fn said(text: &str) -> String {
    text.to_owned()
}

#[test]
fn what_a_document_says_of_a_result_counts_for_nothing() {
    let (told, app) = (ToldLabels::new(), labelled("x"));
    assert_eq!(value(&told, &app, "phase"), None);
    assert_eq!(known(&app, None).unknown.len(), 2);
    told.begin(&app);
    assert_eq!(known(&app, told.of("a").as_deref()).unknown.len(), 2);
}

#[test]
fn a_command_that_fails_leaves_what_it_said() {
    let (told, app) = (ToldLabels::new(), labelled("x"));
    let epoch = told.begin(&app);
    assert!(told.tell("a", "phase", epoch, Ok(said("open")), NOW));
    assert!(!told.tell("a", "phase", epoch, Ok(said("open")), NOW));
    let before = told.generation();
    assert!(told.tell("a", "phase", epoch, Err("gone".to_owned()), NOW));
    assert_eq!(value(&told, &app, "phase").as_deref(), Some("open"));
    assert_eq!(told.of("a").unwrap()["phase"].error.as_ref().unwrap().message, "gone");
    assert!(told.generation() > before);
    assert!(told.tell("a", "phase", epoch, Ok(said("shut")), NOW));
    assert_eq!(told.of("a").unwrap()["phase"].error, None);
}

#[test]
fn another_command_has_to_speak_for_itself() {
    let (told, old, new) = (ToldLabels::new(), labelled("x"), labelled("y"));
    let before = told.begin(&old);
    told.tell("a", "phase", before, Ok(said("open")), NOW);
    told.tell("a", "os", before, Ok(said("Linux")), NOW);
    // Registered anew and not yet begun: decisions follow what is registered.
    assert_eq!(value(&told, &new, "phase"), None);
    assert_eq!(value(&told, &new, "os").as_deref(), Some("Linux"));
    let after = told.begin(&new);
    assert_eq!(value(&told, &new, "phase"), None);
    assert_eq!(value(&told, &new, "os").as_deref(), Some("Linux"));
    // The old command ends late.
    assert!(!told.tell("a", "phase", before, Ok(said("stale")), NOW));
    assert_eq!(value(&told, &new, "phase"), None);
    told.tell("a", "phase", after, Ok(said("open")), NOW);
    assert_eq!(value(&told, &new, "phase").as_deref(), Some("open"));
    told.forget("a");
    assert!(told.of("a").is_none(), "nothing is kept of apps that are gone");
    assert!(!told.tell("a", "phase", after, Ok(said("stale")), NOW));
    told.begin(&new);
    assert!(!told.tell("a", "phase", after, Ok(said("stale")), NOW), "another of its name");
    assert_eq!(value(&told, &new, "phase"), None);
}
