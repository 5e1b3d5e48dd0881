//! Resources through the API: what is checked, filled in and refused when one is written.

use std::time::Duration;

use api::{ErrorKind, Write};
use http::Method;
use resource::{
    ClusterAuthPreference, JoinRole, Kind, Lock, LockTarget, Resource, Revision, Role, Secrets,
    Token, User,
};
use serde_json::{Value, json};

use crate::cluster::{Cluster, app, labels, parse, refused, role_with, rule};

#[tokio::test]
async fn a_resource_lives_through_all_operations() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let created = admin.create(&app("everything", &[("env", "dev")]).into()).await.unwrap();
    let error = refused(admin.create(&created).await, ErrorKind::AlreadyExists);
    assert_eq!(error.message(), r#"application "everything" already exists"#);
    assert_eq!(error.hints(), ["use -f or --force flag to overwrite"]);
    let found = admin.get(Kind::App, "everything", Secrets::Redact).await.unwrap();
    assert_eq!(found.metadata().revision, created.metadata().revision);
    let changed = app("everything", &[("env", "prod")]).into();
    let updated = admin.put(&changed, Write::Update).await.unwrap();
    assert_ne!(updated.metadata().revision, created.metadata().revision);
    admin.delete(Kind::App, "everything").await.unwrap();
    let error = refused(admin.delete(Kind::App, "everything").await, ErrorKind::NotFound);
    assert_eq!(error.message(), r#"application "everything" not found"#);
    refused(admin.put(&changed, Write::Update).await, ErrorKind::NotFound);
    admin.put(&changed, Write::Upsert).await.unwrap();
}

#[tokio::test]
async fn an_update_of_an_old_revision_is_refused_and_an_upsert_is_not() {
    let cluster = Cluster::start().await;
    let first = cluster.put(role_with("dev", |_allow| {})).await;
    let mut changed = first.clone();
    changed.metadata_mut().description = "changed".to_owned();
    let second = cluster.admin.put(&changed, Write::Update).await.unwrap();
    let error = refused(cluster.admin.put(&first, Write::Update).await, ErrorKind::Conflict);
    assert!(error.message().contains(r#"role "dev" was changed"#), "{error}");
    let same = cluster.admin.put(&second, Write::Update).await.unwrap();
    assert_eq!(same.metadata().revision, second.metadata().revision, "nothing changed");
    cluster.admin.put(&first, Write::Upsert).await.unwrap();
    let foreign = first.with_revision(Revision::new("nonsense"));
    refused(cluster.admin.put(&foreign, Write::Update).await, ErrorKind::Conflict);
}

#[tokio::test]
async fn writers_at_once_lose_nothing() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let writes = (0..8).map(|n| async move {
        let role = role_with("dev", |allow| allow.rules.push(rule(&["app"], &[&n.to_string()])));
        admin.put(&role.into(), Write::Upsert).await
    });
    for outcome in futures_util::future::join_all(writes).await {
        outcome.unwrap();
    }
    let once = Resource::from(Role::new("once"));
    let creations = (0..8).map(|_| admin.create(&once));
    let made = futures_util::future::join_all(creations).await.into_iter().filter(Result::is_ok);
    assert_eq!(made.count(), 1);
}

#[tokio::test]
async fn an_app_is_marked_as_registered_through_the_api_and_told_about() {
    let cluster = Cluster::start().await;
    let mut claims = app("everything", &[("env", "dev")]);
    claims.set_origin("config-file");
    let kept = cluster.put(claims).await;
    let Resource::App(kept) = kept else { panic!("not an app") };
    assert_eq!(kept.origin(), "dynamic");
    assert!(kept.is_mcp());

    let host = cluster.host(&[pki::Service::App]).await;
    let mut record = resource::AppServer::new(&host.id, "agent-host", "1.0", kept);
    record.spec.last_error =
        Some(resource::LastError { message: "no such host user".to_owned(), time: None });
    host.client.put(&record.into(), Write::Upsert).await.unwrap();
    let found = cluster.admin.get(Kind::App, "everything", Secrets::Redact).await.unwrap();
    let listed = cluster.admin.list(Kind::App, Secrets::Redact).await.unwrap().items.remove(0);
    for seen in [found, listed] {
        let Resource::App(seen) = seen else { panic!("not an app") };
        let status = seen.status.unwrap();
        assert_eq!(status.servers[0].hostname, "agent-host");
        let error = status.servers[0].last_error.as_ref().unwrap();
        assert_eq!(error.message, "no such host user");
    }
}

#[tokio::test]
async fn labels_decide_who_administers_an_app() {
    let cluster = Cluster::start().await;
    cluster
        .put(role_with("dev", |allow| {
            allow.app_labels = Some(labels(&[("env", "dev")]));
            allow.rules.push(rule(&["app"], &["*"]));
        }))
        .await;
    let alice = cluster.user("alice", &["dev"]).await;
    cluster.put(app("theirs", &[("env", "prod")])).await;
    alice.create(&app("hers", &[("env", "dev")]).into()).await.unwrap();
    assert_eq!(cluster.names(&alice, Kind::App).await, ["hers"]);
    // What she cannot reach might as well not be there.
    refused(alice.get(Kind::App, "theirs", Secrets::Redact).await, ErrorKind::NotFound);
    refused(alice.delete(Kind::App, "theirs").await, ErrorKind::NotFound);
    let takeover = app("theirs", &[("env", "dev")]).into();
    refused(alice.put(&takeover, Write::Update).await, ErrorKind::NotFound);
    refused(alice.put(&takeover, Write::Upsert).await, ErrorKind::NotFound);
    refused(alice.create(&takeover).await, ErrorKind::AlreadyExists);
    // Nor does she give away what she could not take back.
    let away = app("hers", &[("env", "prod")]).into();
    refused(alice.put(&away, Write::Update).await, ErrorKind::Denied);
    refused(alice.create(&app("third", &[("env", "prod")]).into()).await, ErrorKind::Denied);
}

#[tokio::test]
async fn create_without_update_does_not_upsert() {
    let cluster = Cluster::start().await;
    let maker = cluster.user_with_rule("maker", &["role"], &["create"]).await;
    maker.create(&Role::new("fresh").into()).await.unwrap();
    let error =
        refused(maker.put(&Role::new("fresh").into(), Write::Upsert).await, ErrorKind::Denied);
    assert_eq!(error.message(), r#"access denied to perform action "update" on "role""#);
    let changer = cluster.user_with_rule("changer", &["role"], &["update"]).await;
    let error =
        refused(changer.put(&Role::new("fresh").into(), Write::Upsert).await, ErrorKind::Denied);
    assert_eq!(error.message(), r#"access denied to perform action "create" on "role""#);
    changer.put(&Role::new("fresh").into(), Write::Update).await.unwrap();
}

#[tokio::test]
async fn a_user_reads_their_own_user_and_roles_and_no_other() {
    let cluster = Cluster::start().await;
    cluster.put(role_with("mine", |_allow| {})).await;
    cluster.put(role_with("other", |_allow| {})).await;
    let alice = cluster.user("alice", &["mine"]).await;
    cluster.user("bob", &["other"]).await;
    alice.get(Kind::User, "alice", Secrets::Redact).await.unwrap();
    alice.get(Kind::Role, "mine", Secrets::Redact).await.unwrap();
    refused(alice.get(Kind::User, "bob", Secrets::Redact).await, ErrorKind::Denied);
    refused(alice.get(Kind::User, "nobody", Secrets::Redact).await, ErrorKind::Denied);
    refused(alice.get(Kind::Role, "other", Secrets::Redact).await, ErrorKind::Denied);
    refused(alice.get(Kind::User, "alice", Secrets::Include).await, ErrorKind::Denied);
    refused(alice.list(Kind::User, Secrets::Redact).await, ErrorKind::Denied);
    refused(
        alice.put(&User::new("alice", ["editor"]).into(), Write::Update).await,
        ErrorKind::Denied,
    );
}

#[tokio::test]
async fn clauses_of_rules_pick_single_resources() {
    let cluster = Cluster::start().await;
    let mut own = rule(&["lock"], &["list", "read", "delete"]);
    own.where_clause = Some(r#"resource.metadata.labels["team"] == "blue""#.to_owned());
    cluster.put(role_with("blue", |allow| allow.rules.push(own))).await;
    let alice = cluster.user("alice", &["blue"]).await;
    for (name, team) in [("one", "blue"), ("two", "red")] {
        let target = LockTarget { user: Some("bob".to_owned()), ..LockTarget::default() };
        let mut lock = Lock::new(name, target, "");
        lock.metadata.labels.insert("team".to_owned(), team.to_owned());
        cluster.put(lock).await;
    }
    assert_eq!(cluster.names(&alice, Kind::Lock).await, ["one"]);
    refused(alice.delete(Kind::Lock, "two").await, ErrorKind::Denied);
    alice.delete(Kind::Lock, "one").await.unwrap();
}

#[tokio::test]
async fn a_role_that_means_nothing_is_refused_with_the_place() {
    let cluster = Cluster::start().await;
    let role = role_with("broken", |allow| {
        allow.mcp.tools = Some(vec!["^ok$".to_owned(), "^(unclosed$".to_owned()]);
        allow.app_labels_expression = Some("labels[".to_owned());
    });
    let error = refused(cluster.admin.create(&role.into()).await, ErrorKind::InvalidArgument);
    let text = format!("{} {}", error.message(), error.hints().join(" "));
    assert!(text.contains("spec.allow.mcp.tools[1]"), "{text}");
    assert!(text.contains("app_labels_expression"), "{text}");
    let reserved: Value = json!({
        "kind": "role", "version": "v8", "metadata": { "name": "Proxy" }, "spec": {},
    });
    let outcome: Result<Value, _> =
        cluster.admin.call(Method::POST, "/v1/resources/role", Some(&reserved)).await;
    let error = refused(outcome, ErrorKind::InvalidArgument);
    assert!(error.message().contains("reserved role"), "{error}");
}

#[tokio::test]
async fn a_role_in_use_stays() {
    let cluster = Cluster::start().await;
    cluster.put(role_with("dev", |_allow| {})).await;
    cluster.put(User::new("alice", ["dev"])).await;
    cluster.put(User::new("bob", ["dev", "access"])).await;
    let error = refused(cluster.admin.delete(Kind::Role, "dev").await, ErrorKind::InvalidArgument);
    assert_eq!(error.message(), r#"role "dev" is in use by user "alice" and another one"#);
    cluster.admin.delete(Kind::User, "alice").await.unwrap();
    cluster.put(User::new("bob", ["access"])).await;
    cluster.admin.delete(Kind::Role, "dev").await.unwrap();
}

#[tokio::test]
async fn a_users_roles_must_exist() {
    let cluster = Cluster::start().await;
    let user = User::new("alice", ["access", "ghost", "phantom"]);
    let error = refused(cluster.admin.create(&user.into()).await, ErrorKind::InvalidArgument);
    assert!(error.message().contains(r#""ghost", "phantom""#), "{error}");
    refused(cluster.admin.get(Kind::User, "alice", Secrets::Redact).await, ErrorKind::NotFound);
}

#[tokio::test]
async fn who_made_a_user_or_a_lock_is_filled_in_and_stays() {
    let cluster = Cluster::start().await;
    let maker = cluster.user_with_rule("maker", &["user", "lock"], &["*"]).await;
    let mut user = User::new("alice", ["access"]);
    user.spec.created_by =
        Some(resource::user::CreatedBy { user: "somebody else".to_owned(), ..Default::default() });
    maker.create(&user.clone().into()).await.unwrap();
    cluster.put(user).await;
    let found = cluster.admin.get(Kind::User, "alice", Secrets::Redact).await.unwrap();
    let Resource::User(found) = found else { panic!("not a user") };
    let by = found.spec.created_by.unwrap();
    assert_eq!((by.user.as_str(), by.time), ("maker", Some(cluster.clock.now())));

    let target = LockTarget { user: Some("bob".to_owned()), ..LockTarget::default() };
    let mut lock = Lock::new("lock", target, "");
    lock.spec.created_by = "somebody else".to_owned();
    let Resource::Lock(lock) = maker.create(&lock.into()).await.unwrap() else { panic!("no lock") };
    assert_eq!(lock.spec.created_by, "maker");
}

#[tokio::test]
async fn a_resource_that_has_ended_is_not_made() {
    let cluster = Cluster::start().await;
    let mut role = Role::new("late");
    role.metadata.expires = Some(cluster.clock.now());
    refused(cluster.admin.create(&role.clone().into()).await, ErrorKind::InvalidArgument);
    role.metadata.expires = Some(cluster.clock.now() + Duration::from_secs(60));
    cluster.admin.create(&role.into()).await.unwrap();
    cluster.clock.advance(Duration::from_secs(60));
    refused(cluster.admin.get(Kind::Role, "late", Secrets::Redact).await, ErrorKind::NotFound);
}

#[tokio::test]
async fn tokens_are_not_shown_unless_asked_for_and_not_weak() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let secret = "8f1d6c1e9a0b4c7d";
    admin.create(&Token::new(secret, [JoinRole::App]).into()).await.unwrap();
    let shown: Value = admin.call::<(), _>(Method::GET, "/v1/resources/token", None).await.unwrap();
    assert!(!shown.to_string().contains(secret), "{shown}");
    let with = "/v1/resources/token?with_secrets=true";
    let shown: Value = admin.call::<(), _>(Method::GET, with, None).await.unwrap();
    assert!(shown.to_string().contains(secret));
    refused(
        admin.create(&Token::new("short", [JoinRole::App]).into()).await,
        ErrorKind::InvalidArgument,
    );
    let auth = Token::new("long-enough-to-pass", [JoinRole::Auth]);
    refused(admin.create(&auth.into()).await, ErrorKind::InvalidArgument);
    let reader = cluster.user_with_rule("reader", &["token"], &["list", "readnosecrets"]).await;
    refused(reader.list(Kind::Token, Secrets::Include).await, ErrorKind::Denied);
    admin.delete(Kind::Token, secret).await.unwrap();
}

#[tokio::test]
async fn the_one_preference_is_there_from_the_beginning_and_resets() {
    let cluster = Cluster::start().await;
    let admin = &cluster.admin;
    let kind = Kind::ClusterAuthPreference;
    let default = admin.get(kind, "cluster-auth-preference", Secrets::Redact).await.unwrap();
    assert_eq!(default, ClusterAuthPreference::default().into());
    assert_eq!(cluster.names(admin, kind).await.len(), 1);
    let preference = |spec: Value| -> Resource {
        let json = json!({ "kind": kind.as_str(), "version": "v2", "spec": spec });
        parse::<ClusterAuthPreference>(&json).into()
    };
    cluster.put(preference(json!({ "second_factor": "off" }))).await;
    let kept = admin.get(kind, "whatever", Secrets::Redact).await.unwrap();
    assert!(kept.metadata().revision.is_some());
    for impossible in [
        json!({ "second_factors": ["sso"] }),
        json!({ "webauthn": { "attestation_allowed_cas": ["no certificate"] } }),
        json!({ "webauthn": { "attestation_denied_cas": ["no certificate"] } }),
    ] {
        let refusal = admin.put(&preference(impossible), Write::Upsert).await;
        refused(refusal, ErrorKind::InvalidArgument);
    }
    admin.delete(kind, "cluster-auth-preference").await.unwrap();
    admin.delete(kind, "cluster-auth-preference").await.unwrap();
    let reset = admin.get(kind, "cluster-auth-preference", Secrets::Redact).await.unwrap();
    assert!(reset.metadata().revision.is_none());
}

#[tokio::test]
async fn address_and_resource_must_agree() {
    let cluster = Cluster::start().await;
    let role = json!({ "kind": "role", "version": "v8", "metadata": { "name": "a" }, "spec": {} });
    let put = |path: &'static str| cluster.admin.call::<_, Value>(Method::PUT, path, Some(&role));
    refused(put("/v1/resources/role/b?mode=upsert").await, ErrorKind::InvalidArgument);
    refused(put("/v1/resources/user/a?mode=upsert").await, ErrorKind::InvalidArgument);
    refused(put("/v1/resources/role/a?mode=replace").await, ErrorKind::InvalidArgument);
    refused(put("/v1/resources/role/a").await, ErrorKind::NotFound);
    put("/v1/resources/role/a?mode=upsert").await.unwrap();
    put("/v1/resources/roles/a").await.unwrap();
}
