//! The engine against a second one, written to be read rather than to be fast.
//!
//! Roles are put together from a few patterns, selectors and expressions whose meaning the model states by hand,
//! so that the two share neither a parser nor a matcher.

#![expect(clippy::indexing_slicing, reason = "the model indexes its own tables")]

use std::sync::Arc;

use policy::{AccessState, AppRef, DenialKind, DeviceTrust, Kind, RoleSet, Subject, User};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use resource::role::{Conditions, MfaRequirement};
use resource::{LabelSelector, Labels, Role, Traits};

/// What a pattern, selector or expression comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Met {
    Yes,
    No,
    Error,
}

type NameFact = (&'static str, for<'a> fn(&'a str) -> Met);
type LabelFact = (&'static str, for<'a> fn(Option<&'a str>) -> Met);

fn met(value: bool) -> Met {
    if value { Met::Yes } else { Met::No }
}

/// Entries of lists, and what each does to a name. `vanishes` is told apart by the caller.
const ENTRIES: [NameFact; 12] = [
    ("a", |name| met(name == "a")),
    ("ab", |name| met(name == "ab")),
    ("*", |name| met(!name.contains('\n'))),
    ("a*", |name| met(name.starts_with('a') && !name.contains('\n'))),
    ("*b", |name| met(name.ends_with('b') && !name.contains('\n'))),
    ("^a|b$", |name| met(name.starts_with('a') || name.ends_with('b'))),
    ("^[ab]+$", |name| met(!name.is_empty() && name.chars().all(|c| c == 'a' || c == 'b'))),
    ("^(a|c).*$", |name| met(name.starts_with(['a', 'c']) && !name.contains('\n'))),
    ("^(x$", |_| Met::Error),
    ("{{external.t}}", |name| met(name == "c" || (name.starts_with("ab") && !name.contains('\n')))),
    ("{{external.broken}}", |_| Met::Error),
    ("^{{external.letter}}{{external.letter}}$", |_| Met::Error),
];
/// Stands for nothing on either side.
const VANISHING: &str = "{{external.missing}}";
/// The last of the entries cannot be evaluated: it vanishes from an allow and is an error in a deny.
const UNPARSABLE: &str = ENTRIES[11].0;

const NAMES: [&str; 9] = ["a", "b", "ab", "abc", "c", "ca", "xb", "a\nb", ""];

/// Values of the selector's one key, and what each does to the app's value of it.
const VALUES: [NameFact; 6] = [
    ("prod", |found| met(found == "prod")),
    ("p*", |found| met(found.starts_with('p'))),
    ("^(dev|test)$", |found| met(found == "dev" || found == "test")),
    ("^(x$", |_| Met::Error),
    ("{{external.missing}}", |found| met(found.is_empty())),
    ("{{external.env}}", |found| met(found == "dev" || found == "prod")),
];

const EXPRESSIONS: [LabelFact; 5] = [
    ("1 == 1", |_| Met::Yes),
    ("labels.env == \"prod\"", |found| met(found == Some("prod"))),
    ("labels.env != \"prod\" && !contains(user.spec.traits.env, labels.env)", |found| {
        met(found != Some("prod") && found != Some("dev"))
    }),
    ("labels.env == \"dev\" || regexp.match(labels.env, \"^(x$\")", |found| {
        if found == Some("dev") { Met::Yes } else { Met::Error }
    }),
    ("nonsense", |_| Met::Error),
];

#[derive(Debug, Clone)]
struct SideModel {
    namespace: usize,
    /// Indexes into `VALUES`; `Err` for the wildcard selector.
    labels: Option<Result<Vec<usize>, ()>>,
    expression: Option<usize>,
    /// Indexes into `ENTRIES`, one past the end for the vanishing entry; tools, prompts.
    lists: [Option<Vec<usize>>; 2],
}

#[derive(Debug, Clone)]
struct RoleModel {
    allow: SideModel,
    deny: SideModel,
    mfa: bool,
    device: bool,
}

const NAMESPACES: [&str; 3] = ["default", "other", "*"];

fn side(entries: usize) -> impl Strategy<Value = SideModel> {
    let list = move || of(vec(0..=entries, 0..4));
    let labels = of(prop_oneof![
        2 => Just(Err(())),
        3 => vec(0..VALUES.len(), 0..3).prop_map(Ok),
    ]);
    let expression = prop_oneof![4 => Just(None), 1 => (0..EXPRESSIONS.len()).prop_map(Some)];
    let namespace = prop_oneof![8 => Just(0_usize), 1 => Just(1), 1 => Just(2)];
    (namespace, labels, expression, list(), list()).prop_map(
        |(namespace, labels, expression, tools, prompts)| SideModel {
            namespace,
            labels,
            expression,
            lists: [tools, prompts],
        },
    )
}

fn role() -> impl Strategy<Value = RoleModel> {
    (side(ENTRIES.len()), side(ENTRIES.len()), prop::bool::weighted(0.1), prop::bool::weighted(0.1))
        .prop_map(|(allow, mut deny, mfa, device)| {
            // Denials are rarer, or little would ever be granted.
            if deny.lists[0].as_ref().is_some_and(|list| list.len() > 1) {
                deny.labels = None;
                deny.expression = None;
            }
            RoleModel { allow, deny, mfa, device }
        })
}

fn state() -> impl Strategy<Value = AccessState> {
    let device = prop_oneof![
        4 => Just(DeviceTrust::NotEvaluated),
        1 => Just(DeviceTrust::Unknown),
        1 => Just(DeviceTrust::Trusted),
    ];
    (any::<bool>(), prop::bool::weighted(0.1), device).prop_map(
        |(mfa_verified, cluster_requires_mfa, device)| AccessState {
            mfa_verified,
            cluster_requires_mfa,
            device,
        },
    )
}

// --- the model

impl SideModel {
    fn entry(&self, index: usize) -> &'static str {
        ENTRIES.get(index).map_or(VANISHING, |(text, _)| text)
    }

    fn build(&self) -> Conditions {
        let list = |list: &Option<Vec<usize>>| {
            list.as_ref().map(|list| list.iter().map(|at| self.entry(*at).to_owned()).collect())
        };
        let mut built = Conditions {
            namespaces: vec![NAMESPACES[self.namespace].to_owned()],
            app_labels: self.labels.as_ref().map(|labels| match labels {
                Err(()) => LabelSelector::wildcard(),
                Ok(values) => {
                    let values = values.iter().map(|at| VALUES[*at].0.to_owned()).collect();
                    LabelSelector([("env".to_owned(), values)].into())
                }
            }),
            app_labels_expression: self.expression.map(|at| EXPRESSIONS[at].0.to_owned()),
            ..Conditions::default()
        };
        built.mcp.tools = list(&self.lists[0]);
        built.mcp.prompts = list(&self.lists[1]);
        built
    }

    fn covers(&self) -> bool {
        NAMESPACES[self.namespace] != "other"
    }

    fn selector(&self, env: Option<&str>) -> Option<Met> {
        Some(match (self.labels.as_ref()?, env) {
            (Err(()), _) => Met::Yes,
            (Ok(_), None) => Met::No,
            (Ok(values), Some(env)) => values
                .iter()
                .map(|at| (VALUES[*at].1)(env))
                .find(|found| *found != Met::No)
                .unwrap_or(Met::No),
        })
    }

    fn expression(&self, env: Option<&str>) -> Option<Met> {
        self.expression.map(|at| (EXPRESSIONS[at].1)(env))
    }

    fn denies_app(&self, env: Option<&str>) -> Met {
        match self.selector(env) {
            Some(found @ (Met::Yes | Met::Error)) => found,
            _ => self.expression(env).unwrap_or(Met::No),
        }
    }

    fn grants_app(&self, env: Option<&str>) -> Met {
        match (self.selector(env), self.expression(env)) {
            (None, None) => Met::No,
            (Some(Met::Error), _) | (_, Some(Met::Error)) => Met::Error,
            (labels, expression) => met(labels != Some(Met::No) && expression != Some(Met::No)),
        }
    }

    fn list(&self, kind: Kind, name: &str, deny: bool) -> Met {
        let list = if kind == Kind::Tool { &self.lists[0] } else { &self.lists[1] };
        let Some(list) = list else {
            return met(!deny && kind != Kind::Tool);
        };
        for at in list {
            let Some((text, fact)) = ENTRIES.get(*at) else { continue };
            if *text == UNPARSABLE && !deny {
                continue;
            }
            match fact(name) {
                Met::No => {}
                found => return found,
            }
        }
        Met::No
    }
}

/// The algorithm of the access semantics, step by step.
fn model(
    roles: &[RoleModel],
    env: Option<&str>,
    state: AccessState,
    subject: Option<(Kind, &str)>,
) -> Result<(), DenialKind> {
    let demanding = roles.iter().filter(|role| role.mfa).count();
    let always = state.cluster_requires_mfa || (demanding > 0 && demanding == roles.len());
    if always && !state.mfa_verified {
        return Err(DenialKind::MfaRequired);
    }
    let mfa_satisfied = state.mfa_verified || demanding == 0;
    let device_satisfied = state.device != DeviceTrust::Unknown;
    for role in roles.iter().filter(|role| role.deny.covers()) {
        let listed = || subject.map_or(Met::No, |(kind, name)| role.deny.list(kind, name, true));
        match role.deny.denies_app(env) {
            Met::Yes => return Err(DenialKind::Denied),
            Met::Error => return Err(DenialKind::Evaluation),
            Met::No => {}
        }
        match listed() {
            Met::Yes => return Err(DenialKind::Denied),
            Met::Error => return Err(DenialKind::Evaluation),
            Met::No => {}
        }
    }
    let mut granted = false;
    for role in roles.iter().filter(|role| role.allow.covers()) {
        let listed = || subject.map_or(Met::Yes, |(kind, name)| role.allow.list(kind, name, false));
        let found = match role.allow.grants_app(env) {
            Met::Yes => listed(),
            other => other,
        };
        match found {
            Met::No => continue,
            Met::Error => return Err(DenialKind::Evaluation),
            Met::Yes => {}
        }
        if mfa_satisfied && device_satisfied {
            return Ok(());
        }
        if role.mfa && !mfa_satisfied {
            return Err(DenialKind::MfaRequired);
        }
        if role.device && !device_satisfied {
            return Err(DenialKind::DeviceRequired);
        }
        granted = true;
    }
    if granted { Ok(()) } else { Err(DenialKind::NotGranted) }
}

// --- the engine

fn compile(roles: &[RoleModel]) -> RoleSet {
    let list = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    let traits = Traits::from([
        ("t".to_owned(), list(&["ab*", "", "c"])),
        ("env".to_owned(), list(&["dev", "prod"])),
        ("broken".to_owned(), list(&["^(x$"])),
    ]);
    let built: Vec<_> = roles
        .iter()
        .enumerate()
        .map(|(at, model)| {
            let mut role = Role::new(format!("role-{at}"));
            role.spec.allow = model.allow.build();
            role.spec.deny = model.deny.build();
            role.spec.options.require_session_mfa = model.mfa.then_some(MfaRequirement::Session);
            role.spec.options.device_trust_mode = model.device.then(|| "required".to_owned());
            Arc::new(role)
        })
        .collect();
    RoleSet::compile(&built, User::new("alice", &traits))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn the_engine_decides_as_the_model(
        roles in vec(role(), 0..5),
        env in prop_oneof![Just(None), Just(Some("prod")), Just(Some("dev")), Just(Some("")), Just(Some("x"))],
        state in state(),
    ) {
        let labels: Labels = env.map(|env| ("env".to_owned(), env.to_owned())).into_iter().collect();
        let access = compile(&roles).access_with(AppRef::new("app", &labels), state);
        let connect = access.connect().into_result().map(|_| ()).map_err(|denial| denial.kind());
        prop_assert_eq!(connect, model(&roles, env, state, None));
        prop_assert_eq!(access.explain(&Subject::Connect).outcome, connect);
        for kind in [Kind::Tool, Kind::Prompt] {
            for name in NAMES {
                let decision = access.decide(kind, name);
                let explained = decision.reasons();
                let found = decision.into_result().map(|_| ()).map_err(|denial| denial.kind());
                prop_assert_eq!(found, model(&roles, env, state, Some((kind, name))), "{:?}", name);
                prop_assert_eq!(explained.outcome, found, "{:?} {}", name, explained);
                prop_assert_eq!(access.visible(kind, name), found.is_ok());
            }
        }
    }
}
