//! Bots: how they join and stay, what their identities are good for, and how a copy is noticed.

mod instances;

use api::wire::{BotJoinRequest, BotOutputRequest, BotRenewRequest, UserCertificateRequest};
use api::{Client, Error, ErrorKind, Write};
use pki::{Certificate, JwkSet, JwtKey, PrivateKey, UserIdentity, UserKind};
use resource::{Bot, JoinRole, Kind, Lock, LockTarget, Secrets, Token, User};
use serde_json::json;

use crate::cluster::{Cluster, credentials, parse, refused, role_with};

const TOKEN: &str = "0123456789abcdef";

/// What a bot holds.
#[derive(Clone, Debug)]
struct Held {
    key: PrivateKey,
    certificate: String,
}

impl Held {
    fn client(&self, cluster: &Cluster) -> Client {
        cluster.client(Some(credentials(&self.certificate, &self.key)))
    }

    fn identity(&self) -> UserIdentity {
        let certificate = Certificate::from_pem(&self.certificate).unwrap();
        certificate.unverified_identity().unwrap().as_user().unwrap().clone()
    }
}

async fn start() -> Cluster {
    let cluster = Cluster::start().await;
    for role in ["reader", "writer"] {
        cluster.put(role_with(role, |_allow| {})).await;
    }
    let mut bot = Bot::new("ci", ["reader"]);
    bot.spec.traits.insert("team".to_owned(), vec!["red".to_owned()]);
    cluster.put(bot).await;
    token(&cluster, TOKEN).await;
    cluster
}

async fn token(cluster: &Cluster, name: &str) {
    let mut token = Token::new(name, [JoinRole::Bot]);
    token.spec.bot_name = Some("ci".to_owned());
    cluster.put(token).await;
}

async fn join(cluster: &Cluster, token: &str, id_token: Option<String>) -> Result<Held, Error> {
    let key = PrivateKey::generate().unwrap();
    let request = BotJoinRequest {
        token: token.to_owned(),
        id_token,
        version: Some("1.2.3".to_owned()),
        public_key: key.public().to_pem(),
        ttl_seconds: Some(600),
    };
    let credentials = cluster.stranger().bot_join(&request).await?;
    Ok(Held { key, certificate: credentials.certificate })
}

async fn renew(cluster: &Cluster, held: &Held, key: &PrivateKey) -> Result<Held, Error> {
    let request = BotRenewRequest {
        version: None,
        public_key: key.public().to_pem(),
        ttl_seconds: Some(600),
    };
    let credentials = held.client(cluster).bot_renew(&request).await?;
    Ok(Held { key: key.clone(), certificate: credentials.certificate })
}

async fn renewed(cluster: &Cluster, held: &Held) -> Result<Held, Error> {
    renew(cluster, held, &PrivateKey::generate().unwrap()).await
}

async fn output(cluster: &Cluster, held: &Held, roles: Option<&[&str]>) -> Result<Held, Error> {
    let key = PrivateKey::generate().unwrap();
    let roles = roles.map(|roles| roles.iter().map(|&role| role.to_owned()).collect());
    let request =
        BotOutputRequest { public_key: key.public().to_pem(), ttl_seconds: Some(600), roles };
    let credentials = held.client(cluster).bot_output(&request).await?;
    Ok(Held { key, certificate: credentials.certificate })
}

#[tokio::test]
async fn a_bot_joins_once_by_its_token_and_gets_what_its_programs_use() {
    let cluster = start().await;
    let own = join(&cluster, TOKEN, None).await.unwrap();
    let identity = own.identity();
    assert_eq!((identity.name.as_str(), identity.kind), ("bot-ci", UserKind::Bot));
    assert!(identity.roles.is_empty(), "what a bot holds of itself opens nothing");
    let used = output(&cluster, &own, None).await.unwrap().identity();
    assert_eq!((used.roles.as_slice(), used.kind), (&["reader".to_owned()][..], UserKind::Bot));
    assert_eq!(used.traits["team"], ["red"]);
    // The token is used up, for whoever comes.
    refused(join(&cluster, TOKEN, None).await, ErrorKind::Unauthenticated);
    token(&cluster, "another-one-of-them").await;
    let (first, second) = tokio::join!(
        join(&cluster, "another-one-of-them", None),
        join(&cluster, "another-one-of-them", None)
    );
    assert!(first.is_ok() != second.is_ok());

    let records = cluster.records_of("bot.join").await;
    assert_eq!((&records[0]["bot_name"], &records[0]["success"]), (&json!("ci"), &json!(true)));
    assert_eq!(records.len(), 4);
    let everything = serde_json::to_string(&cluster.records().await).unwrap();
    assert!(!everything.contains(TOKEN));
}

