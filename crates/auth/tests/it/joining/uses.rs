//! Tokens that are good for so many joins.

use futures_util::future::join_all;
use resource::{LockTarget, Secrets};

use super::*;

/// A token that so many may join with.
async fn start_with(uses: u32) -> Cluster {
    let cluster = Cluster::start().await;
    cluster.put(token(uses)).await;
    cluster
}

fn token(uses: u32) -> Token {
    let mut token = Token::new(TOKEN, [JoinRole::App]);
    token.spec.uses = Some(uses);
    token
}

async fn kept(cluster: &Cluster) -> Token {
    let kept = cluster.admin.get(Kind::Token, TOKEN, Secrets::Include).await.unwrap();
    Token::try_from(kept).unwrap()
}

async fn as_app(cluster: &Cluster) -> Result<ServiceCredentials, Error> {
    join(cluster, TOKEN, &["app"], &[]).await.0
}

fn with_key(key: &PrivateKey) -> JoinRequest {
    JoinRequest {
        token: TOKEN.to_owned(),
        id_token: None,
        node_name: "new-node".to_owned(),
        services: vec!["app".to_owned()],
        public_key: key.public().to_pem(),
        names: Vec::new(),
    }
}

#[tokio::test]
async fn so_many_join_and_no_more() {
    let cluster = start_with(2).await;
    as_app(&cluster).await.unwrap();
    assert_eq!(kept(&cluster).await.uses_left(), Some(1));
    as_app(&cluster).await.unwrap();
    let error = refused(as_app(&cluster).await, ErrorKind::Unauthenticated);
    assert!(error.message().contains("good for joining 2 times"), "{error}");
    // Whoever writes it again does not make it unused; whoever allows more allows that many more.
    cluster.put(token(2)).await;
    refused(as_app(&cluster).await, ErrorKind::Unauthenticated);
    let mut forged = token(2);
    forged.status.used = 0;
    forged.status.id = "chosen".to_owned();
    cluster.put(forged).await;
    refused(as_app(&cluster).await, ErrorKind::Unauthenticated);
    assert_ne!(kept(&cluster).await.status.id, "chosen");
    cluster.put(token(3)).await;
    as_app(&cluster).await.unwrap();
    refused(as_app(&cluster).await, ErrorKind::Unauthenticated);
    cluster.put(token(1)).await;
    refused(as_app(&cluster).await, ErrorKind::Unauthenticated);
    let refusals = cluster.records_of("instance.join").await;
    assert_eq!(refusals.iter().filter(|record| record["success"] == false).count(), 5);
}

/// On several threads, and often: what happens between reading a token and writing it takes microseconds here.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_at_once_no_more_get_in_than_may() {
    for uses in [1, 3, 1, 3, 1, 3] {
        let cluster = std::sync::Arc::new(start_with(uses).await);
        let mut joiners = tokio::task::JoinSet::new();
        for _ in 0..16 {
            let cluster = cluster.clone();
            joiners.spawn(async move { as_app(&cluster).await });
        }
        let outcomes = joiners.join_all().await;
        let joined = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(joined, uses as usize);
        for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");
        }
        assert_eq!(kept(&cluster).await.uses_left(), Some(0));
    }
}

