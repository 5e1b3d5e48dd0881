//! Role documents, and what they say about every name that stands in them.

use std::sync::Arc;

use policy::{
    AppRef, IMPLICIT_ROLE, Kind, ResourceRef, RoleSet, RuleContext, Subject, User, validate_role,
};
use resource::role::Conditions;
use resource::{Labels, Resource, Role, Source, Traits, parse_documents};

/// Names and labels that are looked at, of those that a document has.
const LOOKED_AT: usize = 12;

pub(crate) fn run(input: &str) {
    let source = Source::new("role.yaml", input);
    let Ok(parsed) = parse_documents(&source) else { return };
    let roles: Vec<Arc<Role>> = parsed
        .into_iter()
        .filter_map(|document| match document.resource {
            Resource::Role(role) => Some(Arc::new(role)),
            _ => None,
        })
        .take(3)
        .collect();
    let mut valid = true;
    for role in &roles {
        for error in validate_role(role) {
            valid = false;
            assert!(error.show().contains('^'), "an error that does not point");
        }
    }
    let list = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    let traits = Traits::from([
        ("t".to_owned(), list(&["a", "read_*", "bob@example.com", "^[a-c]+$"])),
        ("mcp_tools".to_owned(), list(&["get_*"])),
    ]);
    let set = RoleSet::compile(&roles, User::new("alice", &traits));
    let looked_at = Sides::of(&roles);
    for labels in looked_at.labels() {
        decide(&set, &labels, &looked_at.names());
    }
    for kind in ["app", "role", "*"] {
        let labels = Labels::new();
        let context = RuleContext::of(ResourceRef::new(kind, "x", &labels));
        let decision = set.rule(kind, "read", &context);
        assert!(!decision.is_allowed() || set.possibly(kind, "read"), "granted, and not possible");
        if let policy::RuleDecision::Deny(denial) = decision {
            assert!(!(valid && denial.is_evaluation_error()), "accepted, and broken: {denial:?}");
        }
    }
    // A role that does not exist refuses everything.
    let names = ["gone".to_owned()];
    let gone = RoleSet::resolve(&names, |_| None, User::new("alice", &traits));
    assert!(!gone.access(AppRef::new("app", &Labels::new())).connect().is_allowed());
    assert!(set.role_names().all(|name| name != IMPLICIT_ROLE), "a reserved name was accepted");
}

fn decide(set: &RoleSet, labels: &Labels, names: &[&str]) {
    let access = set.access(AppRef::new("app", labels));
    let connects = access.connect().is_allowed();
    assert_eq!(connects, access.explain(&Subject::Connect).is_allowed(), "connect");
    for kind in Kind::ALL {
        for name in names {
            let allowed = access.decide(kind, name).is_allowed();
            assert_eq!(allowed, access.visible(kind, name), "shown and usable differ: {name:?}");
            let explained = access.explain(&Subject::of(kind, (*name).into()));
            assert_eq!(allowed, explained.is_allowed(), "explained otherwise: {explained}");
            assert!(connects || !allowed, "usable without connecting: {name:?}");
            assert!(!explained.to_string().is_empty(), "explained by nothing");
        }
        drop(access.patterns(kind));
    }
}

/// Both sides of all roles.
struct Sides<'a>(Vec<&'a Conditions>);

// === impl Sides ===

impl<'a> Sides<'a> {
    fn of(roles: &'a [Arc<Role>]) -> Self {
        Self(roles.iter().flat_map(|role| [&role.spec.allow, &role.spec.deny]).collect())
    }

    /// No labels, and what each selector names.
    fn labels(&self) -> Vec<Labels> {
        let selectors = self.0.iter().filter_map(|side| side.app_labels.as_ref());
        let labels = selectors.map(|selector| {
            let pairs = selector.0.iter().map(|(key, values)| {
                let value = values.first().map_or("", String::as_str);
                (resource::canonical_label_key(key).into_owned(), value.replace('*', "a"))
            });
            pairs.collect()
        });
        std::iter::once(Labels::new()).chain(labels).take(LOOKED_AT).collect()
    }

    /// Entries taken as names, and some that are often matched.
    fn names(&self) -> Vec<&'a str> {
        let lists = self.0.iter().flat_map(|side| {
            [&side.mcp.tools, &side.mcp.prompts, &side.mcp.resources].into_iter().flatten()
        });
        let entries = lists.flatten().map(String::as_str);
        ["", "a", "read_a", "get_x", "a\nb"].into_iter().chain(entries).take(LOOKED_AT).collect()
    }
}
