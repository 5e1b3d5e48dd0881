//! Where the auth service keeps what, in the store.

use api::Error;
use resource::Kind;
use sha2::{Digest as _, Sha256};
use store::{InvalidKey, Key, Prefix};

/// Resources, by kind and name.
const RESOURCES: &str = "resources";
/// Passwords and second factors, by user.
const CREDENTIALS: &str = "credentials";
/// Invites, by the hash of their token.
const INVITES: &str = "invites";
/// Sign-in attempts, by the hash of whom they concern.
const ATTEMPTS: &str = "attempts";
/// Where users have signed in from, by the hash of both.
const SOURCES: &str = "sources";
/// Which agents are believed to be there, by host.
const LEASES: &str = "leases";
/// Which app has which address.
const ADDRESSES: &str = "addresses";
/// The tools that servers were last seen to offer, by app.
const TOOLS: &str = "tools";
/// Logins through connectors, by the hash of the text that names each of their steps.
const LOGINS: &str = "logins";
/// Logins of machines without a browser, by the hash of their code.
const HEADLESS: &str = "headless";
/// Questions to security keys, by the hash of their challenge.
const CEREMONIES: &str = "ceremonies";
/// Changes of devices that are under way, by the hash of their token.
const MFA_CHANGES: &str = "mfa_changes";
/// Second factors that are asked for sessions, by the hash of the text that names each of their steps.
const SESSION_MFA: &str = "session_mfa";
/// Whose security key it is, by the hash of what the key calls itself.
const SECURITY_KEYS: &str = "security_keys";
/// Proofs that were used and are good for one use, by the hash of who made which.
const USED_PROOFS: &str = "used_proofs";
/// Assertions that were used, by the hash of their names.
const ASSERTIONS: &str = "assertions";
/// How far the places have come where bots run, by bot.
const BOT_INSTANCES: &str = "bot_instances";
/// For whom uses of join tokens were counted, by the hash of the token and of whose key.
const JOIN_USES: &str = "join_uses";
/// Where bots ran that join again each time, by bot.
const BOT_PASSING: &str = "bot_passing";
/// The names of people at providers, by the hash of what the provider calls each.
const PROVIDER_NAMES: &str = "provider_names";
/// When other clusters were last heard of.
const HEARD_CLUSTERS: &str = "heard_clusters";
/// Authorizations that wait for a person's consent, by the hash of the text that names each.
const OAUTH_CONSENTS: &str = "oauth_consents";
/// What is kept of what people granted clients, by its name.
const OAUTH_GRANTS: &str = "oauth_grants";
/// What was decided when the cluster began.
const CLUSTER: &str = "cluster";

/// The key of a resource.
pub(crate) fn resource(kind: Kind, name: &str) -> Result<Key, Error> {
    Key::new(&[RESOURCES, kind.as_str(), name]).map_err(|error| refused(&error))
}

/// Selects all resources of a kind.
pub(crate) fn resources(kind: Kind) -> Result<Prefix, Error> {
    Prefix::new(&[RESOURCES, kind.as_str()]).map_err(|error| refused(&error))
}

/// The kind and name of the resource that a key belongs to.
pub(crate) fn parse_resource(key: &Key) -> Option<(Kind, String)> {
    let mut segments = key.segments();
    let (area, kind, name) = (segments.next()?, segments.next()?, segments.next()?);
    if area != RESOURCES || segments.next().is_some() {
        return None;
    }
    Some((Kind::parse(&kind).ok()?, name.into_owned()))
}

/// The key of a user's credentials.
pub(crate) fn credentials(user: &str) -> Result<Key, Error> {
    Key::new(&[CREDENTIALS, user]).map_err(|error| refused(&error))
}

/// The key of the invite with this token. The token itself is kept nowhere.
pub(crate) fn invite(token: &str) -> Result<Key, Error> {
    Key::new(&[INVITES, &digest(&[token])]).map_err(|error| refused(&error))
}

/// Selects all invites.
pub(crate) fn invites() -> Result<Prefix, Error> {
    Prefix::new(&[INVITES]).map_err(|error| refused(&error))
}

/// The key of a step of a login that this text names. The text itself is kept nowhere.
pub(crate) fn login(token: &str) -> Result<Key, Error> {
    login_at(&digest(&[token]))
}

/// The same by the hash of the text.
pub(crate) fn login_at(digest: &str) -> Result<Key, Error> {
    Key::new(&[LOGINS, digest]).map_err(|error| refused(&error))
}

/// The key of a login that waits for somebody to type this code elsewhere.
pub(crate) fn headless(code: &str) -> Result<Key, Error> {
    Key::new(&[HEADLESS, &digest(&[code])]).map_err(|error| refused(&error))
}

/// The key of an assertion that was used.
pub(crate) fn assertion(issuer: &str, id: &str) -> Result<Key, Error> {
    Key::new(&[ASSERTIONS, &digest(&[issuer, id])]).map_err(|error| refused(&error))
}

/// The key of the names under which somebody at a provider has signed in.
pub(crate) fn provider_names(kind: &str, connector: &str, subject: &str) -> Result<Key, Error> {
    Key::new(&[PROVIDER_NAMES, &digest(&[kind, connector, subject])])
        .map_err(|error| refused(&error))
}

/// The key of the tally of sign-in attempts that concern `parts`. A hash: what people type as their
/// name is neither bounded nor always a name.
pub(crate) fn attempts(parts: &[&str]) -> Result<Key, Error> {
    Key::new(&[ATTEMPTS, &digest(parts)]).map_err(|error| refused(&error))
}

