use std::path::PathBuf;
use std::sync::Arc;

use api::{Client, Endpoint, Replica, Snapshot, WatchEvent};
use axum::body::Body;
use http::{Request, Response, StatusCode, header};
use pki::jwt::Expected;
use pki::{JwkSet, JwtKey, PrivateKey};
use resource::proxy::ProxySpec;
use resource::{AuthorityType, CaKey, CertAuthority, Proxy, Resource};
use runtime::Tasks;
use serde_json::{Value, json};
use time::macros::datetime;
use tower_service::Service as _;

use super::{CONFIGURATION_PATH, KEYS_PATH};
use crate::limit::Attempts;
use crate::limits::Limits;
use crate::service::Web;
use crate::web::router;

async fn get(path: &str, resources: &[Resource]) -> Response<Body> {
    let mut snapshot = Snapshot::default();
    for resource in resources {
        let (resource, cursor) = (Arc::new(resource.clone()), String::new());
        snapshot.apply(&WatchEvent::Put { resource, cursor });
    }
    let nowhere = Endpoint::Unix(PathBuf::from("/nonexistent"));
    let web = Web {
        cluster: "example.test".to_owned(),
        public_addr: "mcp.example.test:443".to_owned(),
        client: Client::new(nowhere, Tasks::new()),
        replica: Replica::fixed(snapshot),
        attempts: Attempts::of(Limits::DEFAULT.sign_in_attempts),
        oauth_attempts: Attempts::of(crate::web::oauth::ATTEMPTS),
    };
    let request = Request::get(path).body(Body::empty()).unwrap();
    router(Arc::new(web)).call(request).await.unwrap()
}

async fn json(response: Response<Body>) -> Value {
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
    assert_eq!(response.headers()[header::CACHE_CONTROL], "public, max-age=300");
    serde_json::from_slice(&axum::body::to_bytes(response.into_body(), 1 << 16).await.unwrap())
        .unwrap()
}

fn authority(key: &PrivateKey) -> Resource {
    let public_key = Some(key.public().to_pem());
    let key = CaKey { certificate: None, public_key, private_key: None, created: None };
    CertAuthority::new(AuthorityType::Jwt, "example.test", vec![key]).into()
}

fn proxy() -> Resource {
    let public_addr = "mcp.example.test:443".to_owned();
    Proxy::new(ProxySpec { host_id: "a".to_owned(), public_addr, ..ProxySpec::default() }).into()
}

#[tokio::test]
async fn the_published_keys_verify_what_the_cluster_signs() {
    let key = PrivateKey::generate().unwrap();
    let set = json(get(KEYS_PATH, &[authority(&key)]).await).await;
    let set: JwkSet = serde_json::from_value(set).unwrap();
    let now = datetime!(2026-11-20 12:00:00 UTC);
    let claims = json!({ "iss": "i", "aud": "a", "exp": now.unix_timestamp() + 60 });
    let token = JwtKey::new(&key).unwrap().sign(&claims).unwrap();
    let expected = Expected { issuer: "i", audience: "a", now };
    assert_eq!(set.verify::<Value>(&token, &expected).unwrap(), claims);
}

#[tokio::test]
async fn discovery_leads_to_the_keys() {
    let found = json(get(CONFIGURATION_PATH, &[proxy()]).await).await;
    assert_eq!(found["issuer"], "https://mcp.example.test");
    assert_eq!(found["jwks_uri"], "https://mcp.example.test/.well-known/jwks.json");
    assert_eq!(found["id_token_signing_alg_values_supported"], json!(["ES256"]));
}

#[tokio::test]
async fn what_is_not_known_yet_is_not_kept_by_anybody() {
    for path in [KEYS_PATH, CONFIGURATION_PATH] {
        let response = get(path, &[]).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert!(response.headers().get(header::CACHE_CONTROL).is_none(), "{path}");
        assert!(response.headers().contains_key(header::RETRY_AFTER), "{path}");
    }
}