#[tokio::test]
async fn whose_answer_was_lost_is_let_in_again_by_the_same_key_for_a_while() {
    let cluster = start_with(1).await;
    let key = PrivateKey::generate().unwrap();
    let first = cluster.stranger().join(&with_key(&key)).await.unwrap();
    let again = cluster.stranger().join(&with_key(&key)).await.unwrap();
    assert_eq!(again.host_id, first.host_id);
    assert_eq!(kept(&cluster).await.status.used, 1);
    refused(as_app(&cluster).await, ErrorKind::Unauthenticated);
    // At once, with one key: one use.
    let cluster = start_with(2).await;
    let requests =
        join_all((0..6).map(|_| async { cluster.stranger().join(&with_key(&key)).await }));
    let ids: std::collections::BTreeSet<String> =
        requests.await.into_iter().map(|joined| joined.unwrap().host_id).collect();
    assert_eq!((ids.len(), kept(&cluster).await.status.used), (1, 1));
    // Not for ever, and not when the token is gone.
    cluster.clock.advance(Duration::from_secs(599));
    cluster.stranger().join(&with_key(&key)).await.unwrap();
    cluster.put(token(1)).await;
    cluster.clock.advance(Duration::from_secs(1));
    refused(cluster.stranger().join(&with_key(&key)).await, ErrorKind::Unauthenticated);
    let cluster = start_with(1).await;
    cluster.stranger().join(&with_key(&key)).await.unwrap();
    cluster.admin.delete(Kind::Token, TOKEN).await.unwrap();
    refused(cluster.stranger().join(&with_key(&key)).await, ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn who_is_not_let_in_uses_nothing_up() {
    let cluster = Cluster::start().await;
    let mut token = Token::new(TOKEN, [JoinRole::Proxy]);
    token.spec.uses = Some(1);
    cluster.put(token).await;
    let (outcome, _key) = join(&cluster, TOKEN, &["app"], &[]).await;
    refused(outcome, ErrorKind::Denied);
    let (outcome, _key) = join(&cluster, TOKEN, &["proxy"], &["not a name"]).await;
    refused(outcome, ErrorKind::InvalidArgument);
    let request =
        JoinRequest { public_key: "none".to_owned(), ..with_key(&PrivateKey::generate().unwrap()) };
    refused(cluster.stranger().join(&request).await, ErrorKind::Denied);
    assert_eq!(kept(&cluster).await.status.used, 0);
    let (outcome, _key) = join(&cluster, TOKEN, &["proxy"], &[]).await;
    outcome.unwrap();
}

#[tokio::test]
async fn a_lock_of_the_token_ends_who_came_by_it_and_lets_nobody_in() {
    let cluster = start_with(5).await;
    let (joined, key) = join(&cluster, TOKEN, &["app"], &[]).await;
    let agent = cluster.client(Some(credentials(&joined.unwrap().certificate, &key)));
    agent.who_am_i().await.unwrap();
    let id = kept(&cluster).await.status.id;
    assert_eq!(id.len(), 16);
    let lock = |target: &str| {
        let target = LockTarget { join_token: Some(target.to_owned()), ..LockTarget::default() };
        resource::Lock::new("l", target, "the token was seen in a log")
    };
    // Everybody reads locks.
    let error = cluster.admin.create(&lock(TOKEN).into()).await;
    let error = refused(error, ErrorKind::InvalidArgument);
    assert!(error.hints()[0].contains(&id) && !format!("{error:?}").contains(TOKEN), "{error:?}");
    cluster.put(lock("another")).await;
    agent.who_am_i().await.unwrap();
    cluster.put(lock(&id)).await;
    let error = refused(agent.who_am_i().await, ErrorKind::Denied);
    assert_eq!(error.hints(), ["the token was seen in a log"]);
    let key = PrivateKey::generate().unwrap();
    let renewal = api::wire::RenewRequest { public_key: key.public().to_pem(), names: Vec::new() };
    refused(agent.renew(&renewal).await, ErrorKind::Denied);
    refused(as_app(&cluster).await, ErrorKind::Denied);
    assert_eq!(kept(&cluster).await.status.used, 1);
    cluster.admin.delete(Kind::Lock, "l").await.unwrap();
    // It stays known through renewals.
    let renewed = agent.renew(&renewal).await.unwrap();
    let agent = cluster.client(Some(credentials(&renewed.certificate, &key)));
    agent.who_am_i().await.unwrap();
    cluster.put(lock(&id)).await;
    refused(agent.who_am_i().await, ErrorKind::Denied);
}