#[tokio::test]
async fn an_identity_is_renewed_once_and_a_lost_answer_is_given_again() {
    let cluster = start().await;
    let first = join(&cluster, TOKEN, None).await.unwrap();
    let second = renewed(&cluster, &first).await.unwrap();
    let key = PrivateKey::generate().unwrap();
    let third = renew(&cluster, &second, &key).await.unwrap();
    // The answer was lost: whoever holds the key asks again, as often as it takes.
    let again = renew(&cluster, &second, &key).await.unwrap();
    assert_eq!(again.identity().login_id, third.identity().login_id);
    output(&cluster, &again, None).await.unwrap();
    renewed(&cluster, &again).await.unwrap();
}

#[tokio::test]
async fn a_copy_that_is_used_shuts_both_out() {
    for thief_first in [true, false] {
        let cluster = start().await;
        let own = join(&cluster, TOKEN, None).await.unwrap();
        let copy = own.clone();
        let programs = output(&cluster, &own, None).await.unwrap().client(&cluster);
        programs.who_am_i().await.unwrap();
        let (first, second) = if thief_first { (copy, own) } else { (own, copy) };
        let newer = renewed(&cluster, &first).await.unwrap();
        // Of what was renewed, nothing is given out.
        refused(output(&cluster, &second, None).await, ErrorKind::Denied);
        let error = refused(renewed(&cluster, &second).await, ErrorKind::Denied);
        assert!(error.message().contains("in two places"), "{error}");
        // Whoever it was: neither goes on, nor do the programs.
        refused(renewed(&cluster, &newer).await, ErrorKind::Denied);
        refused(output(&cluster, &newer, None).await, ErrorKind::Denied);
        refused(programs.who_am_i().await, ErrorKind::Denied);
        token(&cluster, "0123456789abcdeg").await;
        refused(join(&cluster, "0123456789abcdeg", None).await, ErrorKind::Denied);
        let locks = cluster.records_of("lock.created").await;
        assert_eq!(locks.len(), 1);
        assert!(locks[0]["lock_message"].as_str().unwrap().contains("a copy"), "{}", locks[0]);
    }
}

#[tokio::test]
async fn nothing_else_can_be_renewed_and_no_more_is_given_than_the_bot_has() {
    let cluster = start().await;
    let own = join(&cluster, TOKEN, None).await.unwrap();
    let error = refused(output(&cluster, &own, Some(&["writer"])).await, ErrorKind::Denied);
    assert!(error.message().contains("\"writer\""), "{error}");
    let both = output(&cluster, &own, Some(&["reader", "writer"])).await;
    refused(both, ErrorKind::Denied);
    refused(output(&cluster, &own, Some(&[])).await, ErrorKind::Denied);
    // What programs use is not what the bot holds of itself.
    let used = output(&cluster, &own, Some(&["reader"])).await.unwrap();
    refused(renewed(&cluster, &used).await, ErrorKind::Denied);
    refused(output(&cluster, &used, None).await, ErrorKind::Denied);
    // Nor is what people and services hold.
    let key = PrivateKey::generate().unwrap();
    let request =
        BotRenewRequest { version: None, public_key: key.public().to_pem(), ttl_seconds: None };
    let alice = cluster.user("alice", &["reader"]).await;
    refused(alice.bot_renew(&request).await, ErrorKind::Denied);
    let nobody = cluster.user("nobody", &[]).await;
    refused(nobody.bot_renew(&request).await, ErrorKind::Denied);
    let agent = cluster.host(&[pki::Service::App]).await.client;
    refused(agent.bot_renew(&request).await, ErrorKind::Unauthenticated);
    refused(cluster.stranger().bot_renew(&request).await, ErrorKind::Unauthenticated);
    // What a bot holds of itself reads nothing.
    let itself = own.client(&cluster);
    refused(itself.list(Kind::User, Secrets::Redact).await, ErrorKind::Denied);
    refused(itself.get(Kind::Token, TOKEN, Secrets::Include).await, ErrorKind::Denied);
}

