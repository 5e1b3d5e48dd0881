use resource::role::{McpConditions, MfaRequirement};
use resource::{LabelSelector, Role, Traits};

use super::*;
use crate::role_set::{RootTools, User};

fn list(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// A role that reaches every app.
fn everywhere(name: &str) -> Role {
    let mut role = Role::new(name);
    role.spec.allow.app_labels = Some(LabelSelector::wildcard());
    role
}

fn granting(tools: &[&str]) -> Role {
    let mut role = everywhere("granting");
    role.spec.allow.mcp.tools = Some(list(tools));
    role
}

fn denying(tools: &[&str]) -> Role {
    let mut role = Role::new("denying");
    role.spec.deny.mcp.tools = Some(list(tools));
    role
}

fn set(roles: Vec<Role>) -> RoleSet {
    let roles: Vec<_> = roles.into_iter().map(Arc::new).collect();
    RoleSet::compile(&roles, User::new("alice", &Traits::new()))
}

fn access_in(roles: Vec<Role>, state: AccessState) -> AppAccess {
    set(roles).access_with(AppRef::new("app", &Labels::new()), state)
}

fn access(roles: Vec<Role>) -> AppAccess {
    access_in(roles, AccessState::default())
}

fn kind(decision: Decision<'_>) -> Option<DenialKind> {
    // Whatever is decided, the slow walk has to agree.
    let explained = decision.reasons().outcome;
    let found = decision.into_result().map(|_| ()).map_err(|denial| denial.kind());
    assert_eq!(found, explained);
    found.err()
}

const EVALUATION: Option<DenialKind> = Some(DenialKind::Evaluation);
const DENIED: Option<DenialKind> = Some(DenialKind::Denied);
const NOT_GRANTED: Option<DenialKind> = Some(DenialKind::NotGranted);

#[test]
fn a_label_without_a_value_can_forbid_and_allows_nothing() {
    let unknown = BTreeSet::from(["teleport.dev/phase".to_owned()]);
    let labels = Labels::from([("env".to_owned(), "dev".to_owned())]);
    let app = || AppRef::new("app", &labels).with_unknown(&unknown);
    let decide = |roles: Vec<Role>| kind(set(roles).access(app()).connect());
    let phase = |value: &str| LabelSelector::from_pairs([("tessera.dev/phase", value)]);
    let denying = |selector: LabelSelector| {
        let mut role = Role::new("denying");
        role.spec.deny.app_labels = Some(selector);
        role
    };
    assert_eq!(decide(vec![everywhere("a")]), None);
    assert_eq!(decide(vec![denying(phase("frozen")), everywhere("a")]), EVALUATION);
    assert_eq!(decide(vec![denying(phase("*")), everywhere("a")]), EVALUATION);
    // Another label decides: whatever the value is, this does not deny.
    let elsewhere = LabelSelector::from_pairs([("env", "prod"), ("tessera.dev/phase", "x")]);
    assert_eq!(decide(vec![denying(elsewhere), everywhere("a")]), None);
    let mut allowing = Role::new("allowing");
    allowing.spec.allow.app_labels = Some(phase("*"));
    assert_eq!(decide(vec![allowing.clone()]), NOT_GRANTED);
    assert_eq!(decide(vec![allowing, everywhere("a")]), None);
    for expression in
        [r#"labels["tessera.dev/phase"] != "x""#, r#"contains(labels_matching("*"), "dev")"#]
    {
        let mut role = Role::new("reader");
        role.spec.allow.app_labels_expression = Some(expression.to_owned());
        assert_eq!(decide(vec![role.clone()]), EVALUATION, "{expression}");
        role.spec.deny.app_labels_expression = role.spec.allow.app_labels_expression.take();
        assert_eq!(decide(vec![role, everywhere("a")]), EVALUATION, "{expression}");
    }
    let mut role = Role::new("reader");
    role.spec.allow.app_labels_expression = Some(r#"labels["env"] == "dev""#.to_owned());
    assert_eq!(decide(vec![role]), None);
}

#[test]
fn nothing_by_default() {
    assert_eq!(kind(access(vec![]).connect()), NOT_GRANTED);
    assert_eq!(kind(access(vec![Role::new("empty")]).tool("x")), NOT_GRANTED);
    assert_eq!(kind(access(vec![everywhere("a")]).tool("x")), NOT_GRANTED);
    assert_eq!(kind(access(vec![everywhere("a")]).connect()), None);
    assert_eq!(kind(access(vec![granting(&[])]).tool("x")), NOT_GRANTED);
    assert_eq!(kind(access(vec![granting(&[""])]).tool("")), NOT_GRANTED);
    // Only tools: the labels are another role's.
    let mut tools = Role::new("tools");
    tools.spec.allow.mcp.tools = Some(list(&["*"]));
    assert_eq!(kind(access(vec![tools, everywhere("a")]).tool("x")), NOT_GRANTED);
}

#[test]
fn what_is_met_first_decides() {
    let broken = "^(x$";
    // On the deny side.
    let roles = |deny: &[&str]| access(vec![granting(&["*"]), denying(deny)]);
    assert_eq!(kind(roles(&["a", broken]).tool("a")), DENIED);
    assert_eq!(kind(roles(&["a", broken]).tool("b")), EVALUATION);
    assert_eq!(kind(roles(&[broken, "a"]).tool("a")), EVALUATION);
    let two = |first: &[&str], second: &[&str]| {
        access(vec![granting(&["*"]), denying(first), denying(second)])
    };
    assert_eq!(kind(two(&["a"], &[broken]).tool("a")), DENIED);
    assert_eq!(kind(two(&[broken], &["a"]).tool("a")), EVALUATION);
    // On the allow side.
    let two = |first: &[&str], second: &[&str]| access(vec![granting(first), granting(second)]);
    assert_eq!(kind(two(&["a", broken], &["b"]).tool("a")), None);
    assert_eq!(kind(two(&["a", broken], &["b"]).tool("b")), EVALUATION);
    assert_eq!(kind(two(&["b"], &[broken]).tool("b")), None);
    assert_eq!(kind(two(&["b"], &[broken]).tool("c")), EVALUATION);
}

#[test]
fn labels_that_cannot_be_evaluated() {
    let labels = Labels::from([("env".to_owned(), "prod".to_owned())]);
    let broken = || {
        let mut role = Role::new("broken");
        role.spec.allow.app_labels = Some(LabelSelector::from_pairs([("env", "^(x$")]));
        role.spec.allow.mcp.tools = Some(list(&["*"]));
        role
    };
    let ask = |roles| kind(set(roles).access(AppRef::new("app", &labels)).tool("a"));
    assert_eq!(ask(vec![granting(&["a"]), broken()]), None);
    assert_eq!(ask(vec![granting(&["b"]), broken()]), EVALUATION);
    assert_eq!(ask(vec![broken(), granting(&["a"])]), EVALUATION);
    let mut deny = Role::new("deny");
    deny.spec.deny.app_labels = Some(LabelSelector::from_pairs([("env", "^(x$")]));
    assert_eq!(ask(vec![granting(&["a"]), deny.clone()]), EVALUATION);
    assert_eq!(ask(vec![granting(&["a"]), denying(&["a"]), deny]), DENIED);
}

#[test]
fn labels_and_expression_of_an_allow_are_both_evaluated() {
    let labels = Labels::from([("env".to_owned(), "prod".to_owned())]);
    let role = |label: &str, expression: &str, side: Side| {
        let mut role = Role::new("r");
        let conditions =
            if side == Side::Allow { &mut role.spec.allow } else { &mut role.spec.deny };
        conditions.app_labels = Some(LabelSelector::from_pairs([("env", label)]));
        conditions.app_labels_expression = Some(expression.to_owned());
        role
    };
    let allow = |label, expression| {
        let set = set(vec![role(label, expression, Side::Allow)]);
        kind(set.access(AppRef::new("app", &labels)).connect())
    };
    let deny = |label, expression| {
        let set = set(vec![everywhere("a"), role(label, expression, Side::Deny)]);
        kind(set.access(AppRef::new("app", &labels)).connect())
    };
    let (yes, no, bad) = ("1 == 1", "1 == 2", "regexp.match(labels.env, \"^(x$\")");
    assert_eq!(allow("prod", yes), None);
    assert_eq!(allow("dev", yes), NOT_GRANTED);
    assert_eq!(allow("prod", no), NOT_GRANTED);
    assert_eq!(allow("dev", bad), EVALUATION);
    assert_eq!(allow("prod", "nonsense("), EVALUATION);
    assert_eq!(deny("prod", bad), DENIED);
    assert_eq!(deny("dev", yes), DENIED);
    assert_eq!(deny("dev", bad), EVALUATION);
    assert_eq!(deny("dev", "nonsense("), EVALUATION);
    assert_eq!(deny("dev", no), None);
}

#[test]
fn denied_tools_are_denied_on_every_app() {
    let mut role = granting(&["*"]);
    role.spec.deny.app_labels = Some(LabelSelector::from_pairs([("env", "other")]));
    role.spec.deny.mcp.tools = Some(list(&["write_*"]));
    let access = access(vec![role]);
    assert_eq!(kind(access.tool("write_file")), DENIED);
    assert_eq!(kind(access.tool("read_file")), None);
    assert_eq!(kind(access.connect()), None);
}

#[test]
fn namespaces_narrow_both_sides() {
    let mut elsewhere = granting(&["*"]);
    elsewhere.spec.allow.namespaces = list(&["other"]);
    assert_eq!(kind(access(vec![elsewhere.clone()]).tool("x")), NOT_GRANTED);
    let labels = Labels::new();
    let app = AppRef { namespace: "other", ..AppRef::new("app", &labels) };
    assert_eq!(kind(set(vec![elsewhere]).access(app).tool("x")), None);
    let mut deny = denying(&["*"]);
    deny.spec.deny.namespaces = list(&["other"]);
    assert_eq!(kind(access(vec![granting(&["*"]), deny.clone()]).tool("x")), None);
    deny.spec.deny.namespaces = list(&["*"]);
    assert_eq!(kind(access(vec![granting(&["*"]), deny]).tool("x")), DENIED);
}

#[test]
fn a_deny_that_cannot_be_evaluated_denies() {
    for entry in ["{{external.a", "{{internal.nope}}", "{{external.a}}{{external.b}}", "^(x$"] {
        assert_eq!(kind(access(vec![granting(&["*"]), denying(&[entry])]).tool("x")), EVALUATION);
    }
    // A user without the trait has nothing denied by it, but is told so.
    let access = access(vec![granting(&["*"]), denying(&["{{external.blocked}}"])]);
    assert_eq!(kind(access.tool("x")), None);
    assert!(access.tool("x").reasons().to_string().contains("stands for nothing"));
}

#[test]
fn prompts_and_resources() {
    // Roles that do not mention them leave them open on the apps they grant.
    let open = access(vec![granting(&["*"])]);
    assert_eq!(kind(open.prompt("p")), None);
    assert_eq!(kind(open.resource("file:///x")), None);
    assert_eq!(kind(access(vec![Role::new("no-app")]).prompt("p")), NOT_GRANTED);

    let role = |prompts: Option<&[&str]>, resources: Option<&[&str]>| {
        let mut role = everywhere("r");
        role.spec.allow.mcp = McpConditions {
            tools: None,
            prompts: prompts.map(list),
            resources: resources.map(list),
        };
        role
    };
    let narrow = access(vec![role(Some(&["a*"]), Some(&[]))]);
    assert_eq!(kind(narrow.prompt("ab")), None);
    assert_eq!(kind(narrow.prompt("b")), NOT_GRANTED);
    assert_eq!(kind(narrow.resource("file:///x")), NOT_GRANTED);
    // What one role leaves open, another does not close.
    let both = access(vec![role(Some(&[]), Some(&["file:///x*"])), role(None, Some(&["db://*"]))]);
    assert_eq!(kind(both.prompt("x")), None);
    assert_eq!(kind(both.resource("file:///x/{path}")), None);
    assert_eq!(kind(both.resource("db://1")), None);
    assert_eq!(kind(both.resource("http://1")), NOT_GRANTED);
    // A broken list before the open one is met first.
    let broken = access(vec![role(Some(&["^(x$"]), None), role(None, None)]);
    assert_eq!(kind(broken.prompt("x")), EVALUATION);
    // A deny wins.
    let mut deny = Role::new("deny");
    deny.spec.deny.mcp.prompts = Some(list(&["secret*"]));
    deny.spec.deny.mcp.resources = Some(list(&["^file:///etc/.*$"]));
    let denied = access(vec![granting(&["*"]), deny]);
    assert_eq!(kind(denied.prompt("secret")), DENIED);
    assert_eq!(kind(denied.prompt("open")), None);
    assert_eq!(kind(denied.resource("file:///etc/passwd")), DENIED);
    assert_eq!(kind(denied.tool("secret")), None);
}

#[test]
fn second_factors() {
    let demanding = |tools: &[&str]| {
        let mut role = granting(tools);
        role.spec.options.require_session_mfa = Some(MfaRequirement::Session);
        role
    };
    let verified = AccessState { mfa_verified: true, ..AccessState::default() };
    let required = AccessState { cluster_requires_mfa: true, ..AccessState::default() };
    let mfa = Some(DenialKind::MfaRequired);

    assert_eq!(kind(access(vec![demanding(&["a"])]).tool("a")), mfa);
    assert_eq!(kind(access_in(vec![demanding(&["a"])], verified).tool("a")), None);
    assert_eq!(kind(access_in(vec![granting(&["a"])], required).connect()), mfa);
    assert_eq!(
        kind(
            access_in(vec![granting(&["a"])], AccessState { mfa_verified: true, ..required })
                .connect()
        ),
        None
    );
    // Demanded by one role of several: only where that role has a part in the grant.
    let some = || vec![granting(&["a", "b"]), demanding(&["b", "c"])];
    assert_eq!(kind(access(some()).tool("a")), None);
    assert_eq!(kind(access(some()).tool("b")), mfa);
    assert_eq!(kind(access(some()).tool("c")), mfa);
    assert_eq!(kind(access(some()).tool("d")), NOT_GRANTED);
    assert_eq!(kind(access(some()).connect()), mfa);
    assert_eq!(kind(access(some()).prompt("p")), mfa);
    assert_eq!(kind(access_in(some(), verified).tool("b")), None);
    // Looking further meets errors that a grant would have hidden.
    let broken = || vec![granting(&["a"]), demanding(&["x"]), granting(&["^(x$"])];
    assert_eq!(kind(access(broken()).tool("a")), EVALUATION);
    assert_eq!(kind(access_in(broken(), verified).tool("a")), None);
    assert!(
        access(some())
            .tool("b")
            .into_result()
            .unwrap_err()
            .public_message()
            .contains("second factor")
    );
}

#[test]
fn trusted_devices() {
    let mut role = granting(&["a"]);
    role.spec.options.device_trust_mode = Some("required".to_owned());
    let in_state = |device| {
        let state = AccessState { device, ..AccessState::default() };
        kind(access_in(vec![role.clone()], state).tool("a"))
    };
    assert_eq!(in_state(DeviceTrust::NotEvaluated), None);
    assert_eq!(in_state(DeviceTrust::Trusted), None);
    assert_eq!(in_state(DeviceTrust::Unknown), Some(DenialKind::DeviceRequired));
}

#[test]
fn what_the_root_denies_is_not_granted_through_its_tools() {
    let allowed = list(&["slack_*", "db_*"]);
    let denied = list(&["slack_admin_*", "^db_(drop|truncate)$"]);
    let traits = Traits::from([("mcp_tools".to_owned(), list(&["own", "slack_admin_own"]))]);
    let root = RootTools { allowed: &allowed, denied: &denied };
    let user = User { root: Some(root), ..User::new("alice", &traits) };
    let access = |roles: Vec<Role>, user: User<'_>| {
        let roles: Vec<_> = roles.into_iter().map(Arc::new).collect();
        RoleSet::compile(&roles, user).access(AppRef::new("app", &Labels::new()))
    };
    let through = access(vec![granting(&["{{internal.mcp_tools}}"])], user);
    assert_eq!(kind(through.tool("slack_post")), None);
    assert_eq!(kind(through.tool("own")), None);
    assert_eq!(kind(through.tool("slack_admin_x")), NOT_GRANTED);
    assert_eq!(kind(through.tool("slack_admin_own")), NOT_GRANTED);
    assert_eq!(kind(through.tool("db_drop")), NOT_GRANTED);
    assert_eq!(kind(through.tool("db_read")), None);
    assert_eq!(kind(through.tool("other")), NOT_GRANTED);
    let shown = through.patterns(Kind::Tool);
    assert_eq!(shown.allowed, ["slack_*", "db_*", "own", "slack_admin_own"]);
    assert_eq!(shown.denied, denied);
    assert_eq!(access(vec![granting(&["leaf"])], user).patterns(Kind::Tool).denied, [""; 0]);
    assert!(through.tool("db_drop").reasons().to_string().contains("root cluster denies"));
    // The leaf's own patterns are the leaf's own.
    let own = access(vec![granting(&["{{internal.mcp_tools}}", "slack_admin_x"])], user);
    assert_eq!(kind(own.tool("slack_admin_x")), None);
    // A deny that cannot be evaluated denies.
    let unclear = list(&["^(x$"]);
    let user = User { root: Some(RootTools { denied: &unclear, ..root }), ..user };
    let through = access(vec![granting(&["{{internal.mcp_tools}}", "leaf"])], user);
    assert_eq!(kind(through.tool("slack_post")), NOT_GRANTED);
    assert_eq!(kind(through.tool("leaf")), None);
}

#[test]
fn patterns_for_people() {
    let mut deny = denying(&["write_*", "x"]);
    deny.spec.deny.mcp.prompts = Some(list(&["p"]));
    let roles =
        vec![granting(&["read_*", "{{external.missing}}"]), granting(&["a", "read_*"]), deny];
    let labels = Labels::new();
    let set = set(roles);
    let found = set.tool_patterns(AppRef::new("app", &labels));
    assert_eq!(found.allowed, ["read_*", "a"]);
    assert_eq!(found.denied, ["write_*", "x"]);
    assert_eq!(set.granted_tools(), Ok(found));
    let access = set.access(AppRef::new("app", &labels));
    assert_eq!(access.patterns(Kind::Prompt).allowed, ["*"]);
    assert_eq!(access.patterns(Kind::Prompt).denied, ["p"]);
    // An app that is denied, or not granted, offers nothing.
    let mut denied = Role::new("denied");
    denied.spec.deny.app_labels = Some(LabelSelector::wildcard());
    let set = self::set(vec![granting(&["*"]), denied]);
    assert_eq!(set.tool_patterns(AppRef::new("app", &labels)).allowed, [""; 0]);
}

#[test]
fn patterns_that_grant_nothing_are_not_shown() {
    let labels = Labels::new();
    let shown = |roles: Vec<Role>| {
        let set = set(roles);
        let access = set.access(AppRef::new("app", &labels));
        let found = access.patterns(Kind::Tool).allowed;
        // Every pattern here is a name as well: what is shown is what may be called.
        for name in ["a", "b", "c"] {
            assert_eq!(
                found.iter().any(|known| known == name),
                access.tool_visible(name),
                "{name}"
            );
        }
        found
    };
    // Nothing is granted that a deny which cannot be evaluated might deny.
    assert_eq!(shown(vec![granting(&["a"]), denying(&["^(x$"])]), [""; 0]);
    // An allow that cannot be evaluated ends the search.
    assert_eq!(shown(vec![granting(&["a", "^(x$", "b"]), granting(&["c"])]), ["a"]);
    assert_eq!(shown(vec![granting(&["c"]), granting(&["a", "^(x$"])]), ["c", "a"]);
}

#[test]
fn names_that_are_too_long_are_refused() {
    let access = access(vec![granting(&["*"])]);
    let at = "a".repeat(MAX_SUBJECT_BYTES);
    assert_eq!(kind(access.tool(&at)), None);
    let over = format!("{at}a");
    assert_eq!(kind(access.tool(&over)), Some(DenialKind::TooLong));
    assert!(!access.tool_visible(&over));
}

#[test]
fn permits_say_what_they_permit() {
    let access = access(vec![granting(&["a"])]);
    let permit = access.tool("a").into_result().unwrap().into_owned();
    assert_eq!((permit.app(), permit.user()), ("app", "alice"));
    assert_eq!(permit.subject().named(), Some((Kind::Tool, "a")));
    let permit = access.connect().into_result().unwrap();
    assert_eq!(permit.subject().named(), None);
    assert!(permit.reasons().is_allowed());
}

#[test]
fn refusals_name_neither_role_nor_pattern() {
    let mut role = granting(&["secret_pattern_*"]);
    role.metadata.name = "secret-role".to_owned();
    let nobody = access(vec![]);
    let access = access(vec![role, denying(&["secret_denied"])]);
    for decision in [access.tool("x"), access.tool("secret_denied"), nobody.connect()] {
        let message = decision.into_result().unwrap_err().public_message();
        assert!(!message.contains("secret"), "{message}");
    }
}

#[test]
fn more_roles_than_one_word_of_bits() {
    let mut roles: Vec<Role> = (0..130).map(|at| granting(&[&format!("tool_{at}")])).collect();
    roles.push(denying(&["tool_7"]));
    let access = access(roles);
    assert_eq!(kind(access.tool("tool_129")), None);
    assert_eq!(kind(access.tool("tool_64")), None);
    assert_eq!(kind(access.tool("tool_7")), DENIED);
    assert_eq!(kind(access.tool("tool_130")), NOT_GRANTED);
}
