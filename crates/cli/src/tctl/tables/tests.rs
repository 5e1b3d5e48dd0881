use resource::app::AppStatus;
use resource::token::TokenStatus;
use resource::{AuthorityType, CaKey, JoinRole, LockTarget, Source};
use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00:00 UTC);
const BRIEF: Detail = Detail { now: NOW, verbose: false, secrets: Secrets::Redact };

fn read(text: &str) -> Vec<Resource> {
    let parsed = resource::parse_documents(&Source::new("test", text)).unwrap();
    parsed.into_iter().map(|parsed| parsed.resource).collect()
}

const APP: &str = "kind: app\nmetadata: {name: files, description: All files, labels: {env: \
                   dev}}\nspec: {mcp: {command: npx, run_as_host_user: mcp}}\n";

fn show(kind: Kind, resources: &[Resource], detail: Detail) -> String {
    format!("\n{}\n", text(kind, resources, detail, None))
}

#[test]
fn apps() {
    assert_eq!(
        show(Kind::App, &read(APP), BRIEF),
        "
Name  Description URI          Public Address Labels  Version
----- ----------- ------------ -------------- ------- -------
files All files   mcp+stdio://                env=dev v3
"
    );
}

#[test]
fn what_is_verbose_shows_the_clusters_own_labels_and_cuts_nothing() {
    let detail = Detail { verbose: true, ..BRIEF };
    let wide = text(Kind::App, &read(APP), detail, Some(20));
    assert!(
        wide.contains("env=dev,tessera.dev/origin=dynamic,tessera.internal/app-sub-kind=mcp"),
        "{wide}"
    );
}

#[test]
fn records_of_agents() {
    let Ok(mut app) = App::try_from(read(APP).remove(0)) else { panic!() };
    app.status = Some(AppStatus::default());
    let server = AppServer::new("h1", "node-1", "0.1.0", app);
    assert_eq!(
        show(Kind::AppServer, &[server.into()], BRIEF),
        "
Host   Name  Type  Public Address URI          Labels  Version Status
------ ----- ----- -------------- ------------ ------- ------- --------
node-1 files stdio                mcp+stdio:// env=dev 0.1.0   starting
"
    );
}

#[test]
fn roles() {
    let roles = read(
        "kind: role\nversion: v8\nmetadata: {name: dev}\nspec: {allow: {app_labels: {env: [dev, \
         test]}, mcp: {tools: [read_*, list]}}, deny: {mcp: {tools: [read_all]}}}\n",
    );
    assert_eq!(
        show(Kind::Role, &roles, BRIEF),
        "
Name App Labels   Allowed Tools Denied Tools
---- ------------ ------------- ------------
dev  env=dev|test read_*,list   read_all
"
    );
}

#[test]
fn users() {
    let users = [User::new("alice", ["dev", "auditor"]).into(), User::new("bob", ["dev"]).into()];
    assert_eq!(
        show(Kind::User, &users, BRIEF),
        "
User  Roles
----- -----------
alice dev,auditor
bob   dev
"
    );
}

fn tokens() -> [Resource; 2] {
    let mut expiring = Token::new("0123456789abcdef", [JoinRole::App, JoinRole::Proxy]);
    expiring.metadata.expires = Some(datetime!(2026-03-01 12:29:59 UTC));
    expiring.metadata.labels.insert("env".to_owned(), "dev".to_owned());
    expiring.spec.uses = Some(5);
    expiring.status = TokenStatus { id: "4f2c1b9e00000001".to_owned(), used: 2 };
    [expiring.into(), Token::new("00000000-static", [JoinRole::App]).into()]
}

#[test]
fn tokens_are_masked() {
    assert_eq!(
        show(Kind::Token, &tokens(), BRIEF),
        "
Token            ID               Type      Labels  Uses Left Expiry Time (UTC)
---------------- ---------------- --------- ------- --------- ----------------------------
************cdef 4f2c1b9e00000001 app,proxy env=dev 3         01 Mar 26 12:29 UTC (29m59s)
************tic  -                app               any       never
"
    );
}

#[test]
fn tokens_are_shown_to_who_asks() {
    let shown = show(Kind::Token, &tokens(), Detail { secrets: Secrets::Include, ..BRIEF });
    assert!(shown.contains("0123456789abcdef"), "{shown}");
}

#[test]
fn locks() {
    let target = LockTarget { user: Some("mallory".into()), ..LockTarget::default() };
    let lock = Lock::new("l1", target, "gone");
    assert_eq!(
        show(Kind::Lock, &[lock.into()], BRIEF),
        "
ID Target       Message Expires
-- ------------ ------- -------
l1 user=mallory gone    never
"
    );
}

#[test]
fn authorities() {
    let key = CaKey { certificate: None, public_key: None, private_key: None, created: None };
    let authority = CertAuthority::new(AuthorityType::Host, "example", vec![key]);
    assert_eq!(
        show(Kind::CertAuthority, &[authority.into()], BRIEF),
        "
Cluster Name CA Type Keys
------------ ------- ----
example      host    1
"
    );
}

#[test]
fn the_preference() {
    let preference = ClusterAuthPreference::default();
    let shown = show(Kind::ClusterAuthPreference, &[preference.into()], BRIEF);
    assert!(shown.contains("local otp"), "{shown}");
}

#[test]
fn a_kind_without_resources_has_its_columns() {
    for kind in Kind::ALL {
        let (names, elastic) = columns(kind);
        assert!(names.contains(&elastic), "{kind}");
        assert!(text(kind, &[], BRIEF, None).starts_with(names[0]), "{kind}");
    }
}

#[test]
fn names_do_not_reach_the_terminal_as_commands() {
    let mut user = User::new("a", ["r"]);
    user.metadata.name = "a\u{1b}[2J".to_owned();
    assert!(!show(Kind::User, &[user.into()], BRIEF).contains('\u{1b}'));
}

#[test]
fn clusters_that_are_trusted_and_that_trust() {
    let trusted = "kind: tc\nmetadata: {name: root}\nspec: {enabled: false, web_proxy_addr: \
                   'root.example.com:443', token: s3cret, role_map: [{remote: dev, local: [a, b]}]}\n";
    assert_eq!(
        show(Kind::TrustedCluster, &read(trusted), BRIEF),
        "
Name Enabled Web Proxy Addr       Tunnel Addr Role Map
---- ------- -------------------- ----------- -----------
root false   root.example.com:443             dev => a, b
"
    );
    let remote = "kind: rc\nmetadata: {name: leaf, labels: {env: prod}}\nstatus: {connection: offline, \
                  last_heartbeat: '2026-03-01T11:59:00Z'}\n";
    assert_eq!(
        show(Kind::RemoteCluster, &read(remote), BRIEF),
        "
Name Status  Last Heartbeat       Labels
---- ------- -------------------- --------
leaf offline 2026-03-01T11:59:00Z env=prod
"
    );
}
