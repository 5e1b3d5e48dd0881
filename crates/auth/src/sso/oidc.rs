//! OpenID Connect, as a relying party: the authorization code flow with proof of the code's receiver
//! (PKCE, S256), a nonce, and a state (OpenID Connect Core 1.0, section 3.1; RFC 9700).

use api::Error;
use api::wire::SsoAnswer;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use pki::jwt::foreign::{Demands, ForeignToken, ForeignTokenError};
use resource::oidc::{CALLBACK_PATH, ClientAuth, OidcSpec};
use resource::{OidcConnector, Secret};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use subtle::ConstantTimeEq as _;
use time::Duration;
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};

use super::oauth::{self, Proof};
use super::words::refused;
use super::{Statement, claims, random};
use crate::core::Core;
use crate::providers::{Metadata, unavailable};

/// The claim with the user's name if the connector names none.
const DEFAULT_USERNAME: &str = "email";
/// How far the provider's clock may be off, for the time of an authentication.
const LEEWAY: Duration = Duration::seconds(60);

/// What must be remembered between sending somebody away and taking them back.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Away {
    nonce: String,
    proof: Proof,
    redirect_uri: String,
}

/// Where somebody is sent, and what to remember.
pub(super) async fn begin(
    core: &Core,
    connector: &OidcConnector,
    state: &str,
    proxy: Option<&str>,
) -> Result<(String, Away), Error> {
    let spec = &connector.spec;
    let metadata = core.providers.metadata(&spec.issuer_url).await?;
    let redirect_uri = oauth::callback(&spec.redirect_urls, proxy, CALLBACK_PATH)?;
    let away = Away { nonce: random(), proof: Proof::new(), redirect_uri };
    let mut url = Url::parse(&metadata.authorization_endpoint)
        .map_err(|error| unavailable(format!("the authorization endpoint: {error}")))?;
    let mut query = url.query_pairs_mut();
    query
        .append_pair("response_type", "code")
        .append_pair("client_id", &spec.client_id)
        .append_pair("redirect_uri", &away.redirect_uri)
        .append_pair("scope", &scope(&spec.scope))
        .append_pair("state", state)
        .append_pair("nonce", &away.nonce)
        .append_pair("code_challenge", &away.proof.challenge())
        .append_pair("code_challenge_method", "S256");
    if !spec.prompt.is_empty() {
        query.append_pair("prompt", &spec.prompt);
    }
    if !spec.acr_values.is_empty() {
        query.append_pair("acr_values", &spec.acr_values);
    }
    if let Some(max_age) = spec.max_age {
        query.append_pair("max_age", &max_age.as_secs().to_string());
    }
    drop(query);
    Ok((url.into(), away))
}

/// What the provider says of somebody who came back.
pub(super) async fn complete(
    core: &Core,
    connector: &OidcConnector,
    away: &Away,
    answer: &SsoAnswer,
) -> Result<Statement, Error> {
    let spec = &connector.spec;
    let metadata = core.providers.metadata(&spec.issuer_url).await?;
    check_issuer(&metadata, answer.iss.as_deref())?;
    let code = oauth::code(answer)?;
    let (headers, form) = token_request(spec, &metadata, away, code)?;
    let tokens = oauth::exchange(core, &metadata.token_endpoint, headers, form).await?;
    let id_token = tokens.id_token.as_deref();
    let id_token = id_token.ok_or_else(|| refused("its token endpoint gave no ID token"))?;
    let verified = core.providers.verify(&metadata.jwks_uri, id_token).await?;
    let token = verified.map_err(|error| refused(&format!("its ID token: {error}")))?;
    check(&token, connector, &metadata, away, core)
        .map_err(|why| refused(&format!("its ID token: {why}")))?;
    if let (Some(hash), Some(access)) = (token.claims().get("at_hash"), &tokens.access_token)
        && !hash.as_str().is_some_and(|hash| token.is_half_hash(hash, access))
    {
        return Err(refused("its ID token is not of the access token that came with it"));
    }
    let mut claims = token.into_claims();
    if let (Some(endpoint), Some(access)) = (&metadata.userinfo_endpoint, &tokens.access_token) {
        let more = userinfo(core, endpoint, &Secret::new(access.clone())).await?;
        if more.get("sub") != claims.get("sub") {
            return Err(refused("its user information is about somebody else"));
        }
        // What is signed counts before what is not.
        for (name, value) in more {
            claims.entry(name).or_insert(value);
        }
    }
    statement(connector, claims)
}

/// The claims as what they say of the person.
fn statement(connector: &OidcConnector, claims: Map<String, Value>) -> Result<Statement, Error> {
    let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default().to_owned();
    if subject.is_empty() {
        return Err(refused("it names nobody: there is no usable \"sub\" claim"));
    }
    let attributes = claims::flatten(&claims).map_err(|error| refused(&error.to_string()))?;
    let wanted = match connector.spec.username_claim.as_str() {
        "" => DEFAULT_USERNAME,
        name => name,
    };
    let username = match attributes.get(wanted).map(Vec::as_slice) {
        Some([name]) if !name.is_empty() => Ok(name.clone()),
        Some([_, _, ..]) => {
            Err(format!("the claim {wanted:?} has several values, and a user has one name"))
        }
        _ => Err(format!("there is no claim {wanted:?}, which holds the user's name")),
    };
    let mut doubts = Vec::new();
    if attributes.contains_key("email")
        && !connector.spec.allow_unverified_email
        && claims.get("email_verified").is_some_and(|said| !is_true(said))
    {
        doubts.push("the provider says that it has not verified the e-mail address".to_owned());
    }
    let traits = attributes.clone();
    Ok(Statement { subject, username, attributes, traits, claims, doubts, until: None })
}

