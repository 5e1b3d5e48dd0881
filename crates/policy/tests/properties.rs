//! What holds for all roles: more denial never allows more, more allowance never denies more, what is shown is
//! what may be used, and nothing panics.

use std::sync::Arc;

use policy::{
    AppRef, ExpressionContext, Kind, LabelExpression, LabelMatcher, ResourceRef, RoleMap,
    RoleMapping, RoleSet, RuleContext, Subject, Template, TemplateValues, User, validate_role,
};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option::of;
use proptest::prelude::*;
use resource::role::Conditions;
use resource::{LabelSelector, Labels, Role, Rule, Traits};

const NAMES: [&str; 8] = ["a", "b", "ab", "read_a", "write_a", "a\nb", "", "ä"];

/// Text that looks like something of ours more often than chance would have it.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "a",
            "b",
            "*",
            "^",
            "$",
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            "{{",
            "}}",
            "\\",
            "|",
            ".",
            "+",
            "?",
            "{2}",
            "(?i)",
            "(?P<n>",
            "[:alpha:]",
            "\\d",
            "\\pL",
            "\\Q",
            "\\E",
            "\\x{41}",
            "external",
            "internal",
            ".t",
            "[\"t\"]",
            "email.local(",
            "regexp.replace(",
            "regexp.match(",
            "contains(",
            "set(",
            "labels",
            "user.spec.traits",
            "user.metadata.name",
            "resource.metadata.name",
            "equals(",
            "\"",
            "`",
            ",",
            " ",
            "&&",
            "||",
            "!",
            "==",
            "!=",
            "\n",
            "//",
            "/*",
            "0",
            "1",
            "$1",
            "${1}",
            "@",
            "<",
            ">",
            "ä",
            "😀",
            "-",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// A pattern that compiles.
fn pattern() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "a",
        "b",
        "*",
        "a*",
        "*a",
        "read_*",
        "^(read|write)_.*$",
        "^[ab]+$",
        "^a|b$",
        "{{external.t}}",
        "{{external.missing}}",
    ])
    .prop_map(str::to_owned)
}

fn entry() -> impl Strategy<Value = String> {
    prop_oneof![3 => pattern(), 1 => text()]
}

fn selector(value: impl Strategy<Value = String>) -> impl Strategy<Value = LabelSelector> {
    let key =
        prop::sample::select(vec!["env", "team", "*", "{{external.k}}"]).prop_map(str::to_owned);
    prop_oneof![
        Just(LabelSelector::wildcard()),
        btree_map(key, vec(value, 0..3), 0..3).prop_map(LabelSelector),
    ]
}

fn conditions() -> impl Strategy<Value = Conditions> {
    let list = || of(vec(entry(), 0..3));
    let rules = vec(
        (vec(prop::sample::select(vec!["app", "role", "*"]), 1..3), of(text())).prop_map(
            |(kinds, clause)| Rule {
                resources: kinds.into_iter().map(str::to_owned).collect(),
                verbs: vec!["read".to_owned()],
                where_clause: clause,
                actions: Vec::new(),
            },
        ),
        0..2,
    );
    let labels = of(selector(entry()));
    (labels, of(text()), list(), list(), list(), rules, prop::bool::weighted(0.1)).prop_map(
        |(labels, expression, tools, prompts, resources, rules, elsewhere)| {
            let mut conditions = Conditions {
                app_labels: labels,
                app_labels_expression: expression.filter(|text| text.len() % 4 == 0),
                rules,
                ..Conditions::default()
            };
            conditions.mcp.tools = tools;
            conditions.mcp.prompts = prompts;
            conditions.mcp.resources = resources;
            if elsewhere {
                conditions.namespaces = vec!["other".to_owned()];
            }
            conditions
        },
    )
}

/// An expression that turns on labels.
fn reader_of_labels() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        r#"labels["env"] == "a""#,
        r#"labels["env"] != "a""#,
        r#"labels["team"] == "b" || labels["env"] == "a""#,
        r#"labels["team"] == "b" && labels["env"] != "a""#,
        r#"contains(labels_matching("e*"), "a")"#,
        r#"!contains(labels_matching("*"), "a")"#,
        r#"regexp.match(labels_matching("env"), "^(($")"#,
        r#"labels[labels["env"]] == """#,
        r#"!regexp.match(set(labels["env"]), labels["team"])"#,
    ])
    .prop_map(str::to_owned)
}

