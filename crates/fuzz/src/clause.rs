//! Rules: a where clause, an action, lines of `label=value` of a resource, lines of `trait=value`.

use std::sync::Arc;

use policy::{ResourceRef, RoleSet, RuleContext, RuleDecision, User, validate_role};
use resource::{Role, Rule};

use crate::parts::{lists, pairs, split};

pub(crate) fn run(input: &str) {
    let [clause, action, labels, traits] = split(input);
    let (labels, traits) = (pairs(labels), lists(traits));
    let mut role = Role::new("role");
    role.spec.allow.rules.push(Rule {
        resources: vec!["app".to_owned()],
        verbs: vec!["read".to_owned()],
        where_clause: (!clause.is_empty()).then(|| clause.to_owned()),
        actions: (!action.is_empty()).then(|| action.to_owned()).into_iter().collect(),
    });
    let errors = validate_role(&role);
    for error in &errors {
        assert!(error.show().contains('^'), "an error that does not point");
        assert!(error.offset <= error.value.len(), "an error that points behind the text");
    }
    let mut denying = Role::new("denying");
    denying.spec.deny.rules.clone_from(&role.spec.allow.rules);
    let (role, denying) = (Arc::new(role), Arc::new(denying));
    let set = RoleSet::compile(&[Arc::clone(&role)], User::new("alice", &traits));
    let both = RoleSet::compile(&[role, denying], User::new("alice", &traits));
    for context in
        [RuleContext::NO_RESOURCE, RuleContext::of(ResourceRef::new("app", "x", &labels))]
    {
        let found = set.rule("app", "read", &context);
        match &found {
            RuleDecision::Allow { .. } => {
                assert!(errors.is_empty(), "granted by what is refused when written: {errors:?}");
                assert!(set.possibly("app", "read"), "granted, and not possible");
            }
            RuleDecision::Deny(denial) => assert!(
                !denial.is_evaluation_error() || !errors.is_empty(),
                "what was accepted when written does not work: {denial:?}"
            ),
        }
        let against = both.rule("app", "read", &context);
        assert!(!against.is_allowed(), "what holds denies, what does not hold does not grant");
        assert!(!set.rule("app", "delete", &context).is_allowed(), "another verb is granted");
        assert!(!set.rule("role", "read", &context).is_allowed(), "another kind is granted");
    }
}
