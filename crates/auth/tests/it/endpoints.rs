//! Every endpoint, called by everybody.

use std::fmt::Write as _;

use api::{Access, Client, ENDPOINTS, EndpointRow, ErrorKind, Operation};
use http::Method;
use pki::{PrivateKey, Service};
use serde_json::{Value, json};

use crate::cluster::{Cluster, expect_file, role_with};

/// What became of a call, as far as authorisation goes.
fn outcome(result: &Result<Value, api::Error>) -> &'static str {
    match result.as_ref().map_err(api::Error::kind) {
        Err(ErrorKind::Unauthenticated) => "unauthenticated",
        Err(ErrorKind::Denied) => "denied",
        Err(ErrorKind::Internal) => "FAULT",
        // Whatever else is wrong was found after the caller had been let through.
        Ok(_) | Err(_) => "admitted",
    }
}

/// A body that passes for one as long as nobody looks closely.
fn body(operation: Operation) -> Option<Value> {
    let public_key = PrivateKey::generate().unwrap().public().to_pem();
    Some(match operation {
        Operation::Join => json!({
            "token": "no such token at all",
            "node_name": "node",
            "services": ["app"],
            "public_key": public_key,
        }),
        Operation::Renew | Operation::SignUser => json!({ "public_key": public_key }),
        Operation::SignIn => json!({
            "user": "",
            "password": "wrong",
            "public_key": public_key,
        }),
        Operation::AnswerInvite => json!({ "password": "wrong", "totp": "000000" }),
        Operation::ReadLogin | Operation::AnswerLogin => json!({ "binding": "none" }),
        Operation::StartHeadless => {
            json!({ "public_key": public_key, "machine": "walked", "challenge": "none" })
        }
        Operation::OpenHeadless => json!({ "code": "none" }),
        Operation::ArriveSso => json!({ "connector": "none", "saml_response": "none" }),
        Operation::ReadArrival => json!({ "binding": "none" }),
        Operation::AnswerArrival => json!({ "binding": "none", "choice": "approve" }),
        Operation::FinishHeadless => json!({ "code": "none", "verifier": "none" }),
        Operation::BeginMfa | Operation::AnswerMfa => json!({}),
        Operation::StartSessionMfa => json!({
            "app": "walked",
            "public_key": public_key,
            "machine": "walked",
            "callback": "http://127.0.0.1:1/walked",
            "challenge": "none",
        }),
        Operation::FinishSessionMfa => json!({ "code": "none", "verifier": "none" }),
        Operation::TypeSessionMfa => {
            json!({ "app": "walked", "public_key": public_key, "code": "none" })
        }
        Operation::ReadMfaPage
        | Operation::AnswerMfaPage
        | Operation::ReadSessionMfa
        | Operation::AnswerSessionMfa => json!({ "binding": "none" }),
        Operation::CreateInvite => json!({ "purpose": "reset" }),
        Operation::Create | Operation::Put => json!({
            "kind": "role",
            "version": "v8",
            "metadata": { "name": "walked" },
            "spec": {},
        }),
        Operation::SignAssertion => {
            json!({ "app": "walked", "uri": "mcp+http://walked", "certificate": "none" })
        }
        Operation::Heartbeat => json!({}),
        Operation::ReportTools => json!({ "apps": [] }),
        Operation::ShipAudit => json!({ "source": "run", "first": 1, "events": [] }),
        _ => return None,
    })
}

fn path(row: &EndpointRow) -> String {
    let mut path = row
        .path
        .replace("{kind}", "role")
        .replace("{name}", "walked")
        .replace("{token}", "0000000000000000");
    if row.operation == Operation::Watch {
        path.push_str("?kinds=role&cursor=none");
    }
    path
}

async fn call(client: &Client, row: &EndpointRow) -> Result<Value, api::Error> {
    client.call(row.method.clone(), &path(row), body(row.operation).as_ref()).await
}

#[tokio::test]
async fn who_is_let_through_where() {
    let cluster = Cluster::start().await;
    cluster.put(role_with("walked", |_allow| {})).await;
    cluster.put(role_with("nothing", |_allow| {})).await;
    let proxy = cluster.host(&[Service::Proxy]).await;
    let app = cluster.host(&[Service::App]).await;
    let callers = [
        ("nobody", cluster.stranger()),
        ("powerless", cluster.user("powerless", &["nothing"]).await),
        ("app", app.client),
        ("proxy", proxy.client),
        ("local", cluster.admin.clone()),
    ];
    let mut table = String::from(
        "# Who is let through where. \"admitted\" is whatever comes after authorisation.\n\n",
    );
    write!(table, "{:<42}", "endpoint").unwrap();
    for (name, _client) in &callers {
        write!(table, "{name:<16}").unwrap();
    }
    for row in ENDPOINTS {
        write!(table, "\n{:<42}", format!("{} {}", row.method, row.path)).unwrap();
        for (name, client) in &callers {
            let result = call(client, row).await;
            let outcome = outcome(&result);
            write!(table, "{outcome:<16}").unwrap();
            let open = matches!(row.access, Access::Public) || row.operation == Operation::Join;
            if *name == "nobody" && !open {
                assert_eq!(outcome, "unauthenticated", "{} {}", row.method, row.path);
            }
            // Deleted by whoever may; the next caller finds it again.
            if row.operation == Operation::Delete {
                cluster.put(role_with("walked", |_allow| {})).await;
            }
        }
    }
    let table: String = table.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    expect_file("endpoints.txt", &table);
}

#[tokio::test]
async fn what_is_no_endpoint_is_not_found() {
    let cluster = Cluster::start().await;
    let get = |path: &'static str| cluster.admin.call::<(), Value>(Method::GET, path, None);
    assert_eq!(get("/").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(get("/v1/resources").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(get("/v1/join").await.unwrap_err().kind(), ErrorKind::InvalidArgument);
    let unknown = get("/v1/resources/rol").await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::InvalidArgument);
    assert!(unknown.message().contains("role"), "{unknown}");
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused() {
    let cluster = Cluster::start().await;
    let description = "x".repeat(9 << 20);
    let body = json!({ "kind": "role", "metadata": { "name": "x", "description": description } });
    let result: Result<Value, _> =
        cluster.admin.call(Method::POST, "/v1/resources/role", Some(&body)).await;
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    assert!(error.message().contains("bytes"), "{error}");
}

#[tokio::test]
async fn the_description_is_served_to_anybody() {
    let cluster = Cluster::start().await;
    let served: Value =
        cluster.stranger().call::<(), _>(Method::GET, "/v1/openapi.json", None).await.unwrap();
    assert_eq!(served, auth::openapi::document().unwrap());
}
