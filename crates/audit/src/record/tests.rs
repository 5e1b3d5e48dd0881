//! One of each event: its code, its fields, and that nothing is said twice.

mod clients;

use std::collections::{BTreeMap, BTreeSet};

use runtime::Clock;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;
use time::macros::datetime;

use super::*;
use crate::event::Moment;
use crate::redact::{Body, Headers, Query, ResourceName, TokenName, Uri};
use crate::{Event, MAX_EVENT_BYTES, MAX_PARAMS_BYTES, Message, Stamper, code};

/// The names of an object's members, in order and with repetitions.
struct Names(Vec<String>);

impl<'de> serde::Deserialize<'de> for Names {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Names;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Names, M::Error> {
                let mut names = Vec::new();
                while let Some((name, _)) = map.next_entry::<String, serde::de::IgnoredAny>()? {
                    names.push(name);
                }
                Ok(Names(names))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

fn alice() -> UserMetadata {
    UserMetadata {
        user: "alice".into(),
        kind: UserKind::Human,
        cluster: Some("example".into()),
        roles: vec!["dev".into()],
        traits: BTreeMap::from([("team".into(), vec!["a".into(), "b".into()])]),
    }
}

fn fields(user: &UserMetadata) -> McpSessionFields<'_> {
    McpSessionFields {
        session_id: "0195",
        user,
        with_mfa: Some("device"),
        private_key_policy: Some("none"),
        app_name: "everything",
        app_uri: Uri::new("mcp+http://user:password@host/mcp"),
        server_id: "host-1",
        server_hostname: "node-1",
        server_version: "0.1.0",
        mcp_session_id: Some("abc".into()),
    }
}

fn session() -> McpSession {
    McpSession::new(&fields(&alice())).unwrap()
}

fn stamper() -> Stamper {
    Stamper::new("example", Clock::manual(datetime!(2026-01-02 03:04:05 UTC)))
}

/// One of each record that has both ends, with this one.
fn outcomes(outcome: &Outcome<'_>) -> Vec<Event> {
    let (session, alice, stamper) = (session(), alice(), stamper());
    let headers = Headers::new([("authorization", &b"secret"[..])]);
    let id = RawValue::from_string("7".into()).unwrap();
    let params = RawValue::from_string(r#"{"name":"echo","arguments":{"m":1}}"#.into()).unwrap();
    let message = Message::new("tools/call", Some(&id), Some(&params));
    let outcome = || outcome.clone();
    let login = |method| UserLogin {
        user: "alice".into(),
        method,
        outcome: outcome(),
        remote_addr: Some("192.0.2.1:5"),
        user_agent: Some("tsh".into()),
        with_mfa: Some("otp"),
    };
    let all = [
        stamper.event(&McpSessionEnd {
            session: &session,
            outcome: outcome(),
            headers: Some(&headers),
        }),
        stamper.event(&McpRequest {
            session: &session,
            message: message.clone(),
            outcome: outcome(),
            headers: Some(&headers),
        }),
        stamper.event(&McpNotification {
            session: &session,
            message,
            outcome: outcome(),
            headers: Some(&headers),
        }),
        stamper.event(&McpListen {
            session: &session,
            outcome: outcome(),
            headers: Some(&headers),
        }),
        stamper.event(&login(LoginMethod::Local)),
        stamper.event(&InstanceJoin {
            host_id: "host-2",
            node_name: "node".into(),
            role: "app".into(),
            attempt: JoinAttempt {
                method: "token".into(),
                token_name: TokenName::new("a-very-long-join-token"),
                workload: BTreeMap::from([("sub", "repo:octo/app:ref:refs/heads/main".into())]),
                outcome: outcome(),
                remote_addr: Some("192.0.2.1:5"),
            },
        }),
        stamper.event(&BotJoin {
            bot_name: "ci".into(),
            attempt: JoinAttempt {
                method: "github".into(),
                token_name: TokenName::public("ci"),
                workload: BTreeMap::from([("sub", "repo:octo/app:ref:refs/heads/main".into())]),
                outcome: outcome(),
                remote_addr: Some("192.0.2.1:5"),
            },
        }),
        stamper.event(&AuthAttempt {
            user: Some("alice".into()),
            outcome: outcome(),
            remote_addr: Some("192.0.2.1:5"),
        }),
        stamper.event(&AccessDenied {
            actor: &alice,
            verb: "create".into(),
            kind: "token".into(),
            name: Some(ResourceName::new("token", "a-very-long-join-token")),
            outcome: outcome(),
            remote_addr: Some("192.0.2.1:5"),
        }),
    ];
    all.into_iter().map(Result::unwrap).collect()
}

fn changes(change: Change) -> Vec<Event> {
    let (alice, stamper) = (alice(), stamper());
    let labels = BTreeMap::from([("env".into(), "dev".into())]);
    let expires = Some(Moment(datetime!(2027-01-01 00:00 UTC)));
    let all = [
        stamper.event(&UserChange {
            change,
            actor: &alice,
            name: "bob",
            roles: &["dev".into()],
            connector: Some("local"),
            expires,
        }),
        stamper.event(&RoleChange { change, actor: &alice, name: "dev", expires }),
        stamper.event(&ConnectorChange {
            change,
            kind: ConnectorKind::Oidc,
            actor: &alice,
            name: "idp",
        }),
        stamper.event(&ConnectorChange {
            change,
            kind: ConnectorKind::Saml,
            actor: &alice,
            name: "idp",
        }),
        stamper.event(&ConnectorChange {
            change,
            kind: ConnectorKind::Github,
            actor: &alice,
            name: "idp",
        }),
        stamper.event(&AppAuthConfigChange { change, actor: &alice, name: "idp" }),
        stamper.event(&AppChange {
            change,
            actor: &alice,
            name: "everything",
            app_name: "everything",
            app_uri: Some(Uri::new("mcp+stdio://")),
            app_labels: Some(&labels),
            expires,
        }),
        stamper.event(&LockChange {
            change,
            actor: &alice,
            name: "lock-1",
            target: Some(LockTarget { user: Some("bob"), ..LockTarget::default() }),
            message: Some("on leave".into()),
            expires,
        }),
        stamper.event(&ResourceChange {
            change,
            actor: &alice,
            kind: "token",
            name: ResourceName::new("token", "a-very-long-join-token"),
        }),
    ];
    all.into_iter().map(Result::unwrap).collect()
}

fn singles() -> Vec<Event> {
    let (session, alice, stamper) = (session(), alice(), stamper());
    let headers = Headers::new([("authorization", &b"secret"[..])]);
    let expires = Moment(datetime!(2027-01-01 00:00 UTC));
    let all = [
        stamper.event(&McpToolsChange {
            app_name: "files",
            tools: vec![ToolChanged { name: "read".into(), from: "00", to: "01", untold: 7 }],
            incomplete: true,
            server_id: "host-1",
            server_hostname: "node-1".into(),
        }),
        stamper.event(&McpSessionStart {
            session: &session,
            remote_addr: Some("192.0.2.1:5"),
            transport: "stdio",
            client_info: Some("inspector/1.0".into()),
            server_info: Some("everything/2.0".into()),
            protocol_version: Some("2025-11-25".into()),
            egress_auth_type: Some(EgressAuth::AppIdToken),
        }),
        stamper.event(&McpInvalidHttpRequest {
            session: &session,
            path: "/mcp".into(),
            method: "PATCH".into(),
            raw_query: Some(Query::new("access_token=secret")),
            body: Some(Body::new(br#"{"password":"secret"}"#)),
            headers: &headers,
            error: "unknown method".into(),
        }),
        stamper.event(&ResetPasswordTokenCreate { actor: &alice, name: "bob", expires }),
        stamper.event(&JoinTokenCreate {
            actor: &alice,
            name: TokenName::new("a-very-long-join-token"),
            roles: &["app".into()],
            join_method: "token",
            expires: Some(expires),
        }),
        stamper.event(&AuthPreferenceUpdate { actor: &alice }),
        stamper.event(&AuthorityRotate {
            actor: &alice,
            authorities: vec!["user", "host"],
            phase: "init",
            mode: "auto",
            rotation_id: Some("0195"),
        }),
        stamper.event(&AssertionCreate {
            user: &alice,
            app_name: "everything",
            app_uri: Uri::new("mcp+https://user:password@host/mcp"),
            server_id: "host-1",
            server_hostname: "node-1".into(),
            token_ids: &["0195".into()],
            jwt_claims: "roles",
            expires,
            remote_addr: Some("192.0.2.1:4711"),
        }),
        stamper.event(&VisitCreate {
            user: &alice,
            target_cluster: "leaf.example.com",
            app_name: Some("everything".into()),
            server_id: "host-2",
            expires,
            remote_addr: Some("192.0.2.1:4711"),
        }),
        stamper.event(&CertCreate {
            actor: &alice,
            cert_type: "user",
            identity: CertIdentity {
                user: "alice",
                roles: &["dev".into()],
                traits: Some(&alice.traits),
                expires,
            },
        }),
    ];
    all.into_iter().map(Result::unwrap).collect()
}

/// One of each record of somebody whom others vouch for.
fn through_others(outcome: &Outcome<'_>) -> Vec<Event> {
    let (stamper, outcome) = (stamper(), || outcome.clone());
    let all = [
        stamper.event(&SsoLogin {
            user: "alice".into(),
            method: LoginMethod::Oidc,
            connector: "idp",
            identity: Some("u1".into()),
            outcome: outcome(),
            detail: Some("why".into()),
            mappings: &[MappedBy {
                role: "dev",
                claim: "groups",
                value: "eng".into(),
                pattern: "*",
            }],
            test: true,
            remote_addr: Some("192.0.2.1:5"),
        }),
        stamper.event(&AppTokenVerify {
            user: Some("alice".into()),
            app_name: "files".into(),
            target_cluster: Some("leaf".into()),
            app_auth_config: Some("idp"),
            oauth_grant: Some("g1"),
            server_id: "host-1",
            outcome: outcome(),
            expires: Some(Moment(datetime!(2027-01-01 00:00 UTC))),
            remote_addr: Some("192.0.2.1:5"),
        }),
    ];
    all.into_iter().map(Result::unwrap).collect()
}

/// A second factor that was not shown.
fn session_mfa(user: &UserMetadata) -> SessionMfa<'_> {
    SessionMfa {
        user,
        app_name: "everything".into(),
        target_cluster: Some("leaf"),
        outcome: Outcome::Failure("it was rejected in the browser".into()),
        with_mfa: None,
        machine: Some("a desk".into()),
        expires: None,
        remote_addr: Some("192.0.2.1:5"),
    }
}

/// What users sign in with.
fn factors() -> Vec<Event> {
    let (alice, stamper) = (alice(), stamper());
    let expires = Moment(datetime!(2027-01-01 00:00 UTC));
    let all = [
        stamper.event(&PasswordChange { user: &alice, remote_addr: Some("192.0.2.1:5") }),
        stamper.event(&MfaDeviceAdd {
            user: &alice,
            mfa_device_name: "otp".into(),
            mfa_device_uuid: "0195",
            mfa_device_type: "TOTP",
        }),
        stamper.event(&HeadlessLogin {
            step: HeadlessStep::Requested,
            user: "alice".into(),
            machine: "build-7".into(),
            expires,
            remote_addr: Some("192.0.2.1:5"),
        }),
        stamper.event(&HeadlessLogin {
            step: HeadlessStep::Approved,
            user: "alice".into(),
            machine: "build-7".into(),
            expires,
            remote_addr: Some("192.0.2.1:5"),
        }),
        stamper.event(&HeadlessLogin {
            step: HeadlessStep::Rejected,
            user: "alice".into(),
            machine: "build-7".into(),
            expires,
            remote_addr: Some("192.0.2.1:5"),
        }),
        stamper.event(&SessionMfa {
            outcome: Outcome::Success,
            with_mfa: Some("0195"),
            expires: Some(expires),
            ..session_mfa(&alice)
        }),
        stamper.event(&session_mfa(&alice)),
        stamper.event(&RecoveryCodesGenerate { user: &alice }),
        stamper.event(&RecoveryCodeUse {
            user: &alice,
            outcome: Outcome::Success,
            left: Some(7),
            remote_addr: Some("192.0.2.1:5"),
        }),
        stamper.event(&RecoveryCodeUse {
            user: &alice,
            outcome: Outcome::Failure("there is no such code".into()),
            left: None,
            remote_addr: None,
        }),
        stamper.event(&MfaDeviceDelete {
            user: &alice,
            mfa_device_name: "otp".into(),
            mfa_device_uuid: "0195",
            mfa_device_type: "TOTP",
        }),
        stamper.event(&MfaKeyCloned {
            user: &alice,
            mfa_device_name: "blue key".into(),
            mfa_device_uuid: "0195",
        }),
    ];
    all.into_iter().map(Result::unwrap).collect()
}

fn everything() -> Vec<Event> {
    let mut all = singles();
    all.extend(factors());
    all.extend(clients::all());
    for outcome in [Outcome::Success, Outcome::Failure("it failed".into())] {
        all.extend(outcomes(&outcome));
        all.extend(through_others(&outcome));
    }
    for change in [Change::Created, Change::Updated, Change::Deleted] {
        all.extend(changes(change));
    }
    all
}

#[test]
fn every_code_has_a_record_and_is_told_apart() {
    let used: BTreeSet<&str> = everything().iter().map(|event| event.code().code).collect();
    let table: BTreeSet<&str> = code::ALL.iter().map(|code| code.code).collect();
    assert_eq!(used, table);
    assert_eq!(table.len(), code::ALL.len(), "a code is there twice");
}

#[test]
fn nothing_is_said_twice_and_nothing_secret_at_all() {
    for event in everything() {
        let line = str::from_utf8(event.line()).unwrap();
        let Names(names) = serde_json::from_str(line).unwrap();
        let different: BTreeSet<&String> = names.iter().collect();
        assert_eq!(different.len(), names.len(), "{line}");
        for secret in ["secret", "user:password", "a-very-long-join"] {
            assert!(!line.contains(secret), "{secret} in {line}");
        }
    }
}

#[test]
fn a_request_has_the_fields_that_its_readers_know() {
    let event = outcomes(&Outcome::Failure("no role allows it".into())).swap_remove(1);
    let expected = format!(
        concat!(
            r#"{{"event":"mcp.session.request","code":"TMCP003E","uid":"{}","#,
            r#""time":"2026-01-02T03:04:05.000Z","ei":0,"cluster_name":"example","#,
            r#""message":{{"jsonrpc":"2.0","method":"tools/call","id":7,"#,
            r#""params":{{"name":"echo","arguments":{{"m":1}}}}}},"#,
            r#""success":false,"error":"no role allows it","#,
            r#""headers":{{"authorization":["<REDACTED>"]}},"#,
            r#""sid":"0195","user":"alice","user_kind":1,"user_cluster_name":"example","#,
            r#""user_roles":["dev"],"user_traits":{{"team":["a","b"]}},"with_mfa":"device","#,
            r#""private_key_policy":"none","app_name":"everything","#,
            r#""app_uri":"mcp+http://<REDACTED>@host/mcp","server_id":"host-1","#,
            r#""server_hostname":"node-1","server_version":"0.1.0","mcp_session_id":"abc"}}"#,
            "\n"
        ),
        event.uid()
    );
    assert_eq!(str::from_utf8(event.line()).unwrap(), expected);
}

#[test]
fn an_identity_that_is_too_large_is_shortened() {
    let mut user = alice();
    user.traits.insert("groups".into(), (0..5000).map(|n| format!("group-{n}")).collect());
    let session = McpSession::new(&fields(&user)).unwrap();
    let text = format!("{{{}}}", session.fields());
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["user"], "alice");
    assert!(value.get("user_traits").is_none());
    assert!(value["user_omitted"]["bytes"].as_u64().unwrap() > 50_000);
}

#[test]
fn the_largest_request_fits_an_event() {
    let mut user = alice();
    user.traits.insert("groups".into(), (0..1700).map(|n| format!("group-{n}")).collect());
    let session = McpSession::new(&fields(&user)).unwrap();
    assert!(session.fields().len() > 20_000);
    let long = "\u{1}".repeat(3000);
    let pairs: Vec<(String, String)> = (0..64).map(|n| (format!("h{n}"), long.clone())).collect();
    let headers = Headers::new(pairs.iter().map(|(k, v)| (k.as_str(), v.as_bytes())));
    let params = format!("\"{}\"", "x".repeat(MAX_PARAMS_BYTES - 2));
    let params = RawValue::from_string(params).unwrap();
    let event = stamper().event(&McpRequest {
        session: &session,
        message: Message::new(&long, None, Some(&params)),
        outcome: Outcome::Failure(long.as_str().into()),
        headers: Some(&headers),
    });
    assert!(event.unwrap().line().len() <= MAX_EVENT_BYTES);
}
