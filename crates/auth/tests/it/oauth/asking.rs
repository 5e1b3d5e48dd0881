//! What is asked for, and by whom; and that nobody else's browser answers.

use super::*;

/// What is refused on a page: nothing goes anywhere.
async fn on_a_page(desk: &Desk, change: impl FnOnce(&mut OauthAuthorization)) -> OauthRefusal {
    match desk.start(change).await.unwrap() {
        OauthStarted::Refused(refusal) => refusal,
        OauthStarted::Back { location, .. } | OauthStarted::SignIn { location } => {
            panic!("it goes to {location}")
        }
    }
}

/// What the client is told.
async fn told(
    desk: &Desk,
    change: impl FnOnce(&mut OauthAuthorization),
) -> BTreeMap<String, String> {
    let OauthStarted::Back { location, refusal } = desk.start(change).await.unwrap() else {
        panic!("the client is not told")
    };
    assert!(location.starts_with(LISTENS), "{location}");
    let told = parameters(&location);
    let said = (told.get("error").unwrap().as_str(), told.get("iss").unwrap().as_str());
    assert_eq!(said, (refusal.error.as_str(), ISSUER));
    told
}

#[tokio::test]
async fn nothing_goes_where_it_is_not_known_to_be_wanted() {
    let desk = Desk::open().await;
    let other = register(&desk.office, &["https://evil.example.com/cb"]).await;
    let changed = format!("{}x", desk.client_id);
    let cases: [(&str, Option<&str>, Option<&str>); 11] = [
        ("no client", None, Some(LISTENS)),
        ("no client", Some(""), Some(LISTENS)),
        ("an unknown client", Some("somebody"), Some(LISTENS)),
        ("a client that was changed", Some(&changed), Some(LISTENS)),
        ("an address in the clear", Some("http://c.example.com/c"), Some(LISTENS)),
        ("no redirect URI", Some(&desk.client_id), None),
        ("another's redirect URI", Some(&desk.client_id), Some("https://evil.example.com/cb")),
        ("another client's", Some(&other), Some(LISTENS)),
        ("another path", Some(&desk.client_id), Some("http://127.0.0.1:33418/other")),
        ("a script", Some(&desk.client_id), Some("javascript:alert(1)")),
        ("a fragment", Some(&desk.client_id), Some("http://127.0.0.1/callback#x")),
    ];
    for (what, client, redirect) in cases {
        let refusal = on_a_page(&desk, |request| {
            request.client_id = client.map(str::to_owned);
            request.redirect_uri = redirect.map(str::to_owned);
        })
        .await;
        assert!(!refusal.error_description.contains('"'), "{what}: {refusal:?}");
    }
    // What is wrong besides is not told the wrong one either.
    on_a_page(&desk, |request| {
        request.redirect_uri = Some("https://evil.example.com/cb".to_owned());
        request.response_type = Some("token".to_owned());
    })
    .await;
    let long = "x".repeat(129);
    for binding in ["", long.as_str()] {
        let outcome = desk.start(|request| request.binding = binding.to_owned()).await;
        refused(outcome.map(drop), ErrorKind::InvalidArgument);
    }
}

#[tokio::test]
async fn a_client_is_told_what_is_wrong_with_what_it_asks_for() {
    let desk = Desk::open().await;
    type Change = fn(&mut OauthAuthorization);
    let cases: [(&str, Change); 11] = [
        ("unsupported_response_type", |request| request.response_type = None),
        ("unsupported_response_type", |request| request.response_type = Some("token".to_owned())),
        ("invalid_request", |request| request.code_challenge = None),
        ("invalid_request", |request| request.code_challenge = Some("short".to_owned())),
        ("invalid_request", |request| request.code_challenge_method = None),
        ("invalid_request", |request| request.code_challenge_method = Some("plain".to_owned())),
        ("invalid_target", |request| request.resource = None),
        ("invalid_target", |request| request.resource = Some(ISSUER.to_owned())),
        ("invalid_target", |request| request.resource = Some(format!("{FILES}/x"))),
        ("invalid_target", |request| {
            request.resource = Some("https://other.example.com/mcp/apps/files".to_owned());
        }),
        ("invalid_target", |request| {
            request.resource = Some("https://tessera.example.test/mcp/apps/files".to_owned());
        }),
    ];
    for (error, change) in cases {
        let told = told(&desk, change).await;
        assert_eq!((told["error"].as_str(), told["state"].as_str()), (error, "a state & more"));
    }
    // So long is what is sent along, and no longer.
    let state = |length: usize| {
        move |request: &mut OauthAuthorization| request.state = Some("x".repeat(length))
    };
    assert!(matches!(desk.start(state(1024)).await.unwrap(), OauthStarted::SignIn { .. }));
    assert!(!told(&desk, state(1025)).await.contains_key("state"));
}

