//! Joining a cluster, from the side of who has no identity yet: how it is reached for the first time, and
//! where a workload finds the token by which its platform says who it is.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use fetch::{Egress, Fetcher};
use http::StatusCode;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use pki::CaPin;
use pki::jwt::MAX_TOKEN_BYTES;
use pki::tls::{self, ServerTrust, TlsError};
use resource::Secret;
use resource::token::JoinMethodName;
use runtime::Tasks;
use serde::Deserialize;
use url::Url;

use crate::client::Client;
use crate::connect::{ALPN_AUTH, AUTH_SERVER_NAME, Endpoint};
use crate::discover::{ProxyTrust, discover};
use crate::error::Error;

/// Where GitHub Actions gives tokens to a workflow that may have them, and what it is asked with.
const GITHUB_URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
const GITHUB_BEARER: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";
/// In which variable a job of GitLab CI has its token, by the documentation of this join method.
const GITLAB_TOKEN: &str = "TBOT_GITLAB_JWT";
/// Where a pod has its token, if it is not where Kubernetes puts it.
const KUBERNETES_PATH: &str = "KUBERNETES_TOKEN_PATH";
const KUBERNETES_DEFAULT: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// How the auth service is reached by somebody whom it does not know yet.
#[derive(Clone, Debug)]
pub struct FirstContact {
    /// `host:port` of the auth service or of a proxy: both lead to the auth service.
    pub addresses: Vec<String>,
    /// Whether the addresses are a proxy's.
    pub through_proxy: bool,
    /// Which authorities are believed.
    pub ca_pins: Vec<CaPin>,
}

#[derive(Deserialize)]
struct GithubToken {
    value: String,
}

// === impl FirstContact ===

impl FirstContact {
    /// A client without an identity.
    ///
    /// # Errors
    /// There is no pin and no proxy that this machine believes, or the addresses cannot be used.
    pub async fn client(&self, tasks: &Tasks) -> Result<Client, Error> {
        let pins = self.pins(tasks).await?;
        let unusable = |error: TlsError| Error::invalid(error.to_string());
        let config =
            tls::client_config(ServerTrust::Pins(pins), None, &[ALPN_AUTH]).map_err(unusable)?;
        let server_name = tls::server_name(AUTH_SERVER_NAME).map_err(unusable)?;
        let addresses = self.addresses.clone();
        let endpoint = Endpoint::Tls { addresses, server_name, config: Arc::new(config) };
        Ok(Client::new(endpoint, tasks.clone()))
    }

    /// Which authorities are believed: those that are configured, or those that a proxy tells of which this
    /// machine's roots vouch.
    ///
    /// # Errors
    /// There is no pin and no proxy that this machine believes.
    pub async fn pins(&self, tasks: &Tasks) -> Result<Vec<CaPin>, Error> {
        if self.ca_pins.is_empty() {
            // Without a pin only a proxy that this machine's roots vouch for can tell the pins.
            let Some(proxy) = self.addresses.first().filter(|_| self.through_proxy) else {
                return Err(Error::invalid("joining through auth_server needs ca_pin")
                    .hint("`tctl status` prints the pin on the auth host"));
            };
            let ping = discover(proxy, &ProxyTrust::SystemRoots, tasks)
                .await
                .map_err(|error| error.hint("set ca_pin in the configuration"))?;
            ping.ca_pins
                .iter()
                .map(|pin| pin.parse())
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| Error::internal(format!("the proxy told no pin: {error}")))
        } else {
            Ok(self.ca_pins.clone())
        }
    }
}

/// What the platform signs of this process for a cluster; none where knowing the join token is the proof.
///
/// # Errors
/// The process does not run there, or its platform does not give it a token.
pub async fn workload_token(
    method: JoinMethodName,
    cluster: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<Secret<String>>, Error> {
    let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
    match method {
        JoinMethodName::Token => Ok(None),
        JoinMethodName::Github => {
            let (Some(url), Some(bearer)) = (variable(GITHUB_URL), variable(GITHUB_BEARER)) else {
                return Err(Error::invalid(format!(
                    "joining by github needs {GITHUB_URL} and {GITHUB_BEARER}, which GitHub Actions sets"
                ))
                .hint("give the job the permission `id-token: write`"));
            };
            github(&url, &Secret::new(bearer), cluster).await.map(Some)
        }
        JoinMethodName::Gitlab => match variable(GITLAB_TOKEN) {
            Some(token) => Ok(Some(Secret::new(token))),
            None => {
                Err(Error::invalid(format!("joining by gitlab needs the variable {GITLAB_TOKEN}"))
                    .hint(format!(
                        "write in the job: `id_tokens: {{{GITLAB_TOKEN}: {{aud: {cluster}}}}}`"
                    )))
            }
        },
        JoinMethodName::Kubernetes => {
            let path = variable(KUBERNETES_PATH);
            pod(Path::new(path.as_deref().unwrap_or(KUBERNETES_DEFAULT))).map(Some)
        }
    }
}

async fn github(
    address: &str,
    bearer: &Secret<String>,
    cluster: &str,
) -> Result<Secret<String>, Error> {
    let unusable = |why: &str| Error::invalid(format!("{GITHUB_URL} cannot be used: {why}"));
    let mut url = Url::parse(address).map_err(|error| unusable(&error.to_string()))?;
    url.query_pairs_mut().append_pair("audience", cluster);
    let mut authorization = HeaderValue::try_from(format!("Bearer {}", bearer.expose()))
        .map_err(|_error| Error::invalid(format!("{GITHUB_BEARER} cannot be sent in a header")))?;
    authorization.set_sensitive(true);
    let headers = HeaderMap::from_iter([(AUTHORIZATION, authorization)]);
    let fetched = Fetcher::new(Egress::default())
        .get(&url, headers)
        .await
        .map_err(|error| Error::unavailable(format!("GitHub gives no token: {error}")))?;
    if fetched.status != StatusCode::OK {
        return Err(Error::unavailable(format!(
            "GitHub gives no token: it answers {}",
            fetched.status
        ))
        .hint("give the job the permission `id-token: write`"));
    }
    let token: GithubToken = serde_json::from_slice(&fetched.body)
        .map_err(|_error| Error::unavailable("GitHub's answer holds no token"))?;
    Ok(Secret::new(token.value))
}

/// The token in a file that the kubelet keeps fresh.
fn pod(path: &Path) -> Result<Secret<String>, Error> {
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_TOKEN_BYTES as u64 + 1).read_to_string(&mut text))
        .map_err(|error| {
            Error::invalid(format!(
                "joining by kubernetes needs a token in {}: {error}",
                path.display()
            ))
            .hint(format!(
                "project a service account token whose audience is the cluster's name, and say where \
                 it is in {KUBERNETES_PATH}"
            ))
        })?;
    Ok(Secret::new(text.trim().to_owned()))
}

#[cfg(test)]
mod tests;