/// The key of an address from which a user has signed in.
pub(crate) fn known_source(user: &str, source: &str) -> Result<Key, Error> {
    Key::new(&[SOURCES, &digest(&[user, source])]).map_err(|error| refused(&error))
}

/// The key of a host's lease.
pub(crate) fn lease(host: &str) -> Result<Key, Error> {
    Key::new(&[LEASES, host]).map_err(|error| refused(&error))
}

/// Selects all leases.
pub(crate) fn leases() -> Result<Prefix, Error> {
    Prefix::new(&[LEASES]).map_err(|error| refused(&error))
}

/// The key of the address of an app.
pub(crate) fn address(host: &str) -> Result<Key, Error> {
    Key::new(&[ADDRESSES, host]).map_err(|error| refused(&error))
}

/// The key of what an app's server was seen to offer.
pub(crate) fn tools(app: &str) -> Result<Key, Error> {
    Key::new(&[TOOLS, app]).map_err(|error| refused(&error))
}

/// The key of when another cluster was last heard of.
pub(crate) fn heard_cluster(cluster: &str) -> Result<Key, Error> {
    Key::new(&[HEARD_CLUSTERS, cluster]).map_err(|error| refused(&error))
}

/// Selects when all other clusters were.
pub(crate) fn heard_clusters() -> Result<Prefix, Error> {
    Prefix::new(&[HEARD_CLUSTERS]).map_err(|error| refused(&error))
}

/// The key of the cluster's founding record.
pub(crate) fn cluster() -> Result<Key, Error> {
    Key::new(&[CLUSTER, "founding"]).map_err(|error| refused(&error))
}

/// The key of the host name that security keys are registered for.
pub(crate) fn rp_id() -> Result<Key, Error> {
    Key::new(&[CLUSTER, "rp_id"]).map_err(|error| refused(&error))
}

/// The key of what seals the codes and tokens of clients.
pub(crate) fn oauth_seal() -> Result<Key, Error> {
    Key::new(&[CLUSTER, "oauth_seal"]).map_err(|error| refused(&error))
}

/// The key of what seals the registrations of clients.
pub(crate) fn oauth_clients() -> Result<Key, Error> {
    Key::new(&[CLUSTER, "oauth_clients"]).map_err(|error| refused(&error))
}

/// The key of an authorization that waits for consent, which this text names. The text itself is kept nowhere.
pub(crate) fn oauth_consent(token: &str) -> Result<Key, Error> {
    Key::new(&[OAUTH_CONSENTS, &digest(&[token])]).map_err(|error| refused(&error))
}

/// The key of what is kept of a grant to a client.
pub(crate) fn oauth_grant(name: &str) -> Result<Key, Error> {
    Key::new(&[OAUTH_GRANTS, name]).map_err(|error| refused(&error))
}

/// The key of the question with this challenge.
pub(crate) fn ceremony(challenge: &str) -> Result<Key, Error> {
    Key::new(&[CEREMONIES, &digest(&[challenge])]).map_err(|error| refused(&error))
}

/// The key of the change of devices that this text names. The text itself is kept nowhere.
pub(crate) fn mfa_change(token: &str) -> Result<Key, Error> {
    Key::new(&[MFA_CHANGES, &digest(&[token])]).map_err(|error| refused(&error))
}

/// The key of a step, which this text names, of a second factor that is asked for sessions. The text itself is kept
/// nowhere.
pub(crate) fn session_mfa(text: &str) -> Result<Key, Error> {
    Key::new(&[SESSION_MFA, &digest(&[text])]).map_err(|error| refused(&error))
}

/// The key of who has the security key that calls itself so.
pub(crate) fn security_key(id: &[u8]) -> Result<Key, Error> {
    Key::new(&[SECURITY_KEYS, &digest(&[&hex::encode(id)])]).map_err(|error| refused(&error))
}

/// The key of a proof that somebody made under this name.
pub(crate) fn used_proof(issuer: &str, id: &str) -> Result<Key, Error> {
    Key::new(&[USED_PROOFS, &digest(&[issuer, id])]).map_err(|error| refused(&error))
}

/// The key of whom a use of a join token was counted for, by the digest of the key that was certified.
pub(crate) fn join_use(token: &str, key: &str) -> Result<Key, Error> {
    Key::new(&[JOIN_USES, &digest(&[token, key])]).map_err(|error| refused(&error))
}

/// The key of a place where a bot runs.
pub(crate) fn bot_instance(bot: &str, id: &str) -> Result<Key, Error> {
    Key::new(&[BOT_INSTANCES, bot, id]).map_err(|error| refused(&error))
}

/// Selects all places of a bot.
pub(crate) fn bot_instances(bot: &str) -> Result<Prefix, Error> {
    Prefix::new(&[BOT_INSTANCES, bot]).map_err(|error| refused(&error))
}

/// The key of a place where a bot runs that joins again each time.
pub(crate) fn bot_passing(bot: &str, id: &str) -> Result<Key, Error> {
    Key::new(&[BOT_PASSING, bot, id]).map_err(|error| refused(&error))
}

/// Selects all such places of a bot.
pub(crate) fn all_bot_passing(bot: &str) -> Result<Prefix, Error> {
    Prefix::new(&[BOT_PASSING, bot]).map_err(|error| refused(&error))
}

/// A hash of texts that differs when any of them, or where one ends, differs.
pub(crate) fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(hash.finalize())
}

fn refused(error: &InvalidKey) -> Error {
    Error::invalid(format!("this cannot be the name of anything: {error}"))
}
