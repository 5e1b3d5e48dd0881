//! GitHub: OAuth 2.0, and its API for who somebody is and in which teams.
//!
//! GitHub knows no ID token: who signs in is who the access token is of, so it is asked over TLS, with
//! the token that the code was exchanged for just now.
//!
//! Everybody may found an organization and call its teams what they like. So only teams of
//! organizations that the connector names count, for roles and for traits.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use api::Error;
use api::wire::SsoAnswer;
use fetch::Fetched;
use http::header::{HeaderMap, LINK};
use resource::github::CALLBACK_PATH;
use resource::{GithubConnector, Secret, Traits};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use tokio::time::timeout;
use url::Url;
use url::form_urlencoded::Serializer;

use super::Statement;
use super::oauth::{self, Proof, TokenAnswer};
use super::words::{refused, short};
use crate::core::Core;
use crate::providers::unavailable;

/// What is asked for: to see somebody's teams.
const SCOPE: &str = "read:org";
/// Scopes that hold [`SCOPE`].
const ENOUGH: [&str; 3] = [SCOPE, "write:org", "admin:org"];
/// Teams on a page: the most that GitHub gives.
pub(super) const PER_PAGE: usize = 100;
/// Pages of teams that are read. Who is in more teams is not signed in: one that is missing might be
/// the one by which something is denied.
pub(super) const MAX_PAGES: usize = 10;
/// How long all questions together may take.
const PATIENCE: Duration = Duration::from_secs(25);
/// By this header GitHub says that it leaves something out.
const WITHHELD: &str = "x-github-sso";

/// What must be remembered between sending somebody away and taking them back.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Away {
    proof: Proof,
    redirect_uri: String,
}

/// Somebody at GitHub.
#[derive(Deserialize)]
struct Person {
    /// Stays when the login changes hands.
    id: u64,
    login: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    email: Option<String>,
}

/// A team that somebody is in.
#[derive(Deserialize)]
struct Team {
    slug: String,
    organization: Organization,
}

#[derive(Deserialize)]
struct Organization {
    login: String,
}

/// Where somebody is sent, and what to remember.
pub(super) fn begin(
    connector: &GithubConnector,
    state: &str,
    proxy: Option<&str>,
) -> Result<(String, Away), Error> {
    let spec = &connector.spec;
    let named: Vec<String> = spec.redirect_url.iter().cloned().collect();
    let redirect_uri = oauth::callback(&named, proxy, CALLBACK_PATH)?;
    let away = Away { proof: Proof::new(), redirect_uri };
    let address = format!("{}/login/oauth/authorize", spec.endpoint());
    let mut url =
        Url::parse(&address).map_err(|error| unavailable(format!("{address:?}: {error}")))?;
    url.query_pairs_mut()
        .append_pair("client_id", &spec.client_id)
        .append_pair("redirect_uri", &away.redirect_uri)
        .append_pair("scope", SCOPE)
        .append_pair("state", state)
        .append_pair("allow_signup", "false")
        .append_pair("code_challenge", &away.proof.challenge())
        .append_pair("code_challenge_method", "S256");
    Ok((url.into(), away))
}

/// What GitHub says of somebody who came back.
pub(super) async fn complete(
    core: &Core,
    connector: &GithubConnector,
    away: &Away,
    answer: &SsoAnswer,
) -> Result<Statement, Error> {
    let code = oauth::code(answer)?;
    timeout(PATIENCE, ask_all(core, connector, away, code)).await.unwrap_or_else(|_elapsed| {
        Err(unavailable(format!(
            "GitHub did not answer all questions within {} seconds",
            PATIENCE.as_secs()
        )))
    })
}

async fn ask_all(
    core: &Core,
    connector: &GithubConnector,
    away: &Away,
    code: &str,
) -> Result<Statement, Error> {
    let spec = &connector.spec;
    let form = Serializer::new(String::new())
        .append_pair("client_id", &spec.client_id)
        .append_pair("client_secret", spec.client_secret.expose())
        .append_pair("code", code)
        .append_pair("redirect_uri", &away.redirect_uri)
        .append_pair("code_verifier", away.proof.verifier())
        .finish();
    let endpoint = format!("{}/login/oauth/access_token", spec.endpoint());
    let tokens = oauth::exchange(core, &endpoint, HeaderMap::new(), form).await?;
    let access = access_token(tokens)?;
    let person: Person = read(&ask(core, &format!("{}/user", spec.api()), &access).await?)?;
    let teams = teams(core, &spec.api(), &access).await?;
    Ok(statement(connector, &person, &teams))
}

