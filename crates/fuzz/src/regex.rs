//! Patterns: a pattern, a name to match, a replacement.
//!
//! A name is matched by the index of a role set, by its patterns one after another (which is how a decision
//! is explained), as the value of a label, and by the regex that a role map makes of the pattern.

use std::sync::Arc;

use policy::limits::MAX_SUBJECT_BYTES;
use policy::{AppRef, IMPLICIT_ROLE, LabelMatcher, RoleMap, RoleMapping, RoleSet, Subject, User};
use resource::{LabelSelector, Labels, Role, Traits};

use crate::parts::split;

pub(crate) fn run(input: &str) {
    let [pattern, name, replacement] = split(input);
    let traits = Traits::from([("p".to_owned(), vec![pattern.to_owned()])]);
    let mut role = Role::new("role");
    role.spec.allow.app_labels = Some(LabelSelector::wildcard());
    // By way of a trait, so that braces are no template.
    role.spec.allow.mcp.tools = Some(vec!["{{external.p}}".to_owned()]);
    let set = RoleSet::compile(&[Arc::new(role)], User::new("alice", &traits));
    let access = set.access(AppRef::new("app", &Labels::new()));
    let decided = access.tool(name).into_result();
    let explained = access.explain(&Subject::Tool(name.into()));
    assert_eq!(decided.is_ok(), explained.is_allowed(), "decided and explained: {explained}");
    assert_eq!(decided.is_ok(), access.tool_visible(name), "decided and shown");

    let matcher =
        LabelMatcher::compile(&LabelSelector([("k".to_owned(), vec![pattern.to_owned()])].into()));
    let labels = Labels::from([("k".to_owned(), name.to_owned())]);
    let labelled = matcher.matches(&labels);
    // As the value of a label a star alone stands for any value at all, line breaks included.
    let alike = pattern != "*" || !name.contains('\n');
    if pattern.is_empty() || !alike || name.len() > MAX_SUBJECT_BYTES {
        return;
    }
    match &decided {
        Ok(_) => assert_eq!(labelled, Ok(true), "decided and labelled"),
        Err(denial) if denial.is_evaluation_error() => {
            assert!(labelled.is_err(), "decided and labelled");
        }
        Err(_) => assert_eq!(labelled, Ok(false), "decided and labelled"),
    }
    let local = if replacement.is_empty() || replacement == "*" { "local" } else { replacement };
    let mapping = RoleMapping { remote: pattern.to_owned(), local: vec![local.to_owned()] };
    let Ok(map) = RoleMap::compile(&[mapping]) else { return };
    let mapped = map.apply(&[name.to_owned()]);
    if local == "local" && name != IMPLICIT_ROLE {
        assert_eq!(mapped.is_ok_and(|roles| !roles.is_empty()), decided.is_ok(), "mapped");
    }
}