/// Some providers write it as text.
fn is_true(value: &Value) -> bool {
    value.as_bool() == Some(true)
        || value.as_str().is_some_and(|text| text.eq_ignore_ascii_case("true"))
}

/// RFC 9207: who answers is who was asked.
fn check_issuer(metadata: &Metadata, said: Option<&str>) -> Result<(), Error> {
    match said {
        Some(issuer) if issuer == metadata.issuer => Ok(()),
        None if !metadata.authorization_response_iss_parameter_supported => Ok(()),
        _ => Err(refused("somebody else than this provider answered")),
    }
}

/// What an ID token must say besides being signed (OpenID Connect Core 1.0, section 3.1.3.7).
fn check(
    token: &ForeignToken,
    connector: &OidcConnector,
    metadata: &Metadata,
    away: &Away,
    core: &Core,
) -> Result<(), String> {
    let now = core.clock.now();
    let spec = &connector.spec;
    let demands =
        Demands { issuer: &metadata.issuer, audience: &spec.client_id, now, max_age: None };
    token.check(&demands).map_err(|error: ForeignTokenError| error.to_string())?;
    let claims = token.claims();
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let is_shared = claims.get("aud").and_then(Value::as_array).is_some_and(|all| all.len() > 1);
    match claims.get("azp") {
        None if is_shared => {
            return Err("it is for several, and does not say for whom first".to_owned());
        }
        None => {}
        Some(_) if text("azp") == Some(&spec.client_id) => {}
        Some(_) => return Err("it was made for another client (azp)".to_owned()),
    }
    let nonce = text("nonce").unwrap_or_default();
    if !bool::from(nonce.as_bytes().ct_eq(away.nonce.as_bytes())) {
        return Err("its nonce is not the one of this login".to_owned());
    }
    if let Some(max_age) = spec.max_age {
        let at = token.time("auth_time").map_err(|error| error.to_string())?;
        let at = at.ok_or("it does not say when the person authenticated (auth_time)")?;
        if now - at > max_age + LEEWAY {
            return Err("the person authenticated longer ago than max_age allows".to_owned());
        }
    }
    let mut wanted = spec.acr_values.split_ascii_whitespace().peekable();
    if wanted.peek().is_some() {
        let found = text("acr").unwrap_or_default();
        if !wanted.any(|acr| acr == found) {
            return Err(format!(
                "the authentication was {found:?} (acr), and acr_values asks for another"
            ));
        }
    }
    Ok(())
}

/// The question to a token endpoint (RFC 6749, section 4.1.3; RFC 7636, section 4.5).
fn token_request(
    spec: &OidcSpec,
    metadata: &Metadata,
    away: &Away,
    code: &str,
) -> Result<(HeaderMap, String), Error> {
    let mut headers = HeaderMap::new();
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "authorization_code")
        .append_pair("code", code)
        .append_pair("redirect_uri", &away.redirect_uri)
        .append_pair("code_verifier", away.proof.verifier());
    match spec.client_auth.unwrap_or_else(|| offered(metadata)) {
        ClientAuth::Basic => {
            let value = basic(&spec.client_id, &spec.client_secret).map_err(Error::internal)?;
            headers.insert(AUTHORIZATION, value);
        }
        ClientAuth::Post => {
            form.append_pair("client_id", &spec.client_id)
                .append_pair("client_secret", spec.client_secret.expose());
        }
    }
    Ok((headers, form.finish()))
}

/// What the provider takes; `client_secret_basic` is what it means when it says nothing.
fn offered(metadata: &Metadata) -> ClientAuth {
    let all = &metadata.token_endpoint_auth_methods_supported;
    let takes = |auth: ClientAuth| all.iter().any(|method| method == auth.as_str());
    if takes(ClientAuth::Post) && !takes(ClientAuth::Basic) {
        ClientAuth::Post
    } else {
        ClientAuth::Basic
    }
}

/// RFC 6749, section 2.3.1: each half is form-encoded before they are put together.
fn basic(
    id: &str,
    secret: &Secret<String>,
) -> Result<HeaderValue, http::header::InvalidHeaderValue> {
    let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let pair = Secret::new(format!("{}:{}", encode(id), encode(secret.expose())));
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair.expose())))?;
    value.set_sensitive(true);
    Ok(value)
}

/// What the provider says beside the ID token (OpenID Connect Core 1.0, section 5.3). A claim that is
/// missing might be one by which something is denied, so there is an answer or no login.
async fn userinfo(
    core: &Core,
    endpoint: &str,
    access: &Secret<String>,
) -> Result<Map<String, Value>, Error> {
    let answer = oauth::ask(core, endpoint, access).await?;
    if !answer.status.is_success() {
        return Err(unavailable(format!("the userinfo endpoint answers {}", answer.status)));
    }
    serde_json::from_slice(&answer.body).map_err(|_error| {
        unavailable("the userinfo endpoint answers something else than a JSON object".to_owned())
    })
}

/// `openid` first, and each scope once.
fn scope(wanted: &[String]) -> String {
    let mut all = vec!["openid"];
    if wanted.is_empty() {
        all.push("email");
    }
    for scope in wanted.iter().flat_map(|text| text.split_ascii_whitespace()) {
        if !all.contains(&scope) {
            all.push(scope);
        }
    }
    all.join(" ")
}

#[cfg(test)]
mod tests;
