//! Asking Kubernetes whose a service account token is (`TokenReview` of `authentication.k8s.io/v1`), where this
//! service runs in a cluster of Kubernetes itself: by its own service account, as it is mounted.
//!
//! The token must be one for this cluster, as everywhere: what a pod shows to the Kubernetes API by itself is its
//! own credential there, which nobody else is to be shown. And it must be one of a pod that runs: that, and that the
//! token has not ended, Kubernetes looks at whenever it is asked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use api::{Error, ErrorKind};
use fetch::{Egress, Fetched, Fetcher};
use http::StatusCode;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use pki::jwt::foreign;
use resource::Secret;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use url::Url;

use crate::core::Core;
use crate::providers::unavailable;

/// Where the service account of a pod is mounted, if nothing else is said.
const MOUNTED: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// Says that it is mounted elsewhere.
const MOUNTED_ELSEWHERE: &str = "KUBERNETES_SERVICE_ACCOUNT_PATH";
/// Where a pod is told that the API is.
const HOST: &str = "KUBERNETES_SERVICE_HOST";
const PORT: &str = "KUBERNETES_SERVICE_PORT";
/// The longest token that is asked about, and that is mounted.
const MAX_TOKEN: usize = 16 << 10;
/// What Kubernetes says of a token besides whose it is, and names the pod by.
const POD_NAME: &str = "authentication.kubernetes.io/pod-name";
/// The same for what names the token.
const TOKEN_ID: &str = "authentication.kubernetes.io/credential-id";

/// The API of the cluster of Kubernetes that this service runs in.
#[derive(Clone, Debug)]
pub struct KubernetesApi {
    reviews: Url,
    mounted: PathBuf,
}

#[derive(Deserialize)]
struct Review {
    #[serde(default)]
    status: Status,
}

#[derive(Default, Deserialize)]
struct Status {
    #[serde(default)]
    authenticated: bool,
    #[serde(default)]
    user: User,
    /// For whom the token is, of those who were asked about. A server that knows nothing of it says nothing.
    #[serde(default)]
    audiences: Vec<String>,
    #[serde(default)]
    error: String,
}

#[derive(Default, Deserialize)]
struct User {
    #[serde(default)]
    username: String,
    #[serde(default)]
    extra: BTreeMap<String, Vec<String>>,
}

// === impl KubernetesApi ===

impl KubernetesApi {
    /// As the environment of a pod says; none where this is no pod.
    #[must_use]
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let given = |name| variable(name).filter(|text| !text.is_empty());
        let (host, port) = (given(HOST)?, given(PORT)?);
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        let address = format!("https://{host}:{port}/apis/authentication.k8s.io/v1/tokenreviews");
        let mounted = given(MOUNTED_ELSEWHERE).unwrap_or_else(|| MOUNTED.to_owned());
        Some(Self { reviews: Url::parse(&address).ok()?, mounted: mounted.into() })
    }

    async fn ask(&self, token: &Secret<String>, audience: &str) -> Result<Fetched, Error> {
        let authority = read(&self.mounted.join("ca.crt")).await?;
        // Read each time: the kubelet renews it.
        let own = read(&self.mounted.join("token")).await?;
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", own.trim()))
            .map_err(|_error| unavailable("the mounted token is no token".to_owned()))?;
        bearer.set_sensitive(true);
        let headers = HeaderMap::from_iter([(AUTHORIZATION, bearer)]);
        let review = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
            "spec": {"token": token.expose(), "audiences": [audience]},
        });
        let fetcher = Fetcher::trusting(Egress::default(), authority);
        let asked = fetcher.post_json(&self.reviews, headers, review.to_string()).await;
        asked.map_err(|error| unavailable(error.to_string()))
    }
}

