//! Codes and tokens: each is good once, in time, and for who got it.

use super::*;

#[tokio::test]
async fn a_code_is_good_for_who_asked_and_for_what_was_asked() {
    let mut desk = Desk::open().await;
    let other = register(&desk.office, &[REDIRECT]).await;
    let code = desk.code().await;
    let some = |text: &str| Some(text.to_owned());
    let wrong = async |what: &str, error, change: &dyn Fn(&mut OauthTokenRequest)| {
        let refusal = desk.ask(&code, change).await.unwrap().expect_err(what);
        assert_eq!(refusal.error, error, "{what}: {refusal:?}");
    };
    use OauthError::{InvalidGrant, InvalidRequest, InvalidTarget, UnsupportedGrantType};
    wrong("another client", InvalidGrant, &|one| one.client_id = some(&other)).await;
    wrong("no client", InvalidRequest, &|one| one.client_id = None).await;
    wrong("another verifier", InvalidGrant, &|one| {
        one.code_verifier = some("another text that only the client knows, long enough");
    })
    .await;
    wrong("no verifier", InvalidGrant, &|one| one.code_verifier = None).await;
    wrong("another redirect URI", InvalidGrant, &|one| one.redirect_uri = some(REDIRECT)).await;
    wrong("no redirect URI", InvalidGrant, &|one| one.redirect_uri = None).await;
    wrong("another app", InvalidTarget, &|one| {
        one.resource = Some(FILES.replace("files", "other"));
    })
    .await;
    wrong("another address", InvalidGrant, &|one| {
        (one.proxy_addr, one.resource) = ("other.example.test:3080".to_owned(), None);
    })
    .await;
    wrong("another grant type", UnsupportedGrantType, &|one| one.grant_type = some("password"))
        .await;
    wrong("no grant type", InvalidRequest, &|one| one.grant_type = None).await;
    wrong("a code for a refresh token", InvalidGrant, &|one| by_refresh(one, &code)).await;
    wrong("a code that was changed", InvalidGrant, &|one| one.code = Some(format!("{code}x")))
        .await;
    // Nothing of that has cost the client anything.
    desk.ask(&code, |one| one.resource = None).await.unwrap().unwrap();
    desk.assert_unwritten(&[&code]).await;

    let code = desk.code().await;
    desk.office.cluster.clock.advance(Duration::from_secs(60));
    let refusal = desk.ask(&code, |_| {}).await.unwrap().unwrap_err();
    assert_eq!(refusal.error, InvalidGrant, "{refusal:?}");
    assert_eq!(desk.grants().await.len(), 1, "what nobody fetched is gone");
}

#[tokio::test]
async fn of_two_who_show_a_code_one_gets_tokens() {
    let mut desk = Desk::open().await;
    let code = desk.code().await;
    let all = futures_util::future::join_all((0..8).map(|_| desk.ask(&code, |_| {}))).await;
    assert_eq!(all.into_iter().filter(|one| one.as_ref().unwrap().is_ok()).count(), 1);
    assert!(desk.grants().await.is_empty(), "one of the two has stolen it");
}