/// The token, if it is one that may see teams: GitHub lets people grant less than was asked for.
fn access_token(tokens: TokenAnswer) -> Result<Secret<String>, Error> {
    let kind = tokens.token_type.unwrap_or_default();
    if !kind.eq_ignore_ascii_case("bearer") {
        return Err(refused(&format!("it gave a token of another type: {:?}", short(&kind))));
    }
    let scope = tokens.scope.unwrap_or_default();
    let mut granted = scope.split([',', ' ']).map(str::trim);
    if !granted.any(|scope| ENOUGH.contains(&scope)) {
        return Err(refused(&format!(
            "it did not grant {SCOPE}, by which teams are seen, but {:?}",
            short(&scope)
        )));
    }
    match tokens.access_token {
        Some(token) if !token.is_empty() => Ok(Secret::new(token)),
        _ => Err(refused("it gave no access token")),
    }
}

/// All teams that somebody is in, of all organizations.
async fn teams(core: &Core, api: &str, access: &Secret<String>) -> Result<Vec<Team>, Error> {
    let mut all = Vec::new();
    for page in 1..=MAX_PAGES {
        // Its own idea of where the next page is (Link) might lead the token elsewhere.
        let address = format!("{api}/user/teams?per_page={PER_PAGE}&page={page}");
        let answer = ask(core, &address, access).await?;
        let said = answer.headers.get(WITHHELD).and_then(|value| value.to_str().ok());
        if said.is_some_and(|said| said.trim_start().starts_with("partial-results")) {
            return Err(refused(
                "GitHub leaves out teams of organizations that want the person to sign in to them \
                 first (SAML single sign-on of the organization)",
            ));
        }
        let found: Vec<Team> = read(&answer)?;
        let more = found.len() >= PER_PAGE || has_next(&answer.headers);
        all.extend(found);
        if !more {
            return Ok(all);
        }
    }
    Err(refused(&format!("the person is in more than {} teams", MAX_PAGES * PER_PAGE)))
}

/// Whether there is another page (RFC 8288).
fn has_next(headers: &HeaderMap) -> bool {
    let links = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    links.flat_map(|text| text.split([';', ','])).any(|part| {
        let part = part.trim().to_ascii_lowercase();
        part.strip_prefix("rel=").is_some_and(|rel| rel.trim_matches('"') == "next")
    })
}

async fn ask(core: &Core, address: &str, access: &Secret<String>) -> Result<Fetched, Error> {
    let answer = oauth::ask(core, address, access).await?;
    if answer.status.is_success() {
        return Ok(answer);
    }
    let path = address.split('?').next().unwrap_or_default();
    Err(unavailable(format!("{path} answers {}", answer.status)))
}

fn read<T: DeserializeOwned>(answer: &Fetched) -> Result<T, Error> {
    serde_json::from_slice(&answer.body).map_err(|error| {
        unavailable(format!("GitHub answers something that is not understood: {error}"))
    })
}

/// What GitHub says of a person.
fn statement(connector: &GithubConnector, person: &Person, teams: &[Team]) -> Statement {
    let mut by_organization: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for team in teams {
        by_organization.entry(&team.organization.login).or_default().insert(&team.slug);
    }
    let (mut attributes, mut traits) = (Traits::new(), Traits::new());
    let (mut organizations, mut slugs) = (BTreeSet::new(), BTreeSet::new());
    for mapping in &connector.spec.teams_to_roles {
        // Names of organizations are one whatever their letters' case.
        let named =
            by_organization.iter().filter(|(login, _)| login.eq_ignore_ascii_case(&mapping.name));
        for (login, teams) in named {
            organizations.insert((*login).to_owned());
            slugs.extend(teams.iter().map(|slug| (*slug).to_owned()));
            let teams = teams.iter().map(|slug| (*slug).to_owned()).collect();
            attributes.insert(mapping.name.clone(), teams);
        }
    }
    traits.insert("logins".to_owned(), vec![person.login.clone()]);
    for (name, values) in [("github_orgs", organizations), ("github_teams", slugs)] {
        if !values.is_empty() {
            traits.insert(name.to_owned(), values.into_iter().collect());
        }
    }
    let mut claims = Map::new();
    claims.insert("id".to_owned(), json!(person.id));
    claims.insert("login".to_owned(), json!(person.login));
    for (name, value) in [("name", &person.name), ("email", &person.email)] {
        if let Some(value) = value {
            claims.insert(name.to_owned(), json!(value));
        }
    }
    claims.insert("teams".to_owned(), json!(by_organization));
    Statement {
        subject: person.id.to_string(),
        username: match person.login.as_str() {
            "" => Err("GitHub gives no login".to_owned()),
            login => Ok(login.to_owned()),
        },
        attributes,
        traits,
        claims,
        doubts: Vec::new(),
        until: None,
    }
}

#[cfg(test)]
mod tests;
