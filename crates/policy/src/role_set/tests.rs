use std::time::Duration;

use resource::role::MfaRequirement;
use resource::{LabelSelector, Labels, LockMode, Rule};

use super::*;
use crate::decision::DenialKind;
use crate::limits::MAX_PATTERNS_BYTES;
use crate::pattern::Pattern;
use crate::validate::validate_role;

fn rule(kinds: &[&str], verbs: &[&str]) -> Rule {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Rule { resources: owned(kinds), verbs: owned(verbs), ..Rule::default() }
}

fn when(rule: Rule, clause: &str) -> Rule {
    Rule { where_clause: Some(clause.to_owned()), ..rule }
}

fn role(name: &str, allow: &[Rule], deny: &[Rule]) -> Arc<Role> {
    let mut role = Role::new(name);
    role.spec.allow.rules = allow.to_vec();
    role.spec.deny.rules = deny.to_vec();
    Arc::new(role)
}

fn set(roles: &[Arc<Role>]) -> RoleSet {
    RoleSet::compile(roles, User::new("alice", &Traits::new()))
}

fn ask(roles: &[Arc<Role>], kind: &str, verb: &str) -> Result<(), bool> {
    let decision = set(roles).rule(kind, verb, &RuleContext::NO_RESOURCE);
    decision.into_result().map_err(|denial| denial.is_evaluation_error())
}

const ALLOWED: Result<(), bool> = Ok(());
const REFUSED: Result<(), bool> = Err(false);
const BROKEN: Result<(), bool> = Err(true);

#[test]
fn verbs() {
    let reader = [role("r", &[rule(&["app"], &["read"])], &[])];
    assert_eq!(ask(&reader, "app", "read"), ALLOWED);
    assert_eq!(ask(&reader, "app", "readnosecrets"), ALLOWED);
    assert_eq!(ask(&reader, "app", "list"), REFUSED);
    assert_eq!(ask(&reader, "App", "read"), REFUSED);
    let partial = [role("r", &[rule(&["app"], &["readnosecrets"])], &[])];
    assert_eq!(ask(&partial, "app", "read"), REFUSED);
    let all = rule(&["app"], &["*"]);
    let denied = [role("r", std::slice::from_ref(&all), &[rule(&["app"], &["readnosecrets"])])];
    assert_eq!(ask(&denied, "app", "read"), ALLOWED);
    assert_eq!(ask(&denied, "app", "readnosecrets"), REFUSED);
    let denied = [role("r", &[all], &[rule(&["app"], &["read"])])];
    assert_eq!(ask(&denied, "app", "readnosecrets"), REFUSED);
    let everything = [role("r", &[rule(&["*"], &["*"])], &[])];
    assert_eq!(ask(&everything, "anything", "frobnicate"), ALLOWED);
    assert_eq!(ask(&[], "app", "read"), REFUSED);
}

#[test]
fn a_deny_of_any_role_comes_first() {
    let all = role("all", &[rule(&["*"], &["*"])], &[]);
    let no = role("no", &[], &[rule(&["*"], &["delete"])]);
    assert_eq!(ask(&[all.clone(), no.clone()], "app", "delete"), REFUSED);
    assert_eq!(ask(&[all, no], "app", "read"), ALLOWED);
}

#[test]
fn namespaces() {
    let mut other = Role::new("other");
    other.spec.allow.namespaces = vec!["other".to_owned()];
    other.spec.allow.rules = vec![rule(&["app"], &["*"])];
    let roles = [Arc::new(other)];
    assert_eq!(ask(&roles, "app", "read"), REFUSED);
    let context = RuleContext { namespace: "other", resource: None };
    assert!(set(&roles).rule("app", "read", &context).is_allowed());
}

#[test]
fn a_clause_that_does_not_parse_refuses_its_kind() {
    let broken = when(rule(&["role"], &["read"]), "containz(a)");
    let roles = [role("r", &[broken.clone(), rule(&["role", "user"], &["*"])], &[])];
    assert_eq!(ask(&roles, "role", "list"), BROKEN);
    assert_eq!(ask(&roles, "user", "list"), ALLOWED);
    // In a deny it refuses even what other roles grant.
    let roles = [role("all", &[rule(&["*"], &["*"])], &[]), role("r", &[], &[broken])];
    assert_eq!(ask(&roles, "role", "list"), BROKEN);
    assert_eq!(ask(&roles, "user", "list"), ALLOWED);
}