#[tokio::test]
async fn nobody_signs_in_as_a_bot_or_changes_its_user_behind_its_back() {
    let cluster = start().await;
    let key = PrivateKey::generate().unwrap();
    let request = UserCertificateRequest { public_key: key.public().to_pem(), ttl_seconds: None };
    let error = refused(cluster.admin.sign_user("bot-ci", &request).await, ErrorKind::Denied);
    assert!(error.message().contains("joins by a token"), "{error}");
    let invite =
        api::wire::InviteRequest { purpose: api::wire::InvitePurpose::Reset, ttl_seconds: None };
    refused(cluster.admin.create_invite("bot-ci", &invite).await, ErrorKind::Denied);
    refused(cluster.admin.delete(Kind::User, "bot-ci").await, ErrorKind::Denied);
    let found = cluster.admin.get(Kind::User, "bot-ci", Secrets::Redact).await.unwrap();
    let mut user = User::try_from(found).unwrap();
    user.spec.roles.push("writer".to_owned());
    refused(cluster.admin.put(&user.clone().into(), Write::Update).await, ErrorKind::Denied);
    user.metadata.labels.clear();
    refused(cluster.admin.put(&user.clone().into(), Write::Upsert).await, ErrorKind::Denied);
    // Nor can a user be made that would be taken for a bot, or a bot that would be somebody.
    user.metadata.name = "mallory".to_owned();
    user.metadata.labels.insert("tessera.internal/bot".to_owned(), "ci".to_owned());
    refused(cluster.admin.create(&user.into()).await, ErrorKind::Denied);
    cluster.put(User::new("bot-ops", ["reader"])).await;
    let error = cluster.admin.create(&Bot::new("ops", ["reader"]).into()).await;
    let error = refused(error, ErrorKind::InvalidArgument);
    assert!(error.message().contains("bot-ops"), "{error}");
    let unknown = cluster.admin.create(&Bot::new("x", ["no-such-role"]).into()).await;
    refused(unknown, ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn a_bot_that_is_deleted_or_locked_is_out() {
    let cluster = start().await;
    let own = join(&cluster, TOKEN, None).await.unwrap();
    let programs = output(&cluster, &own, None).await.unwrap();
    let target = LockTarget { user: Some("bot-ci".to_owned()), ..LockTarget::default() };
    cluster.put(Lock::new("l", target, "")).await;
    refused(renewed(&cluster, &own).await, ErrorKind::Denied);
    refused(programs.client(&cluster).who_am_i().await, ErrorKind::Denied);
    cluster.admin.delete(Kind::Lock, "l").await.unwrap();
    let own = renewed(&cluster, &own).await.unwrap();

    token(&cluster, "for-a-second-place").await;
    cluster.admin.delete(Kind::Bot, "ci").await.unwrap();
    refused(cluster.admin.get(Kind::User, "bot-ci", Secrets::Redact).await, ErrorKind::NotFound);
    refused(renewed(&cluster, &own).await, ErrorKind::Unauthenticated);
    refused(programs.client(&cluster).who_am_i().await, ErrorKind::Unauthenticated);
    refused(join(&cluster, "for-a-second-place", None).await, ErrorKind::Unauthenticated);
    // A namesake is somebody else.
    cluster.put(Bot::new("ci", ["reader"])).await;
    refused(renewed(&cluster, &own).await, ErrorKind::Unauthenticated);
    refused(join(&cluster, "for-a-second-place", None).await, ErrorKind::Unauthenticated);
}

/// A platform, and a token by which its workloads join.
fn of_a_platform() -> (JwtKey, Token) {
    let platform = JwtKey::new(&PrivateKey::generate().unwrap()).unwrap();
    let keys = serde_json::to_string(&JwkSet::new(&[platform.public()]).unwrap()).unwrap();
    let github = json!({"static_jwks": keys, "allow": [{"repository": "octo/app"}]});
    let token = parse(&json!({
        "kind": "token", "version": "v2", "metadata": {"name": "gh"},
        "spec": {"roles": ["Bot"], "bot_name": "ci", "join_method": "github", "github": github},
    }));
    (platform, token)
}

/// What the platform signs of a workload.
fn proof(cluster: &Cluster, platform: &JwtKey, repository: &str) -> String {
    let now = cluster.clock.now().unix_timestamp();
    let claims = json!({
        "iss": "https://token.actions.githubusercontent.com", "aud": crate::cluster::NAME,
        "iat": now, "exp": now + 300, "jti": rand::random::<u64>().to_string(),
        "repository": repository,
    });
    platform.sign(&claims).unwrap()
}

#[tokio::test]
async fn a_bot_of_a_platform_joins_again_instead_of_renewing() {
    let cluster = start().await;
    let (platform, token) = of_a_platform();
    cluster.put(token).await;
    let signed = |repository: &str| proof(&cluster, &platform, repository);
    let own = join(&cluster, "gh", Some(signed("octo/app"))).await.unwrap();
    output(&cluster, &own, None).await.unwrap();
    refused(renewed(&cluster, &own).await, ErrorKind::Denied);
    join(&cluster, "gh", Some(signed("octo/app"))).await.unwrap();
    refused(join(&cluster, "gh", Some(signed("evil/app"))).await, ErrorKind::Denied);
    refused(join(&cluster, "gh", None).await, ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn tokens_are_for_services_or_for_a_bot() {
    let cluster = start().await;
    // A token for a bot makes no agent, and the other way round.
    let key = PrivateKey::generate().unwrap();
    let request = api::wire::JoinRequest {
        token: TOKEN.to_owned(),
        id_token: None,
        node_name: "node".to_owned(),
        services: vec!["app".to_owned()],
        public_key: key.public().to_pem(),
        names: Vec::new(),
    };
    refused(cluster.stranger().join(&request).await, ErrorKind::Denied);
    cluster.put(Token::new("for-an-agent-only", [JoinRole::App])).await;
    refused(join(&cluster, "for-an-agent-only", None).await, ErrorKind::Denied);
    // Whoever may make tokens and not change bots makes none for them.
    let clerk = cluster.user_with_rule("clerk", &["token"], &["create", "update", "list"]).await;
    let mut token = Token::new("a-token-by-a-clerk", [JoinRole::Bot]);
    token.spec.bot_name = Some("ci".to_owned());
    refused(clerk.create(&token.clone().into()).await, ErrorKind::Denied);
    clerk.create(&Token::new("another-by-a-clerk", [JoinRole::App]).into()).await.unwrap();
    let reader = cluster.user("reader", &["reader"]).await;
    refused(reader.create(&Bot::new("mine", ["writer"]).into()).await, ErrorKind::Denied);
}

#[tokio::test]
async fn what_a_bot_holds_of_itself_goes_nowhere_and_what_its_programs_use_does() {
    let cluster = start().await;
    cluster.put(resource::RemoteCluster::new("leaf.test")).await;
    let proxy = cluster.host(&[pki::Service::Proxy]).await.client;
    let visit = async |held: &Held| {
        let request = api::wire::VisitRequest {
            certificate: held.certificate.clone(),
            app: None,
            client_addr: None,
        };
        proxy.visit("leaf.test", &request).await
    };
    // Without roles: a cluster that gives everybody some would give it those.
    let held = join(&cluster, TOKEN, None).await.unwrap();
    let error = refused(visit(&held).await, ErrorKind::Denied);
    assert!(error.message().contains("good for being renewed only"), "{error}");
    let used = output(&cluster, &held, None).await.unwrap();
    let evidence = visit(&used).await.unwrap();
    let certificate = Certificate::from_pem(&evidence.certificate).unwrap();
    let identity = certificate.unverified_identity().unwrap();
    assert_eq!(identity.as_user().unwrap().roles, ["reader"]);
}
