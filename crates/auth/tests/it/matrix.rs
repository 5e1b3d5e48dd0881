//! The rights of roles and services over every kind of resource, as a table that anybody can read.

use std::fmt::Write as _;

use api::{Client, ErrorKind, Write};
use pki::Service;
use resource::{
    AppServer, ClusterAuthPreference, JoinRole, Kind, Lock, LockTarget, Resource, Secrets, Token,
    User,
};

use crate::cluster::{Cluster, app, labels, role_with, rule};

const VERBS: [&str; 7] = ["list", "get", "secrets", "create", "update", "upsert", "delete"];

/// A resource of a kind that somebody may try to write.
fn specimen(kind: Kind, name: &str) -> Resource {
    match kind {
        Kind::App => app(name, &[("env", "dev")]).into(),
        Kind::AppServer => {
            let host = "00000000-0000-4000-8000-000000000000";
            AppServer::new(host, "host", "1", app(name, &[("env", "dev")])).into()
        }
        Kind::Role => role_with(name, |_allow| {}).into(),
        Kind::User => User::new(name, ["nothing"]).into(),
        Kind::Bot => resource::Bot::new(name, ["nothing"]).into(),
        Kind::Token => Token::new(format!("{name}-{name}"), [JoinRole::App]).into(),
        Kind::Lock => {
            let target = LockTarget { user: Some("nobody".to_owned()), ..LockTarget::default() };
            Lock::new(name, target, "").into()
        }
        Kind::CertAuthority => {
            let authority = resource::AuthorityType::User;
            resource::CertAuthority::new(authority, name, Vec::new()).into()
        }
        Kind::ClusterAuthPreference => ClusterAuthPreference::default().into(),
        Kind::Oidc => crate::oidc::connector(name, "https://idp.example.com").into(),
        Kind::Saml => crate::cluster::parse(&serde_json::json!({
            "kind": "saml", "version": "v2", "metadata": {"name": name},
            "spec": {"acs": "https://proxy.example.com/v1/webapi/saml/acs",
                "entity_descriptor_url": "https://idp.example.com/metadata", "attributes_to_roles":
                [{"name": "groups", "value": "eng", "roles": ["dev"]}]},
        })),
        Kind::Github => crate::cluster::parse(&serde_json::json!({
            "kind": "github", "version": "v3", "metadata": {"name": name},
            "spec": {"client_id": "c", "client_secret": "s", "teams_to_roles":
                [{"organization": "o", "team": "t", "roles": ["dev"]}]},
        })),
        Kind::AppAuthConfig => crate::app_tokens::config(name, &serde_json::json!({})).into(),
        Kind::Proxy => {
            let mut proxy = resource::Proxy::new(resource::proxy::ProxySpec {
                host_id: "00000000-0000-4000-8000-000000000000".to_owned(),
                ..Default::default()
            });
            proxy.metadata.name = name.to_owned();
            proxy.into()
        }
        // Not enabled: nobody is asked for anything.
        Kind::TrustedCluster => {
            crate::cluster::parse::<resource::TrustedCluster>(&serde_json::json!({
                "kind": "trusted_cluster", "version": "v2", "metadata": {"name": name},
                "spec": {"enabled": false, "web_proxy_addr": "root.example.com:443",
                    "role_map": [{"remote": "dev", "local": ["nothing"]}]},
            }))
            .into()
        }
        Kind::RemoteCluster => resource::RemoteCluster::new(name).into(),
        Kind::OauthGrant => crate::cluster::parse::<resource::OauthGrant>(&serde_json::json!({
            "kind": "oauth_grant", "version": "v1", "metadata": {"name": name},
            "spec": {"user": "nobody", "client": {"id": "c", "known_by": "registration"},
                "app": "files", "proxy": "proxy.example.com:443", "login_id": "l",
                "created": "2026-11-20T12:00:00Z"},
        }))
        .into(),
        Kind::Agent => {
            let mut agent = resource::Agent::new(resource::agent::AgentSpec {
                host_id: "00000000-0000-4000-8000-000000000000".to_owned(),
                ..Default::default()
            });
            agent.metadata.name = name.to_owned();
            agent.into()
        }
    }
}