#[test]
fn the_most_specific_rule_decides_whether_an_error_is_met() {
    let broken = |kinds: &[&str]| when(rule(kinds, &["read"]), "broken(");
    // A clause makes a rule more specific than one for its kind alone, however they are ordered.
    let plain = rule(&["role"], &["read"]);
    assert_eq!(ask(&[role("r", &[plain.clone(), broken(&["role"])], &[])], "role", "read"), BROKEN);
    // A clause on every kind is tried after the rules of the kind.
    assert_eq!(ask(&[role("r", &[broken(&["*"]), plain.clone()], &[])], "role", "read"), ALLOWED);
    assert_eq!(ask(&[role("r", &[broken(&["*"]), plain.clone()], &[])], "role", "list"), BROKEN);
    // Actions count as much as clauses; written first, they come first.
    let logged = Rule { actions: vec!["log(\"info\", \"x\")".to_owned()], ..plain.clone() };
    let roles = [role("r", &[logged.clone(), broken(&["role"])], &[])];
    assert_eq!(ask(&roles, "role", "read"), ALLOWED);
    // An earlier role that grants hides what comes after it.
    let roles = [role("a", &[plain], &[]), role("b", &[broken(&["role"])], &[])];
    assert_eq!(ask(&roles, "role", "read"), ALLOWED);
    assert_eq!(ask(&roles, "role", "list"), BROKEN);
    let bad_action = Rule { actions: vec!["nonsense".to_owned()], ..logged };
    assert_eq!(ask(&[role("r", std::slice::from_ref(&bad_action), &[])], "role", "read"), BROKEN);
    assert_eq!(ask(&[role("r", &[bad_action], &[])], "role", "list"), REFUSED);
}

#[test]
fn questions_without_a_resource_guess_in_favour() {
    let own = when(rule(&["role"], &["read"]), "equals(resource.metadata.name, \"x\")");
    let own = [own];
    let roles = [role("r", &own, &own)];
    assert!(set(&roles).possibly("role", "read"));
    assert_eq!(ask(&roles, "role", "read"), REFUSED);
    assert!(!set(&roles).possibly("role", "list"));
    let denied = [role("r", &[rule(&["role"], &["*"])], &[rule(&["role"], &["read"])])];
    assert!(!set(&denied).possibly("role", "read"));
    let broken = [role("r", &[when(rule(&["role"], &["read"]), "broken(")], &[])];
    assert!(!set(&broken).possibly("role", "read"));
}

#[test]
fn clauses_see_the_roles_held() {
    let clause = "contains(user.spec.roles, \"r\")";
    let roles = [role("r", &[when(rule(&["app"], &["read"]), clause)], &[])];
    assert_eq!(ask(&roles, "app", "read"), ALLOWED);
    let held = ["other".to_owned()];
    let traits = Traits::new();
    let user = User { roles: Some(&held), ..User::new("alice", &traits) };
    let set = RoleSet::compile(&roles, user);
    assert!(!set.rule("app", "read", &RuleContext::NO_RESOURCE).is_allowed());
}

#[test]
fn clauses_see_the_resource() {
    let clause = "equals(resource.metadata.labels[\"team\"], \"a\")";
    let roles = [role("r", &[when(rule(&["app"], &["read"]), clause)], &[])];
    let labels = |team: &str| Labels::from([("team".to_owned(), team.to_owned())]);
    let (a, b) = (labels("a"), labels("b"));
    let of = |labels| {
        set(&roles).rule(
            "app",
            "read",
            &RuleContext::of(clause::ResourceRef::new("app", "x", labels)),
        )
    };
    assert!(of(&a).is_allowed());
    assert!(!of(&b).is_allowed());
}

#[test]
fn refusals_say_what_to_whom() {
    let roles = [role("secret-role", &[], &[rule(&["app"], &["read"])])];
    let denial =
        set(&roles).rule("app", "read", &RuleContext::NO_RESOURCE).into_result().unwrap_err();
    assert_eq!(denial.to_string(), "access denied to perform action \"read\" on \"app\"");
    assert_eq!(denial.reason(), "role \"secret-role\" denies it by deny.rules[0]");
}

#[test]
fn a_role_that_does_not_exist_refuses_everything() {
    let traits = Traits::new();
    let mut all = Role::new("all");
    all.spec.allow.app_labels = Some(LabelSelector::wildcard());
    all.spec.allow.rules = vec![rule(&["*"], &["*"])];
    let all = Arc::new(all);
    let find = |name: &str| (name == "all").then(|| Arc::clone(&all));
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let user = User::new("alice", &traits);

    let good = RoleSet::resolve(&names(&["all"]), find, user);
    assert!(good.rule("x", "y", &RuleContext::NO_RESOURCE).is_allowed());
    assert_eq!(good.role_names().collect::<Vec<_>>(), ["all", IMPLICIT_ROLE]);

    let bad = RoleSet::resolve(&names(&["all", "gone"]), find, user);
    assert_eq!(bad.missing_roles(), ["gone"]);
    let denial = bad.rule("x", "y", &RuleContext::NO_RESOURCE).into_result().unwrap_err();
    assert!(denial.reason().contains("gone") && denial.is_evaluation_error());
    assert!(!denial.to_string().contains("gone"));
    assert!(!bad.possibly("app", "read"));
    let labels = Labels::new();
    let denial = bad.access(AppRef::new("x", &labels)).connect().into_result().unwrap_err();
    assert!(denial.is_evaluation_error());
    assert!(!denial.public_message().contains("gone"));
    assert!(denial.reasons().to_string().contains("\"gone\" does not exist"));
    let error = bad.granted_tools().unwrap_err();
    assert_eq!(error, GrantedToolsError::MissingRole { role: "gone".to_owned() });
}