#[tokio::test]
async fn clients_register_what_answers_are_sent_to_and_nothing_is_kept() {
    let desk = Desk::open().await;
    let answer = async |change: fn(&mut OauthRegistration)| {
        let mut request = OauthRegistration {
            redirect_uris: vec![REDIRECT.to_owned()],
            ..OauthRegistration::default()
        };
        change(&mut request);
        desk.office.proxy.register_oauth_client(&request).await.unwrap()
    };
    let OauthRegistered::Client(client) = answer(|request| {
        request.token_endpoint_auth_method = Some("client_secret_post".to_owned());
        request.grant_types = Some(vec!["authorization_code".to_owned()]);
    })
    .await
    else {
        panic!("it is not registered")
    };
    // Whatever it wanted: there are no secrets.
    assert_eq!(client.token_endpoint_auth_method, "none");
    type Change = fn(&mut OauthRegistration);
    let cases: [(OauthError, Change); 6] = [
        (OauthError::InvalidRedirectUri, |request| request.redirect_uris.clear()),
        (OauthError::InvalidRedirectUri, |request| {
            request.redirect_uris = vec!["javascript:alert(1)".to_owned()];
        }),
        (OauthError::InvalidRedirectUri, |request| {
            request.redirect_uris = vec![REDIRECT.to_owned(); 9];
        }),
        (OauthError::InvalidClientMetadata, |request| {
            let long = format!("https://c.example.com/{}", "x".repeat(480));
            request.redirect_uris = vec![long; 5];
        }),
        (OauthError::InvalidClientMetadata, |request| {
            request.grant_types = Some(vec!["client_credentials".to_owned()]);
        }),
        (OauthError::InvalidClientMetadata, |request| {
            request.response_types = Some(vec!["token".to_owned()]);
        }),
    ];
    for (error, change) in cases {
        let OauthRegistered::Refused(refusal) = answer(change).await else { panic!("{error}") };
        assert_eq!(refusal.error, error);
    }
    assert!(matches!(
        answer(|request| request.redirect_uris = vec![REDIRECT.to_owned(); 8]).await,
        OauthRegistered::Client(_)
    ));
    // What is not taken is left out, and stays so.
    let script = |request: &mut OauthRegistration| {
        request.redirect_uris.push("javascript:alert(1)".to_owned());
    };
    let OauthRegistered::Client(client) = answer(script).await else { panic!("it is refused") };
    assert_eq!(client.redirect_uris, [REDIRECT]);
    on_a_page(&desk, |request| {
        request.client_id = Some(client.client_id.clone());
        request.redirect_uri = Some("javascript:alert(1)".to_owned());
    })
    .await;
}

#[tokio::test]
async fn a_person_answers_once_and_in_the_browser_that_began() {
    let mut desk = Desk::open().await;
    let token = desk.sign_in(|_| {}).await;
    // The page is no other browser's, and is not used up by one.
    let binding = "another browser".to_owned();
    let read = OauthConsentRead { binding: binding.clone() };
    let proxy = &desk.office.proxy;
    refused(proxy.read_oauth_consent(&token, &read).await.map(drop), ErrorKind::Denied);
    let answer = OauthConsentAnswer { binding, approve: true, client_addr: None };
    refused(proxy.answer_oauth_consent(&token, &answer).await.map(drop), ErrorKind::Denied);
    let long = "x".repeat(129);
    for other in ["", "nothing", long.as_str()] {
        refused(desk.consent(other, true).await.map(drop), ErrorKind::NotFound);
    }
    assert!(desk.grants().await.is_empty());
    // Of all answers at once, one counts.
    let answers = futures_util::future::join_all((0..8).map(|_| desk.consent(&token, true))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(desk.grants().await.len(), 1);
    refused(desk.consent(&token, false).await.map(drop), ErrorKind::NotFound);

    // No is an answer.
    let token = desk.sign_in(|_| {}).await;
    let told = desk.consent(&token, false).await.unwrap();
    assert_eq!((told["error"].as_str(), told["iss"].as_str()), ("access_denied", ISSUER));
    assert!(!told.contains_key("code"));
    refused(desk.consent(&token, true).await.map(drop), ErrorKind::NotFound);
    assert_eq!(desk.grants().await.len(), 1);

    // Whoever leaves it lying has to begin again.
    let token = desk.sign_in(|_| {}).await;
    desk.office.cluster.clock.advance(Duration::from_secs(10 * 60));
    refused(desk.consent(&token, true).await.map(drop), ErrorKind::NotFound);
}

#[tokio::test]
async fn what_has_become_known_since_the_sign_in_counts() {
    let mut desk = Desk::open().await;
    let token = desk.sign_in(|_| {}).await;
    let target = resource::LockTarget { user: Some("alice".to_owned()), ..Default::default() };
    desk.office.cluster.put(resource::Lock::new("l", target, "")).await;
    refused(desk.consent(&token, true).await.map(drop), ErrorKind::Denied);
    desk.office.cluster.admin.delete(Kind::Lock, "l").await.unwrap();

    let reset =
        api::wire::InviteRequest { purpose: api::wire::InvitePurpose::Reset, ttl_seconds: None };
    desk.office.cluster.admin.create_invite("alice", &reset).await.unwrap();
    let error = desk.consent(&token, true).await.expect_err("the credentials are not there");
    assert!(matches!(error.kind(), ErrorKind::Denied | ErrorKind::Unauthenticated), "{error}");
    assert!(desk.grants().await.is_empty());
}