/// What Kubernetes says of a service account token, as the claims that rules look at.
pub(crate) async fn review(
    core: &Core,
    token: &Secret<String>,
) -> Result<Map<String, Value>, Error> {
    let Some(kubernetes) = &core.kubernetes else {
        return Err(Error::denied(
            "the join token is for pods beside the auth service, and that runs in no cluster of Kubernetes",
        ));
    };
    let issuer = worth_asking(token.expose(), &core.cluster, core.clock.now())?;
    let _place = core.providers.place()?;
    let answer = kubernetes.ask(token, &core.cluster).await?;
    if !matches!(answer.status, StatusCode::OK | StatusCode::CREATED) {
        return Err(unavailable(format!(
            "Kubernetes answers {} to a TokenReview: the service account of the auth service needs the cluster \
             role system:auth-delegator",
            answer.status
        )));
    }
    let Review { status } = serde_json::from_slice(&answer.body)
        .map_err(|error| unavailable(format!("Kubernetes answers with no TokenReview: {error}")))?;
    claims(status, issuer, &core.cluster)
}

/// The issuer that a token names, if what it says could be let in: what could not is asked about in vain, and strangers
/// make nobody ask by what they did not even put together.
fn worth_asking(token: &str, cluster: &str, now: OffsetDateTime) -> Result<String, Error> {
    let claims = Some(token)
        .filter(|token| token.len() <= MAX_TOKEN)
        .and_then(foreign::unverified_claims)
        .unwrap_or_default();
    let issuer = claims.get("iss").and_then(Value::as_str);
    let issuer = issuer.ok_or_else(|| refused("it is no token of a service account"))?;
    let is_ours = match claims.get("aud") {
        Some(Value::Array(all)) => all.iter().any(|one| one == cluster),
        Some(one) => one == cluster,
        None => false,
    };
    if !is_ours {
        return Err(refused("it is for somebody else")
            .hint(format!("its audience must be the name of the cluster: {cluster:?}")));
    }
    let end = claims.get("exp").and_then(Value::as_i64);
    let end = end.ok_or_else(|| refused("it does not say until when it is good"))?;
    if end <= (now - foreign::LEEWAY).unix_timestamp() {
        return Err(refused("it has expired"));
    }
    Ok(issuer.to_owned())
}

fn claims(status: Status, issuer: String, cluster: &str) -> Result<Map<String, Value>, Error> {
    let Status { authenticated, user, audiences, error } = status;
    if !authenticated || !error.is_empty() {
        return Err(refused("Kubernetes does not take it for one that is good here")
            .hint(format!("its audience must be the name of the cluster: {cluster:?}"))
            .because(error));
    }
    // Who was asked about an audience and says nothing of it has not looked at it.
    if !audiences.iter().any(|audience| audience == cluster) {
        return Err(refused("it is for somebody else")
            .hint(format!("its audience must be the name of the cluster: {cluster:?}")));
    }
    let said =
        |name| user.extra.get(name).and_then(|all| all.first()).filter(|one| !one.is_empty());
    let Some(pod) = said(POD_NAME) else {
        return Err(Error::new(
            ErrorKind::Unauthenticated,
            "the token is not bound to a pod, so that it could be used anywhere",
        )
        .hint("give the pod a projected service account token"));
    };
    let mut claims = Map::from_iter([
        ("iss".to_owned(), Value::from(issuer)),
        ("kubernetes.io".to_owned(), json!({"pod": {"name": pod}})),
    ]);
    if let Some(id) = said(TOKEN_ID) {
        claims.insert("jti".to_owned(), id.as_str().into());
    }
    claims.insert("sub".to_owned(), user.username.into());
    Ok(claims)
}

async fn read(path: &Path) -> Result<String, Error> {
    tokio::fs::read_to_string(path)
        .await
        .map_err(|error| unavailable(format!("cannot read {}: {error}", path.display())))
}

fn refused(why: &str) -> Error {
    Error::new(ErrorKind::Unauthenticated, format!("the workload's token is not accepted: {why}"))
}

#[cfg(test)]
mod tests;
