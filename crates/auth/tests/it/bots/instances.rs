//! The places where bots run, as administrators see and end them.

use api::wire::{BotInstance, BotInstanceQuery};
use pki::Service;

use super::*;

async fn all(client: &Client) -> Vec<BotInstance> {
    client.bot_instances(&BotInstanceQuery::default()).await.unwrap().instances
}

fn lock(target: LockTarget) -> Lock {
    Lock::new("l", target, "it was copied")
}

#[tokio::test]
async fn what_is_known_of_a_place_is_told() {
    let cluster = start().await;
    let began = cluster.clock.now();
    let own = join(&cluster, TOKEN, None).await.unwrap();
    let [place] = all(&cluster.admin).await.try_into().unwrap();
    assert_eq!((place.bot_name.as_str(), place.generation), ("ci", Some(1)));
    assert_eq!(place.instance_id, own.identity().bot_instance_id.unwrap());
    assert_eq!(place.join_token, own.identity().join_token);
    assert_eq!(place.join_method.as_deref(), Some("token"));
    assert!(!serde_json::to_string(&place).unwrap().contains(TOKEN));
    assert_eq!((place.first_seen, place.last_seen), (Some(began), Some(began)));
    assert!(place.address.unwrap().starts_with("127.0.0.1:"));
    assert_eq!(place.version.as_deref(), Some("1.2.3"));

    cluster.clock.advance(std::time::Duration::from_secs(60));
    let own = renewed(&cluster, &own).await.unwrap();
    let place = cluster.admin.bot_instance("ci", &place.instance_id).await.unwrap();
    assert_eq!((place.generation, place.first_seen), (Some(2), Some(began)));
    assert_eq!(place.last_seen, Some(cluster.clock.now()));
    let used = output(&cluster, &own, None).await.unwrap().identity();
    assert_eq!(used.bot_instance_id, Some(place.instance_id.clone()));
    assert_eq!(used.join_token, place.join_token);

    cluster.put(Bot::new("other", ["reader"])).await;
    let of = |bot: &str| BotInstanceQuery { bot: Some(bot.to_owned()) };
    assert_eq!(cluster.admin.bot_instances(&of("ci")).await.unwrap().instances.len(), 1);
    assert!(cluster.admin.bot_instances(&of("other")).await.unwrap().instances.is_empty());
    refused(cluster.admin.bot_instances(&of("none")).await, ErrorKind::NotFound);
    for (bot, id) in [("other", place.instance_id.as_str()), ("ci", "none"), ("ci", "")] {
        assert!(cluster.admin.bot_instance(bot, id).await.is_err());
        assert!(cluster.admin.remove_bot_instance(bot, id).await.is_err());
    }
}

#[tokio::test]
async fn rights_are_those_on_bot_instance() {
    let cluster = start().await;
    join(&cluster, TOKEN, None).await.unwrap();
    let id = all(&cluster.admin).await[0].instance_id.clone();
    let may = async |client: &Client| {
        let listed = client.bot_instances(&BotInstanceQuery::default()).await.is_ok();
        (listed, client.bot_instance("ci", &id).await.is_ok())
    };
    let kinds = &["bot", "lock", "token", "user"];
    let others = cluster.user_with_rule("others", kinds, &["*"]).await;
    assert_eq!(may(&others).await, (false, false));
    refused(others.remove_bot_instance("ci", &id).await, ErrorKind::Denied);
    let reads = cluster.user_with_rule("reads", &["bot_instance"], &["readnosecrets"]).await;
    assert_eq!(may(&reads).await, (false, true));
    let lists = cluster.user_with_rule("lists", &["bot_instance"], &["list", "read"]).await;
    assert_eq!(may(&lists).await, (true, true));
    refused(lists.remove_bot_instance("ci", &id).await, ErrorKind::Denied);
    for services in [&[Service::App][..], &[Service::Proxy]] {
        let host = cluster.host(services).await.client;
        assert_eq!(may(&host).await, (false, false));
        refused(host.remove_bot_instance("ci", &id).await, ErrorKind::Denied);
    }
    let bot = output(&cluster, &join_another(&cluster).await, None).await.unwrap();
    assert_eq!(may(&bot.client(&cluster)).await, (false, false));
    let ends = cluster.user_with_rule("ends", &["bot_instance"], &["delete"]).await;
    assert_eq!(may(&ends).await, (false, false));
    ends.remove_bot_instance("ci", &id).await.unwrap();
}

async fn join_another(cluster: &Cluster) -> Held {
    token(cluster, "fedcba9876543210").await;
    join(cluster, "fedcba9876543210", None).await.unwrap()
}