fn role() -> impl Strategy<Value = Role> {
    (conditions(), conditions(), prop::bool::weighted(0.7)).prop_map(|(allow, deny, open)| {
        let mut role = Role::new("role");
        role.spec.allow = allow;
        if !open {
            role.spec.deny = deny;
        }
        role
    })
}

fn labels() -> impl Strategy<Value = Labels> {
    let key = prop::sample::select(vec!["env", "team", "*", ""]).prop_map(str::to_owned);
    btree_map(key, prop::sample::select(NAMES.to_vec()).prop_map(str::to_owned), 0..3)
}

fn traits() -> Traits {
    let list = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    Traits::from([
        ("t".to_owned(), list(&["a", "read_*", "bob@example.com"])),
        ("k".to_owned(), list(&["env"])),
    ])
}

fn compile(roles: &[Role]) -> RoleSet {
    let roles: Vec<_> = roles.iter().cloned().map(Arc::new).collect();
    RoleSet::compile(&roles, User::new("alice", &traits()))
}

/// Everything that may be done with an app.
fn allowed(roles: &[Role], labels: &Labels) -> Vec<bool> {
    allowed_of(roles, AppRef::new("app", labels))
}

fn allowed_of(roles: &[Role], app: AppRef<'_>) -> Vec<bool> {
    let access = compile(roles).access(app);
    let mut found = vec![access.connect().is_allowed()];
    for kind in Kind::ALL {
        for name in NAMES {
            let allowed = access.decide(kind, name).is_allowed();
            assert_eq!(allowed, access.visible(kind, name), "shown and usable differ");
            let explained = access.explain(&Subject::of(kind, name.into()));
            assert_eq!(allowed, explained.is_allowed(), "{explained}");
            found.push(allowed);
        }
    }
    found
}

/// The one verb that the rules made here can grant, and its part.
fn is_read(verb: &str) -> bool {
    verb == "read" || verb == "readnosecrets"
}