#[test]
fn the_strictest_option_counts() {
    let options = |change: fn(&mut resource::RoleOptions)| {
        let mut role = Role::new("r");
        change(&mut role.spec.options);
        Arc::new(role)
    };
    let roles = [
        options(|o| o.max_session_ttl = Some(Duration::from_secs(100))),
        options(|o| o.max_session_ttl = Some(Duration::from_secs(50))),
        options(|o| o.client_idle_timeout = Some(Duration::ZERO)),
        options(|o| o.client_idle_timeout = Some(Duration::from_secs(9))),
        options(|o| o.lock = Some(LockMode::Strict)),
        options(|o| o.lock = Some(LockMode::BestEffort)),
        options(|o| o.disconnect_expired_cert = Some(true)),
        options(|o| o.disconnect_expired_cert = Some(false)),
        options(|o| o.pin_source_ip = Some(true)),
        options(|o| o.require_session_mfa = Some(MfaRequirement::Session)),
    ];
    let found = set(&roles).options().clone();
    assert_eq!(
        found,
        Options {
            max_session_ttl: Some(Duration::from_secs(50)),
            client_idle_timeout: Some(Duration::from_secs(9)),
            disconnect_expired_cert: true,
            pin_source_ip: true,
            lock: Some(LockMode::Strict),
            mfa: MfaDemand::PerRole,
        }
    );
    assert_eq!(set(&[]).options(), &Options::default());
    let always = [
        options(|o| o.require_session_mfa = Some(MfaRequirement::Session)),
        Arc::new(crate::implicit_role()),
    ];
    assert_eq!(set(&always).options().mfa, MfaDemand::Always);
}

/// Each pattern fits its own bound, and all of them together do not.
#[test]
fn programs_are_bounded_together() {
    let pattern = |at: usize| format!("^x{at}[a-c].{{1,900}}[d-f]$");
    let one = Pattern::compile(&pattern(0)).unwrap().program_bytes();
    let fitting = MAX_PATTERNS_BYTES / one + 1;
    let compile = |count: usize| {
        let mut role = Role::new("role");
        role.spec.allow.app_labels = Some(LabelSelector::wildcard());
        role.spec.allow.mcp.tools = Some((0..count).map(pattern).collect());
        let traits = Traits::new();
        let refused = !validate_role(&role).is_empty();
        let set = RoleSet::compile(&[Arc::new(role)], User::new("alice", &traits));
        let access = set.access(AppRef::new("app", &Labels::new()));
        let decided = access.tool("none").into_result().map(drop);
        let broken = decided.is_err_and(|denial| denial.is_evaluation_error());
        assert_eq!(broken, refused, "{count} patterns");
        broken
    };
    // Sizes differ a little by the digits in the patterns.
    assert!(!compile(fitting * 9 / 10));
    assert!(compile(fitting * 11 / 10));
}

#[test]
fn patterns_without_programs_are_bounded_too() {
    let broken = |entries: usize| {
        let mut role = Role::new("role");
        role.spec.allow.app_labels = Some(LabelSelector::wildcard());
        role.spec.allow.mcp.tools =
            Some((0..entries).map(|at| format!("{at}{{{{external.t}}}}")).collect());
        let values = (0..1000).map(|at| format!("{at:03}{}", "v".repeat(1000))).collect();
        let traits = Traits::from([("t".to_owned(), values)]);
        let set = RoleSet::compile(&[Arc::new(role)], User::new("alice", &traits));
        let access = set.access(AppRef::new("app", &Labels::new()));
        access.tool("none").into_result().is_err_and(|denial| denial.is_evaluation_error())
    };
    let fitting = MAX_PATTERNS_BYTES / (1000 * (Pattern::KEPT_BYTES + 1005));
    assert!(!broken(fitting));
    assert!(broken(fitting + 2));
}

#[test]
fn work_on_templates_is_bounded_together() {
    // Each search reads on to the end for the `b` that is not there.
    let long = "c".repeat(3000);
    let entry = format!(r#"{{{{regexp.replace(external.t, "a.*b|a|{long}", "x")}}}}"#);
    let decide = |bytes: usize, deny: bool| {
        let mut role = Role::new("role");
        role.spec.allow.app_labels = Some(LabelSelector::wildcard());
        role.spec.allow.mcp.tools = Some(vec!["*".to_owned()]);
        let list =
            if deny { &mut role.spec.deny.mcp.tools } else { &mut role.spec.allow.mcp.tools };
        list.get_or_insert_default().insert(0, entry.clone());
        let traits = Traits::from([("t".to_owned(), vec!["a".repeat(bytes)])]);
        let set = RoleSet::compile(&[Arc::new(role)], User::new("alice", &traits));
        let access = set.access(AppRef::new("app", &Labels::new()));
        access.tool("name").into_result().map(drop).map_err(|denial| denial.kind())
    };
    assert_eq!(decide(100, true), Ok(()));
    // An entry that takes too much grants nothing, and as an entry of a deny it denies.
    assert_eq!(decide(60_000, false), Ok(()));
    assert_eq!(decide(60_000, true), Err(DenialKind::Evaluation));
}
