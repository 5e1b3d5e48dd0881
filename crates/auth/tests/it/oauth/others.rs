//! People whom others sign in, and apps of other clusters.

use api::wire::VisitEvidence;
use pki::VerifyError;
use resource::cluster_auth_preference::ClusterAuthPreference;
use resource::{Lock, LockTarget};

use super::*;
use crate::assertions::{URI, files};
use crate::cluster::parse;
use crate::clusters::friends;
use crate::oidc;

const THERE: &str = "https://tessera.example.test:3080/mcp/sites/leaf.test/apps/github";

fn authorization(client_id: &str, resource: &str) -> OauthAuthorization {
    let some = |text: &str| Some(text.to_owned());
    OauthAuthorization {
        client_id: some(client_id),
        redirect_uri: some(LISTENS),
        response_type: some("code"),
        code_challenge: Some(URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))),
        code_challenge_method: some("S256"),
        resource: some(resource),
        binding: BROWSER.to_owned(),
        client_addr: some(CLIENT),
        proxy_addr: PROXY.to_owned(),
        ..OauthAuthorization::default()
    }
}

#[tokio::test]
async fn who_signs_in_through_a_provider_is_asked_like_everybody() {
    let office = oidc::Office::open(&json!({})).await;
    let preference: ClusterAuthPreference = parse(&json!({
        "kind": "cluster_auth_preference", "version": "v2",
        "spec": {
            "type": "oidc", "connector_name": "idp",
            "allow_oauth": true, "allow_oauth_registration": true,
        },
    }));
    office.cluster.put(preference).await;
    let registration = OauthRegistration {
        redirect_uris: vec![REDIRECT.to_owned()],
        ..OauthRegistration::default()
    };
    let registered = office.proxy.register_oauth_client(&registration).await.unwrap();
    let OauthRegistered::Client(client) = registered else { panic!("it is not registered") };
    let link = async || {
        let asked = authorization(&client.client_id, FILES);
        match office.proxy.start_oauth(&asked).await.unwrap() {
            OauthStarted::SignIn { location } => location.rsplit('/').next().unwrap().to_owned(),
            _ => panic!("nobody is to sign in"),
        }
    };
    let (_url, answer) = office.away_with(&link().await).await.unwrap();
    let location = office.proxy.answer_sso(&answer).await.unwrap().location;
    let token = location.strip_prefix(&format!("{ISSUER}/oauth/consent/")).unwrap();
    let (binding, client_addr) = (BROWSER.to_owned(), None);
    let consent = OauthConsentAnswer { binding, approve: true, client_addr };
    office.proxy.answer_oauth_consent(token, &consent).await.unwrap();
    let grants = office.cluster.admin.list(Kind::OauthGrant, Secrets::Redact).await.unwrap();
    let grant = OauthGrant::try_from(Resource::clone(&grants.items[0])).unwrap();
    assert_eq!(
        (grant.spec.user.as_str(), grant.spec.roles.as_slice()),
        ("alice@example.com", &["dev".to_owned()][..])
    );
    assert!(office.cluster.records_of("user.login").await[0]["success"] == json!(true));

    // Another browser does not bring the provider's answer, and who gets no role is asked nothing.
    let (_url, answer) = office.away_with(&link().await).await.unwrap();
    let elsewhere = api::wire::SsoAnswer { binding: "another".to_owned(), ..answer };
    refused(office.proxy.answer_sso(&elsewhere).await.map(drop), ErrorKind::Denied);
    office.liar.lie(|lies| lies.userinfo = json!({"sub": "u1", "groups": ["other"]}));
    let (_url, answer) = office.away_with(&link().await).await.unwrap();
    refused(office.proxy.answer_sso(&answer).await.map(drop), ErrorKind::Denied);
}

