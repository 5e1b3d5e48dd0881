use std::sync::Arc;

use resource::agent::AgentSpec;
use resource::{Agent, App, LabelSelector, Resource};

use super::{Agents, NAMED};

fn app(labels: &[(&str, &str)]) -> App {
    let labels: std::collections::BTreeMap<_, _> = labels.iter().copied().collect();
    let document = serde_json::json!({
        "kind": "app", "version": "v3", "metadata": {"name": "files", "labels": labels},
        "spec": {"uri": "mcp+http://h"},
    });
    Resource::from_json(document.to_string().as_bytes()).unwrap().try_into().unwrap()
}

fn agent(name: &str, selectors: &[&[(&str, &str)]]) -> Arc<Agent> {
    let selector = |pairs: &&[(&str, &str)]| LabelSelector::from_pairs(pairs.iter().copied());
    Arc::new(Agent::new(AgentSpec {
        host_id: format!("id of {name}"),
        hostname: name.to_owned(),
        resources: selectors.iter().map(selector).collect(),
        ..AgentSpec::default()
    }))
}

#[test]
fn the_label_that_does_not_fit_is_named() {
    let agents = Agents::new(vec![
        agent("one", &[&[("env", "prod"), ("env", "test")], &[("team", "db")]]),
        agent("two", &[]),
    ]);
    assert_eq!(
        agents.why_unserved(&app(&[("env", "dev")])),
        "no agent's selectors fit its labels: agent \"one\" wants env=prod|test and it has env=dev, or \
         team=db and it has no label team; agent \"two\" serves the apps of its configuration file only"
    );
    let fits = agents.why_unserved(&app(&[("env", "test")]));
    assert!(fits.contains("\"one\" is to serve it"), "{fits}");
}

#[test]
fn a_selector_that_is_broken_is_told() {
    let agents = Agents::new(vec![agent("one", &[&[("env", "^(($")]])]);
    let why = agents.why_unserved(&app(&[("env", "dev")]));
    assert!(why.contains("cannot be evaluated"), "{why}");
}

#[test]
fn many_agents_are_counted() {
    let crowd = |count: usize| (0..count).map(|_| agent("a", &[])).collect();
    assert!(!Agents::new(crowd(NAMED)).why_unserved(&app(&[])).contains("more agents"));
    assert!(Agents::new(crowd(NAMED + 2)).why_unserved(&app(&[])).contains("2 more agents"));
    assert!(Agents::new(Vec::new()).why_unserved(&app(&[])).contains("no agent is in the cluster"));
}