#[tokio::test]
async fn a_code_that_is_shown_again_ends_what_was_granted() {
    let mut desk = Desk::open().await;
    let code = desk.code().await;
    let tokens = desk.ask(&code, |_| {}).await.unwrap().unwrap();
    desk.show(&tokens.access_token).await.unwrap();
    // Who is not even the client ends nothing by it.
    let shown = desk.ask(&code, |one| one.client_id = Some("somebody".to_owned())).await.unwrap();
    assert_eq!(shown.unwrap_err().error, OauthError::InvalidGrant);
    desk.show(&tokens.access_token).await.unwrap();
    // Whatever else is wrong, or late: it has leaked.
    let shown = desk.ask(&code, |one| one.code_verifier = None).await.unwrap();
    assert_eq!(shown.unwrap_err().error, OauthError::InvalidGrant);
    desk.assert_over(&tokens, "the code was shown again").await;
    assert!(desk.grants().await.is_empty());
    let ended = desk.office.cluster.records_of("oauth.grant.end").await.remove(0);
    assert_eq!((&ended["user"], &ended["app_name"]), (&json!("alice"), &json!("files")));
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_ends_everything_when_it_is_shown_again() {
    let mut desk = Desk::open().await;
    let first = desk.tokens().await;
    let other = register(&desk.office, &[REDIRECT]).await;
    for wrong in [
        desk.ask("", |one| {
            by_refresh(one, &first.refresh_token);
            one.client_id = Some(other);
        })
        .await,
        desk.ask("", |one| by_refresh(one, &first.access_token)).await,
        desk.ask("", |one| by_refresh(one, &format!("{}x", first.refresh_token))).await,
    ] {
        assert_eq!(wrong.unwrap().unwrap_err().error, OauthError::InvalidGrant);
    }
    let all = (0..8).map(|_| desk.refresh(&first.refresh_token));
    let all = futures_util::future::join_all(all).await;
    let second: Vec<OauthTokens> = all.into_iter().filter_map(Result::ok).collect();
    assert_eq!(second.len(), 1, "of those who show it at once, one gets something");
    desk.assert_over(&second[0], "it was shown twice").await;

    // Of another grant, where nobody raced.
    let first = desk.tokens().await;
    let second = desk.refresh(&first.refresh_token).await.unwrap();
    // What lets in lets in until it ends.
    desk.show(&first.access_token).await.unwrap();
    desk.show(&second.access_token).await.unwrap();
    assert_eq!(
        desk.refresh(&first.refresh_token).await.unwrap_err().error,
        OauthError::InvalidGrant
    );
    desk.assert_over(&second, "the refresh token was shown again").await;
    desk.assert_over(&first, "the refresh token was shown again").await;
}

#[tokio::test]
async fn an_access_token_lets_into_one_app_at_one_address_and_not_for_long() {
    let mut desk = Desk::open().await;
    desk.office.cluster.put(app("other", &[("env", "dev")])).await;
    let tokens = desk.tokens().await;
    let access = tokens.access_token.as_str();
    let wrong = async |what: &str, token: &str, change: &dyn Fn(&mut AppTokenRequest)| {
        let error = desk.show_with(token, change).await.expect_err(what);
        assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{what}: {error}");
        assert!(!error.to_string().contains(token), "{what}");
    };
    wrong("another app", access, &|one| one.app = "other".to_owned()).await;
    wrong("another address", access, &|one| {
        one.proxy_addr = Some("o.example.test:3080".to_owned())
    })
    .await;
    wrong("no address", access, &|one| one.proxy_addr = None).await;
    wrong("changed", &format!("{access}x"), &|_| {}).await;
    wrong("a refresh token", &tokens.refresh_token, &|_| {}).await;
    let renamed = tokens.refresh_token.replace("tso_r_", "tso_a_");
    wrong("a refresh token by another name", &renamed, &|_| {}).await;
    wrong("in another header", access, &|one| {
        one.tokens = [("x-api-token".to_owned(), format!("Bearer {access}"))].into();
    })
    .await;
    let leaf = AppTokenRequest {
        app: "files".to_owned(),
        tokens: [("authorization".to_owned(), format!("Bearer {access}"))].into(),
        proxy_addr: Some(PROXY.to_owned()),
        ..AppTokenRequest::default()
    };
    let visit = desk.office.proxy.visit_by_token("leaf.test", &leaf).await;
    refused(visit.map(drop), ErrorKind::Unauthenticated);
    desk.show(access).await.unwrap();

    let clock = &desk.office.cluster.clock;
    clock.advance(Duration::from_secs(599));
    desk.show(access).await.unwrap();
    clock.advance(Duration::from_secs(1));
    wrong("too late", access, &|_| {}).await;
    // What is open goes on.
    let given = desk.show_with(access, |one| one.continues = true).await.unwrap();
    assert!(given.token_expires.unwrap() <= clock.now());
    // No token outlives what was granted.
    let end = desk.grants().await.remove(0).ends();
    clock.advance((end - clock.now() - time::Duration::seconds(30)).unsigned_abs());
    desk.office.announce().await;
    let last = desk.refresh(&tokens.refresh_token).await.unwrap();
    assert_eq!(last.expires_in, 30);
    clock.advance(Duration::from_secs(30));
    wrong("over", access, &|one| one.continues = true).await;
    desk.assert_over(&last, "it is over").await;
}
