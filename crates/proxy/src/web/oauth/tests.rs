use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use api::{Client, Endpoint, Replica, Snapshot, WatchEvent};
use axum::body::Body;
use http::{Request, Response, StatusCode, header};
use resource::{ClusterAuthPreference, Resource};
use runtime::Tasks;
use serde_json::{Value, json};
use tower_service::Service as _;

use super::*;
use crate::limit::Attempts;
use crate::limits::Limits;
use crate::web::router;

const ISSUER: &str = "https://mcp.example.test";
const FORM: &str = "application/x-www-form-urlencoded";

fn preference(spec: &Value) -> ClusterAuthPreference {
    let document = json!({
        "kind": "cluster_auth_preference", "version": "v2",
        "metadata": {"name": "cluster-auth-preference"}, "spec": spec,
    });
    let resource = Resource::from_json(document.to_string().as_bytes()).unwrap();
    ClusterAuthPreference::try_from(resource).unwrap()
}

/// A proxy of a cluster with this preference, and an auth service that is away.
fn proxy(spec: &Value) -> axum::Router {
    let mut snapshot = Snapshot::default();
    let (resource, cursor) = (Arc::new(preference(spec).into()), String::new());
    snapshot.apply(&WatchEvent::Put { resource, cursor });
    router(Arc::new(Web {
        cluster: "example.test".to_owned(),
        public_addr: "MCP.example.test:443".to_owned(),
        client: Client::new(Endpoint::Unix(PathBuf::from("/nonexistent")), Tasks::new()),
        replica: Replica::fixed(snapshot),
        attempts: Attempts::of(Limits::DEFAULT.sign_in_attempts),
        oauth_attempts: Attempts::of(ATTEMPTS),
    }))
}

async fn send(proxy: &mut axum::Router, mut request: Request<Body>) -> Response<Body> {
    let address: SocketAddr = "192.0.2.7:1".parse().unwrap();
    request.extensions_mut().insert(Arc::new(Peer::new(address, Vec::new())));
    proxy.call(request).await.unwrap()
}

async fn get(spec: &Value, path: &str) -> Response<Body> {
    send(&mut proxy(spec), Request::get(path).body(Body::empty()).unwrap()).await
}

async fn post(path: &str, content_type: &str, body: &str) -> (StatusCode, Value) {
    let request = Request::post(path).header(header::CONTENT_TYPE, content_type);
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let response = send(&mut proxy(&json!({"allow_oauth": true})), request).await;
    (response.status(), json_of(response).await)
}

async fn json_of(response: Response<Body>) -> Value {
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
    serde_json::from_str(&text_of(response).await).unwrap()
}

async fn text_of(response: Response<Body>) -> String {
    let body = axum::body::to_bytes(response.into_body(), 1 << 16).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

#[tokio::test]
async fn documents_lead_from_a_server_to_the_endpoints_whether_there_is_such_a_server_or_not() {
    let on = json!({"allow_oauth": true});
    for path in ["/mcp/apps/files", "/mcp/sites/leaf.test/apps/nothing"] {
        let response = get(&on, &format!("{}{path}", crate::oauth::METADATA_PATH)).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let document = json_of(response).await;
        assert_eq!(document["resource"], format!("{ISSUER}{path}"));
        assert_eq!(document["authorization_servers"], json!([ISSUER]));
    }
    for path in ["", "/", "/mcp/apps", "/mcp/apps/a/b", "/mcp/sites/leaf.test/apps", "/web"] {
        let response = get(&on, &format!("{}{path}", crate::oauth::METADATA_PATH)).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let server = json_of(get(&on, "/.well-known/oauth-authorization-server").await).await;
    assert_eq!(server["issuer"], ISSUER);
    assert_eq!(server["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(server["token_endpoint"], format!("{ISSUER}{TOKEN}"));
    assert!(server.get("registration_endpoint").is_none(), "{server}");
    let both = json!({"allow_oauth": true, "allow_oauth_registration": true});
    let server = json_of(get(&both, "/.well-known/oauth-authorization-server").await).await;
    assert_eq!(server["registration_endpoint"], format!("{ISSUER}{REGISTER}"));
}

#[tokio::test]
async fn there_are_no_documents_where_clients_may_not() {
    for spec in
        [json!({}), json!({"allow_oauth": false}), json!({"allow_oauth_registration": true})]
    {
        for path in [
            "/.well-known/oauth-authorization-server",
            "/.well-known/oauth-protected-resource/mcp/apps/files",
        ] {
            assert_eq!(get(&spec, path).await.status(), StatusCode::NOT_FOUND, "{path} {spec}");
        }
    }
}

#[tokio::test]
async fn what_is_said_twice_or_in_another_form_is_refused_before_anybody_is_asked() {
    for (path, content_type, body, error) in [
        (
            TOKEN,
            FORM,
            "grant_type=refresh_token&refresh_token=a&refresh_token=b",
            "invalid_request",
        ),
        (TOKEN, FORM, "grant_type=a&resource=b&resource=c", "invalid_request"),
        (TOKEN, "application/json", r#"{"grant_type":"refresh_token"}"#, "invalid_request"),
        (REVOKE, FORM, "token=a&token=b", "invalid_request"),
        (REVOKE, FORM, "token_type_hint=access_token", "invalid_request"),
        (REVOKE, "application/json", r#"{"token":"a"}"#, "invalid_request"),
        (REGISTER, FORM, "client_name=a", "invalid_client_metadata"),
        (REGISTER, "application/json", "[1]", "invalid_client_metadata"),
        (
            REGISTER,
            "application/json",
            r#"{"client_name":"a","client_name":"b"}"#,
            "invalid_client_metadata",
        ),
    ] {
        let (status, told) = post(path, content_type, body).await;
        assert_eq!((status, &told["error"]), (StatusCode::BAD_REQUEST, &json!(error)), "{body}");
        assert!(told["error_description"].is_string(), "{told}");
    }
    let path = format!("{AUTHORIZE}?client_id=a&redirect_uri=http://127.0.0.1/&client_id=b");
    let response = get(&json!({"allow_oauth": true}), &path).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert!(response.headers().get(header::LOCATION).is_none());
    assert!(text_of(response).await.contains("twice"));
}

#[tokio::test]
async fn who_cannot_be_asked_now_is_to_be_asked_again() {
    let (status, told) = post(TOKEN, FORM, "grant_type=refresh_token&refresh_token=secret").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(told["error"], "temporarily_unavailable");
    assert!(!told.to_string().contains("secret") && !told.to_string().contains("nonexistent"));
}

#[tokio::test]
async fn one_address_asks_so_often_and_no_more() {
    let mut proxy = proxy(&json!({"allow_oauth": true}));
    let mut last = StatusCode::OK;
    for _ in 0..=ATTEMPTS.get() {
        let request = Request::post(REVOKE).header(header::CONTENT_TYPE, FORM);
        last = send(&mut proxy, request.body(Body::empty()).unwrap()).await.status();
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
}

#[test]
fn only_what_is_on_the_persons_machine_is_gone_to_without_asking() {
    for local in ["http://127.0.0.1:7/x?error=a", "http://localhost/"] {
        assert!(is_loopback(local), "{local}");
    }
    for other in ["https://evil.example/x", "hTTps://127.0.0.1/", "com.victim.app:/x", ""] {
        assert!(!is_loopback(other), "{other}");
    }
}