fn never_more(less: &[bool], more: &[bool]) -> bool {
    less.iter().zip(more).all(|(less, more)| !less || *more)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn an_added_deny_never_allows_more(
        mut roles in vec(role(), 1..4),
        at in any::<prop::sample::Index>(),
        labels in labels(),
        deny in conditions(),
        entry in entry(),
    ) {
        let before = allowed(&roles, &labels);
        let mut with_role = roles.clone();
        let mut denying = Role::new("denying");
        denying.spec.deny = deny;
        with_role.insert(at.index(roles.len() + 1), denying);
        prop_assert!(never_more(&allowed(&with_role, &labels), &before));

        let changed = at.index(roles.len());
        let mcp = &mut roles[changed].spec.deny.mcp;
        for list in [&mut mcp.tools, &mut mcp.prompts, &mut mcp.resources] {
            list.get_or_insert_default().push(entry.clone());
        }
        prop_assert!(never_more(&allowed(&roles, &labels), &before));
    }

    /// What is allowed while values of labels are unknown is allowed whatever they turn out to be.
    #[test]
    fn an_unknown_label_allows_nothing_that_a_value_would_not(
        mut roles in vec(role(), 1..4),
        readers in vec(of(reader_of_labels()), 8),
        labels in labels(),
        unknown in btree_set(prop::sample::select(vec!["env", "team"]).prop_map(str::to_owned), 1..3),
        values in vec(prop::sample::select(NAMES.to_vec()), 2),
    ) {
        let sides = roles.iter_mut().flat_map(|role| [&mut role.spec.allow, &mut role.spec.deny]);
        for (side, reader) in sides.zip(readers) {
            side.app_labels_expression = reader.or(side.app_labels_expression.take());
        }
        let mut known = labels;
        known.retain(|key, _| !unknown.contains(key));
        let app = AppRef::new("app", &known).with_unknown(&unknown);
        let before = allowed_of(&roles, app);
        let mut told = known.clone();
        told.extend(unknown.iter().cloned().zip(values.into_iter().map(str::to_owned)));
        prop_assert!(never_more(&before, &allowed(&roles, &told)));
    }

    /// Of allowances that can be evaluated: one that cannot is met before later grants, and refuses.
    #[test]
    fn an_added_allow_never_denies_more(
        mut roles in vec(role(), 1..4),
        at in any::<prop::sample::Index>(),
        labels in labels(),
        selector in selector(pattern()),
        entries in vec(pattern(), 0..3),
        entry in pattern(),
    ) {
        let before = allowed(&roles, &labels);
        let mut with_role = roles.clone();
        let mut granting = Role::new("granting");
        granting.spec.allow.app_labels = Some(selector);
        granting.spec.allow.mcp.tools = Some(entries);
        with_role.insert(at.index(roles.len() + 1), granting);
        prop_assert!(never_more(&before, &allowed(&with_role, &labels)));

        // Where the field is absent, naming an entry may narrow what was open.
        let changed = at.index(roles.len());
        let mcp = &mut roles[changed].spec.allow.mcp;
        mcp.tools.get_or_insert_default().insert(0, entry.clone());
        for list in [&mut mcp.prompts, &mut mcp.resources].into_iter().flatten() {
            list.insert(0, entry.clone());
        }
        prop_assert!(never_more(&before, &allowed(&roles, &labels)));
    }

    #[test]
    fn nothing_panics(
        first in text(),
        second in text(),
        roles in vec(role(), 0..3),
        labels in labels(),
    ) {
        let traits = Traits::from([("t".to_owned(), vec![second.clone()])]);
        if let Ok(template) = Template::parse(&first) {
            let expanded = template.expand(TemplateValues::new(&second, &traits));
            prop_assert!(!expanded.is_ok_and(|values| values.is_empty()));
        }
        match LabelExpression::parse(&first) {
            Ok(expression) => {
                let context = ExpressionContext { labels: &labels, user: &second, traits: &traits };
                drop(expression.eval(context));
            }
            Err(error) => prop_assert!(error.show(&first).contains('^')),
        }
        let mapping = RoleMapping { remote: first.clone(), local: vec![second.clone()] };
        if let Ok(map) = RoleMap::compile(&[mapping]) {
            drop(map.apply(&[second.clone(), first.clone()]));
        }
        let selector = LabelSelector([("env".to_owned(), vec![first.clone()])].into());
        drop(LabelMatcher::compile(&selector).matches(&labels));

        for role in &roles {
            for error in validate_role(role) {
                prop_assert!(error.show().contains('^'));
            }
        }
        let set = compile(&roles);
        let access = set.access(AppRef::new(&first, &labels));
        for subject in [Subject::Tool((&*first).into()), Subject::Resource((&*second).into())] {
            let explained = access.explain(&subject);
            prop_assert!(!explained.to_string().is_empty());
        }
        let resource = ResourceRef::new("role", &first, &labels);
        let decision = set.rule("role", &second, &RuleContext::of(resource));
        prop_assert!(!decision.is_allowed() || is_read(&second));
        prop_assert!(!set.possibly(&first, &second) || is_read(&second));
    }

    /// What is written down as wrong is wrong, and the other way round, for entries without templates.
    #[test]
    fn roles_that_pass_the_check_have_no_broken_pattern(
        entry in text().prop_filter("a template", |text| !text.contains("{{") && !text.contains("}}")),
    ) {
        let mut role = Role::new("role");
        role.spec.allow.app_labels = Some(LabelSelector::wildcard());
        role.spec.allow.mcp.tools = Some(vec![entry]);
        let valid = validate_role(&role).is_empty();
        let set = compile(&[role]);
        let access = set.access(AppRef::new("app", &Labels::new()));
        let denial = access.tool("no tool is called this\n").into_result().err();
        let broken = denial.is_some_and(|denial| denial.is_evaluation_error());
        prop_assert!(valid != broken);
    }
}