#[tokio::test]
async fn an_app_of_another_cluster_is_visited_and_nothing_else() {
    let (root, leaf) = friends().await;
    let mut desk = Desk::over(Office::over(root).await).await;
    let token = desk.sign_in(|request| request.resource = Some(THERE.to_owned())).await;
    let code = desk.consent(&token, true).await.unwrap().remove("code").unwrap();
    // What was granted is what the client gets.
    let here = desk.ask(&code, |_| {}).await.unwrap().unwrap_err();
    assert_eq!(here.error, OauthError::InvalidTarget);
    let there = |request: &mut OauthTokenRequest| request.resource = Some(THERE.to_owned());
    let tokens = desk.ask(&code, there).await.unwrap().unwrap();
    let visit = async |cluster: &str, app: &str, continues: bool| -> Result<VisitEvidence, Error> {
        let request = AppTokenRequest {
            app: app.to_owned(),
            tokens: [("authorization".to_owned(), format!("Bearer {}", tokens.access_token))]
                .into(),
            client_addr: Some(CLIENT.to_owned()),
            proxy_addr: Some(PROXY.to_owned()),
            continues,
        };
        desk.office.proxy.visit_by_token(cluster, &request).await
    };
    let given = visit("leaf.test", "github", false).await.unwrap();
    let grant = desk.grants().await.remove(0);
    assert_eq!(given.oauth_grant.as_deref(), Some(grant.name()));
    let certificate = Certificate::from_pem(&given.certificate).unwrap();
    let user = certificate.unverified_identity().unwrap().as_user().unwrap().clone();
    assert_eq!(user.visit.as_ref().unwrap().cluster, "leaf.test");
    assert_eq!((user.name.as_str(), user.oauth_grant), ("alice", None));
    let now = leaf.clock.now();
    leaf.auth.trust().verify_foreign(&[certificate.der().clone()], now).unwrap();
    let at_home = desk.office.cluster.auth.trust().verify(&[certificate.der().clone()], now);
    assert!(matches!(at_home, Err(VerifyError::VisitElsewhere { .. })), "{at_home:?}");

    refused(visit("leaf.test", "other", false).await, ErrorKind::Unauthenticated);
    refused(visit("other.test", "github", false).await, ErrorKind::Unauthenticated);
    refused(visit("root.test", "github", false).await, ErrorKind::Unauthenticated);
    let same_name = desk.show_with(&tokens.access_token, |one| one.app = "github".to_owned()).await;
    refused(same_name.map(drop), ErrorKind::Unauthenticated);

    // What is open goes on when the token has ended, until what it rests on has.
    desk.office.cluster.clock.advance(Duration::from_secs(600));
    refused(visit("leaf.test", "github", false).await, ErrorKind::Unauthenticated);
    visit("leaf.test", "github", true).await.unwrap();
    let target = LockTarget { oauth_grant: Some(grant.name().to_owned()), ..Default::default() };
    desk.office.cluster.put(Lock::new("l", target, "")).await;
    refused(visit("leaf.test", "github", true).await, ErrorKind::Denied);
    desk.office.cluster.admin.delete(Kind::Lock, "l").await.unwrap();
    // What a token does not prove is wanted here.
    let rules =
        json!({"allow_oauth": true, "allow_oauth_registration": true, "require_session_mfa": true});
    desk.office.prefer(rules).await;
    refused(visit("leaf.test", "github", true).await, ErrorKind::Denied);
    desk.office.prefer(json!({"allow_oauth": true, "allow_oauth_registration": true})).await;
    visit("leaf.test", "github", true).await.unwrap();
    desk.office.cluster.admin.delete(Kind::OauthGrant, grant.name()).await.unwrap();
    refused(visit("leaf.test", "github", true).await, ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn nothing_is_stated_of_who_granted_it_when_it_is_over() {
    let mut desk = Desk::open().await;
    let cluster = &desk.office.cluster;
    cluster.put(files("files", URI)).await;
    let agent = cluster.host(&[pki::Service::App]).await;
    let record = resource::AppServer::new(&agent.id, "host", "1.0", files("files", URI));
    agent.client.put(&record.into(), api::Write::Upsert).await.unwrap();
    let tokens = desk.tokens().await;
    let given = desk.show(&tokens.access_token).await.unwrap();
    let state = async || {
        let request = api::wire::AssertionRequest {
            app: "files".to_owned(),
            uri: URI.to_owned(),
            certificate: given.certificate.clone(),
            client_addr: Some(CLIENT.to_owned()),
        };
        agent.client.sign_assertion(&request).await
    };
    state().await.unwrap();
    desk.office.prefer(json!({"allow_oauth": true})).await;
    refused(state().await, ErrorKind::Denied);
    desk.office.prefer(json!({"allow_oauth": true, "allow_oauth_registration": true})).await;
    state().await.unwrap();
    let name = given.oauth_grant.as_deref().unwrap();
    desk.office.cluster.admin.delete(Kind::OauthGrant, name).await.unwrap();
    refused(state().await, ErrorKind::Denied);
}