fn letter<T>(result: Result<T, api::Error>, absent_is_fine: bool) -> char {
    match result.map_err(|error| (error.kind(), error)) {
        Ok(_) => 'y',
        Err((ErrorKind::Denied, _)) => '-',
        // What cannot be read without its secrets was sent all the same.
        Err((ErrorKind::Internal, error)) if error.message().contains("cannot read") => 'y',
        Err((ErrorKind::NotFound, _)) if absent_is_fine => 'y',
        Err((ErrorKind::NotFound, _)) => '?',
        // There is one of it, and it is there.
        Err((ErrorKind::AlreadyExists, _)) => 'y',
        Err((_, error)) => panic!("{error}"),
    }
}

async fn rights(cluster: &Cluster, caller: &Client, kind: Kind) -> String {
    let restore = async || {
        if !kind.is_observed() {
            cluster.put(specimen(kind, "specimen")).await;
        }
    };
    restore().await;
    let resource = specimen(kind, "specimen");
    let name = resource.name();
    // Nobody but their hosts can make live records, and there is none of the name.
    let absent = kind.is_observed();
    let mut row = String::new();
    for verb in VERBS {
        let letter = match verb {
            "list" => letter(caller.list(kind, Secrets::Redact).await, false),
            "get" => letter(caller.get(kind, name, Secrets::Redact).await, absent),
            "secrets" => letter(caller.get(kind, name, Secrets::Include).await, absent),
            "create" => letter(caller.create(&specimen(kind, "fresh-one")).await, false),
            "update" => letter(caller.put(&resource, Write::Update).await, absent),
            "upsert" => letter(caller.put(&resource, Write::Upsert).await, false),
            _ => letter(caller.delete(kind, name).await, absent),
        };
        if !kind.is_observed() && !kind.is_singleton() {
            let fresh = specimen(kind, "fresh-one");
            // Mostly it is not there: only one verb makes it, and not for everybody.
            _ = cluster.admin.delete(kind, fresh.name()).await;
        }
        restore().await;
        write!(row, "{letter:<9}").unwrap();
    }
    row
}

#[tokio::test]
async fn what_roles_and_services_may_do_to_resources() {
    let cluster = Cluster::start().await;
    cluster.put(role_with("nothing", |_allow| {})).await;
    let of_dev = |name: &'static str, verbs: &'static [&'static str]| {
        role_with(name, move |allow| {
            allow.app_labels = Some(labels(&[("env", "dev")]));
            allow.rules.push(rule(&["app"], verbs));
        })
    };
    cluster.put(of_dev("app-owner", &["list", "read", "create", "update", "delete"])).await;
    cluster.put(of_dev("app-maker", &["create"])).await;
    cluster.put(role_with("app-blind", |allow| allow.rules.push(rule(&["app"], &["*"])))).await;
    cluster.put(role_with("everything", |allow| allow.rules.push(rule(&["*"], &["*"])))).await;
    let mut callers = Vec::new();
    for role in [
        "nothing",
        "access",
        "editor",
        "auditor",
        "mcp-user",
        "app-owner",
        "app-maker",
        "app-blind",
        "everything",
    ] {
        callers.push((role, cluster.user(&format!("has-{role}"), &[role]).await));
    }
    callers.push(("(app service)", cluster.host(&[Service::App]).await.client));
    callers.push(("(proxy service)", cluster.host(&[Service::Proxy]).await.client));
    callers.push(("(local)", cluster.admin.clone()));

    let mut table = String::from(
        "# What a user with one role, a service, and the local administrator may do.\n\
         # y: done; -: denied; ?: answered as if it did not exist.\n",
    );
    for kind in Kind::ALL {
        write!(table, "\n{:<26}", kind.as_str()).unwrap();
        for verb in VERBS {
            write!(table, "{verb:<9}").unwrap();
        }
        table.push('\n');
        for (name, caller) in &callers {
            let row = rights(&cluster, caller, kind).await;
            writeln!(table, "  {name:<24}{row}").unwrap();
        }
    }
    let table: String = table.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    crate::cluster::expect_file("matrix.txt", &table);
}