#[tokio::test]
async fn one_place_is_ended_and_the_others_go_on() {
    let cluster = start().await;
    let copied = join(&cluster, TOKEN, None).await.unwrap();
    let other = join_another(&cluster).await;
    let programs = output(&cluster, &copied, None).await.unwrap();
    let id = copied.identity().bot_instance_id.unwrap();
    cluster.admin.remove_bot_instance("ci", &id).await.unwrap();

    assert!(renewed(&cluster, &copied).await.is_err());
    assert!(output(&cluster, &copied, None).await.is_err());
    let error = refused(programs.client(&cluster).who_am_i().await, ErrorKind::Denied);
    assert_eq!(error.hints(), ["this place of bot \"ci\" was removed"]);
    renewed(&cluster, &other).await.unwrap();
    assert_eq!(all(&cluster.admin).await.len(), 1);
    let records = cluster.records_of("lock.created").await;
    assert_eq!(records[0]["target"]["bot_instance_id"], id);
    // Whoever takes the lock away does not bring the place back.
    for lock in cluster.names(&cluster.admin, Kind::Lock).await {
        cluster.admin.delete(Kind::Lock, &lock).await.unwrap();
    }
    refused(renewed(&cluster, &copied).await, ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn locks_name_a_place_or_what_it_joined_by() {
    let cluster = start().await;
    let own = join(&cluster, TOKEN, None).await.unwrap();
    let other = join_another(&cluster).await;
    let (place, by) = (own.identity().bot_instance_id, own.identity().join_token);
    assert!(place != other.identity().bot_instance_id && by != other.identity().join_token);
    for target in [
        LockTarget { bot_instance_id: place.clone(), ..LockTarget::default() },
        LockTarget { join_token: by, ..LockTarget::default() },
        LockTarget {
            user: Some("bot-ci".to_owned()),
            bot_instance_id: place.clone(),
            ..LockTarget::default()
        },
    ] {
        let programs = output(&cluster, &own, None).await.unwrap();
        cluster.put(lock(target)).await;
        refused(programs.client(&cluster).who_am_i().await, ErrorKind::Denied);
        refused(renewed(&cluster, &own).await, ErrorKind::Denied);
        refused(output(&cluster, &own, None).await, ErrorKind::Denied);
        output(&cluster, &other, None).await.unwrap();
        cluster.admin.delete(Kind::Lock, "l").await.unwrap();
    }
    let both = LockTarget {
        user: Some("alice".to_owned()),
        bot_instance_id: place,
        ..LockTarget::default()
    };
    cluster.put(lock(both)).await;
    output(&cluster, &own, None).await.unwrap();
}

#[tokio::test]
async fn a_token_that_is_locked_lets_no_bot_in() {
    let cluster = start().await;
    let kept = cluster.admin.get(Kind::Token, TOKEN, Secrets::Redact).await.unwrap();
    let id = Token::try_from(kept).unwrap().status.id;
    for user in [None, Some("bot-ci".to_owned())] {
        let target = LockTarget { join_token: Some(id.clone()), user, ..LockTarget::default() };
        cluster.put(lock(target)).await;
        refused(join(&cluster, TOKEN, None).await, ErrorKind::Denied);
        cluster.admin.delete(Kind::Lock, "l").await.unwrap();
    }
    // It was not used up.
    join(&cluster, TOKEN, None).await.unwrap();
}

#[tokio::test]
async fn places_that_join_again_are_kept_within_a_bound() {
    let cluster = start().await;
    let (platform, token) = of_a_platform();
    cluster.put(token).await;
    let mut first = None;
    for count in 1..=257 {
        let proof = proof(&cluster, &platform, "octo/app");
        let own = join(&cluster, "gh", Some(proof)).await.unwrap();
        let identity = own.identity();
        assert_eq!(identity.join_token.as_deref(), Some("gh"));
        let id = identity.bot_instance_id.unwrap();
        let first = first.get_or_insert_with(|| id.clone());
        let found = cluster.admin.bot_instance("ci", &id).await.unwrap();
        assert_eq!((found.generation, found.join_token.as_deref()), (None, Some("gh")));
        let oldest = cluster.admin.bot_instance("ci", first).await;
        assert_eq!(oldest.is_ok(), count <= 256, "{count}");
        cluster.clock.advance(std::time::Duration::from_secs(1));
    }
    let all = all(&cluster.admin).await;
    assert_eq!(all.len(), 256);
    // One is ended as any other.
    let own = join(&cluster, "gh", Some(proof(&cluster, &platform, "octo/app"))).await.unwrap();
    let programs = output(&cluster, &own, None).await.unwrap();
    let id = own.identity().bot_instance_id.unwrap();
    cluster.admin.remove_bot_instance("ci", &id).await.unwrap();
    refused(programs.client(&cluster).who_am_i().await, ErrorKind::Denied);
    refused(cluster.admin.bot_instance("ci", &id).await, ErrorKind::NotFound);
    // With the bot, all are gone.
    cluster.admin.delete(Kind::Bot, "ci").await.unwrap();
    cluster.put(Bot::new("ci", ["reader"])).await;
    let of = BotInstanceQuery { bot: Some("ci".to_owned()) };
    assert!(cluster.admin.bot_instances(&of).await.unwrap().instances.is_empty());
}
