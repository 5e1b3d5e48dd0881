//! What every message costs: a decision allocates nothing, and compiled sets are shared between threads.

use std::sync::Arc;

use policy::{AppAccess, AppRef, Kind, RoleSet, User};
use resource::{LabelSelector, Labels, Role, Traits};

fn access() -> AppAccess {
    let list = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect());
    let mut role = Role::new("role");
    role.spec.allow.app_labels = Some(LabelSelector::wildcard());
    role.spec.allow.mcp.tools = list(&[
        "literal",
        "get_*",
        "*_x",
        "*mid*",
        "^(read|list)_.*$",
        "^(?i)any$",
        "{{external.t}}",
    ]);
    role.spec.deny.mcp.tools = list(&["drop_*", "^.*_secret$", "*hidden*"]);
    let traits = Traits::from([("t".to_owned(), vec!["own_*".to_owned()])]);
    let set = RoleSet::compile(&[Arc::new(role)], User::new("alice", &traits));
    set.access(AppRef::new("app", &Labels::new()))
}

#[test]
fn a_decision_allocates_nothing() {
    let access = access();
    let names = [
        "literal", "get_a", "a_x", "amidb", "read_a", "ANY", "own_a", "nothing", "drop_a",
        "a_secret", "ahiddenb", "",
    ];
    let decide = || {
        for name in names {
            let visible = access.tool_visible(name);
            assert_eq!(visible, access.tool(name).is_allowed());
            assert!(access.decide(Kind::Prompt, name).is_allowed());
        }
        assert!(access.connect().is_allowed());
    };
    // Searching with a regex for the first time sets up its scratch memory.
    decide();
    let counted = allocation_counter::measure(decide);
    assert_eq!(counted.count_total, 0, "{counted:?}");
    // The counter counts: reasons are for people, and cost what they cost.
    let reasons = allocation_counter::measure(|| drop(access.tool("literal").reasons()));
    assert!(reasons.count_total > 0);
}

#[test]
fn sets_are_shared_between_threads() {
    fn shared<T: Send + Sync + Clone + 'static>(_: &T) {}
    let access = access();
    shared(&access);
    shared(access.roles());
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let access = access.clone();
            std::thread::spawn(move || access.tool_visible("read_a"))
        })
        .collect();
    for thread in threads {
        assert!(thread.join().unwrap());
    }
}
