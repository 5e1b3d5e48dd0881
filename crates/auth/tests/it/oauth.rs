//! Clients without a certificate that have a person sign in: what they get, and every way to be refused.

mod asking;
mod ends;
mod others;
mod spent;

use std::collections::BTreeMap;
use std::time::Duration;

use api::wire::{
    AppTokenIdentity, AppTokenRequest, KeyUse, LoginAnswer, LoginAnswered, LoginRead,
    OauthAuthorization, OauthConsentAnswer, OauthConsentRead, OauthError, OauthRefusal,
    OauthRegistered, OauthRegistration, OauthRevocation, OauthStarted, OauthTokenAnswer,
    OauthTokenRequest, OauthTokens, SsoBegin,
};
use api::{Error, ErrorKind};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pki::{BoundApp, Certificate, UserIdentity};
use resource::{Kind, OauthGrant, Resource, Secrets};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use url::Url;

use crate::cluster::{app, refused};
use crate::keys::{CLIENT, Office};
use crate::mfa::state_of;
use crate::soft_key::SoftKey;

const PROXY: &str = "tessera.example.test:3080";
const ISSUER: &str = "https://tessera.example.test:3080";
const FILES: &str = "https://tessera.example.test:3080/mcp/apps/files";
const BROWSER: &str = "one browser";
const VERIFIER: &str = "a text that only the client knows, long enough for RFC 7636";
const REDIRECT: &str = "http://127.0.0.1/callback";
const LISTENS: &str = "http://127.0.0.1:33418/callback";

/// A cluster that lets such clients in, a user, and a client.
struct Desk {
    office: Office,
    key: SoftKey,
    client_id: String,
}

// === impl Desk ===

impl Desk {
    async fn open() -> Self {
        Self::over(Office::open().await).await
    }

    async fn over(office: Office) -> Self {
        office.prefer(json!({"allow_oauth": true, "allow_oauth_registration": true})).await;
        office.cluster.put(app("files", &[("env", "dev")])).await;
        let key = office.enrol("alice", KeyUse::Passkey).await;
        let client_id = register(&office, &[REDIRECT]).await;
        Self { office, key, client_id }
    }

    async fn start(
        &self,
        change: impl FnOnce(&mut OauthAuthorization),
    ) -> Result<OauthStarted, Error> {
        let some = |text: &str| Some(text.to_owned());
        let mut request = OauthAuthorization {
            client_id: some(&self.client_id),
            redirect_uri: some(LISTENS),
            response_type: some("code"),
            code_challenge: Some(URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))),
            code_challenge_method: some("S256"),
            resource: some(FILES),
            scope: some("offline_access"),
            state: some("a state & more"),
            binding: BROWSER.to_owned(),
            client_addr: some(CLIENT),
            proxy_addr: PROXY.to_owned(),
        };
        change(&mut request);
        self.office.proxy.start_oauth(&request).await
    }

    /// Signs the user in, up to the consent page: the token in its address.
    async fn sign_in(&mut self, change: impl FnOnce(&mut OauthAuthorization)) -> String {
        let OauthStarted::SignIn { location } = self.start(change).await.unwrap() else {
            panic!("it is not led to where people sign in")
        };
        let token = location.strip_prefix(&format!("{ISSUER}/web/sso/")).unwrap().to_owned();
        let proxy = &self.office.proxy;
        let begun = proxy.begin_sso(&token, &SsoBegin::default()).await.unwrap();
        let (state, binding) = (state_of(&begun), begun.binding);
        let read = LoginRead { binding: binding.clone() };
        let page = proxy.read_login(&state, &read).await.unwrap();
        assert_eq!(page.oauth.unwrap().client_name.as_deref(), Some("A client"));
        let key = Some(self.key.get(&page.passkey.unwrap()));
        let client_addr = Some(CLIENT.to_owned());
        let answer = LoginAnswer { binding, key, client_addr, ..LoginAnswer::default() };
        match proxy.answer_login(&state, &answer).await.unwrap() {
            LoginAnswered::Done { location } => {
                location.strip_prefix(&format!("{ISSUER}/oauth/consent/")).unwrap().to_owned()
            }
            _ => panic!("it is not done"),
        }
    }

    /// What the browser brings to the client.
    async fn consent(&self, token: &str, approve: bool) -> Result<BTreeMap<String, String>, Error> {
        let (binding, client_addr) = (BROWSER.to_owned(), Some(CLIENT.to_owned()));
        let answer = OauthConsentAnswer { binding, approve, client_addr };
        let consented = self.office.proxy.answer_oauth_consent(token, &answer).await?;
        Ok(parameters(&consented.location))
    }

    /// A code.
    async fn code(&mut self) -> String {
        let token = self.sign_in(|_| {}).await;
        self.consent(&token, true).await.unwrap().remove("code").unwrap()
    }

    async fn ask(
        &self,
        code: &str,
        change: impl FnOnce(&mut OauthTokenRequest),
    ) -> Result<Result<OauthTokens, OauthRefusal>, Error> {
        let some = |text: &str| Some(text.to_owned());
        let mut request = OauthTokenRequest {
            grant_type: some("authorization_code"),
            code: some(code),
            redirect_uri: some(LISTENS),
            code_verifier: some(VERIFIER),
            client_id: some(&self.client_id),
            resource: some(FILES),
            client_addr: some("203.0.113.5:1"),
            proxy_addr: PROXY.to_owned(),
            ..OauthTokenRequest::default()
        };
        change(&mut request);
        Ok(match self.office.proxy.oauth_tokens(&request).await? {
            OauthTokenAnswer::Issued(tokens) => Ok(tokens),
            OauthTokenAnswer::Refused(refusal) => Err(refusal),
        })
    }

    async fn refresh(&self, token: &str) -> Result<OauthTokens, OauthRefusal> {
        self.ask("", |request| by_refresh(request, token)).await.unwrap()
    }

    async fn tokens(&mut self) -> OauthTokens {
        let code = self.code().await;
        self.ask(&code, |_| {}).await.unwrap().unwrap()
    }

    async fn show_with(
        &self,
        token: &str,
        change: impl FnOnce(&mut AppTokenRequest),
    ) -> Result<AppTokenIdentity, Error> {
        let mut request = AppTokenRequest {
            app: "files".to_owned(),
            tokens: [("authorization".to_owned(), format!("Bearer {token}"))].into(),
            client_addr: Some(CLIENT.to_owned()),
            proxy_addr: Some(PROXY.to_owned()),
            continues: false,
        };
        change(&mut request);
        self.office.proxy.verify_app_token(&request).await
    }

    async fn show(&self, token: &str) -> Result<AppTokenIdentity, Error> {
        self.show_with(token, |_| {}).await
    }

    fn read(&self, identity: &AppTokenIdentity) -> UserIdentity {
        let certificate = Certificate::from_pem(&identity.certificate).unwrap();
        let (trust, now) = (self.office.cluster.auth.trust(), self.office.cluster.clock.now());
        let identity = trust.verify(&[certificate.der().clone()], now).unwrap();
        identity.as_user().unwrap().clone()
    }

    async fn grants(&self) -> Vec<OauthGrant> {
        let listing = self.office.cluster.admin.list(Kind::OauthGrant, Secrets::Redact).await;
        let items = listing.unwrap().items.into_iter();
        items.map(|item| OauthGrant::try_from(Resource::clone(&item)).unwrap()).collect()
    }

    /// The token is good for nothing, nor is the refresh token.
    async fn assert_over(&self, tokens: &OauthTokens, why: &str) {
        let error = self.show(&tokens.access_token).await.map(drop).expect_err(why);
        let kinds = [ErrorKind::Unauthenticated, ErrorKind::Denied];
        assert!(kinds.contains(&error.kind()), "{why}: {error}");
        let refresh = |request: &mut OauthTokenRequest| by_refresh(request, &tokens.refresh_token);
        match self.ask("", refresh).await {
            Ok(Err(refusal)) => assert_eq!(refusal.error, OauthError::InvalidGrant, "{why}"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Denied, "{why}"),
            Ok(Ok(_)) => panic!("{why}: the refresh token is good"),
        }
    }

    /// Nothing of what is secret stands in the audit log.
    async fn assert_unwritten(&self, secrets: &[&str]) {
        let log = serde_json::to_string(&self.office.cluster.records().await).unwrap();
        for secret in secrets {
            assert!(!log.contains(secret), "{secret}");
        }
    }
}

fn by_refresh(request: &mut OauthTokenRequest, token: &str) {
    request.grant_type = Some("refresh_token".to_owned());
    (request.code, request.redirect_uri, request.code_verifier) = (None, None, None);
    request.refresh_token = Some(token.to_owned());
}

async fn register(office: &Office, uris: &[&str]) -> String {
    let request = OauthRegistration {
        redirect_uris: uris.iter().map(|&uri| uri.to_owned()).collect(),
        client_name: Some("A\u{202e} client".to_owned()),
        token_endpoint_auth_method: Some("none".to_owned()),
        ..OauthRegistration::default()
    };
    match office.proxy.register_oauth_client(&request).await.unwrap() {
        OauthRegistered::Client(client) => client.client_id,
        OauthRegistered::Refused(refusal) => panic!("{refusal:?}"),
    }
}

fn parameters(location: &str) -> BTreeMap<String, String> {
    Url::parse(location).unwrap().query_pairs().into_owned().collect()
}

#[tokio::test]
async fn a_client_has_a_person_sign_in_and_uses_one_app_in_the_persons_name() {
    let mut desk = Desk::open().await;
    let token = desk.sign_in(|_| {}).await;
    let read = OauthConsentRead { binding: BROWSER.to_owned() };
    let page = desk.office.proxy.read_oauth_consent(&token, &read).await.unwrap();
    assert_eq!(
        (page.client_name.as_deref(), page.client_host, page.redirect_host.as_str()),
        (Some("A client"), None, "127.0.0.1")
    );
    assert!(page.redirect_is_local);
    assert_eq!((page.app.as_str(), page.cluster, page.user.as_str()), ("files", None, "alice"));
    assert!(desk.grants().await.is_empty(), "nothing is granted before it is");

    let brought = desk.consent(&token, true).await.unwrap();
    assert_eq!((brought["state"].as_str(), brought["iss"].as_str()), ("a state & more", ISSUER));
    let grant = desk.grants().await.remove(0);
    assert_eq!((grant.spec.user.as_str(), grant.spec.app.as_str()), ("alice", "files"));
    assert!(grant.spec.client.id.starts_with("registered-"));
    let now = desk.office.cluster.clock.now();
    assert_eq!((grant.ends() - now).whole_seconds(), 60, "until the code is fetched");

    let tokens = desk.ask(&brought["code"], |_| {}).await.unwrap().unwrap();
    let grant = desk.grants().await.remove(0);
    assert_eq!(grant.ends(), page.expires);
    assert_eq!((grant.ends() - now).whole_hours(), 12, "as for tsh login");
    assert_eq!((tokens.token_type.as_str(), tokens.expires_in), ("Bearer", 600));
    let given = desk.show(&tokens.access_token).await.unwrap();
    let user = desk.read(&given);
    assert_eq!(
        (user.name.as_str(), user.app.as_ref()),
        ("alice", Some(&BoundApp::Here("files".to_owned())))
    );
    assert_eq!(user.roles, ["access"]);
    assert_eq!(user.oauth_grant.as_deref(), Some(grant.name()));
    assert_eq!(given.oauth_grant.as_deref(), Some(grant.name()));
    assert_eq!(user.mfa.at_sign_in, grant.spec.mfa_device);
    assert!(user.mfa.at_sign_in.is_some() && user.mfa.for_session.is_none());
    assert_eq!((given.valid_until, user.expires), (grant.ends(), grant.ends()));
    assert_eq!(given.token_expires.unwrap() - now, time::Duration::minutes(10));

    // Another token of the grant goes on with what was begun.
    let next = desk.refresh(&tokens.refresh_token).await.unwrap();
    assert_eq!(desk.read(&desk.show(&next.access_token).await.unwrap()).login_id, user.login_id);
    let cluster = &desk.office.cluster;
    for (event, of_alice) in [
        ("oauth.authorize", false),
        ("oauth.consent", true),
        ("oauth.token", true),
        ("app_auth_config.verify.success", true),
        ("user.login", true),
    ] {
        let record = cluster.records_of(event).await.remove(0);
        assert_eq!(record["success"], json!(true), "{record}");
        assert_eq!(record["user"] == json!("alice"), of_alice, "{record}");
    }
    desk.assert_unwritten(&[
        &brought["code"],
        &tokens.access_token,
        &tokens.refresh_token,
        &next.access_token,
        VERIFIER,
        &token,
        BROWSER,
    ])
    .await;
}

#[tokio::test]
async fn it_is_off_until_it_is_allowed() {
    let mut desk = Desk::open().await;
    let tokens = desk.tokens().await;
    let code = desk.code().await;
    let consent = desk.sign_in(|_| {}).await;
    for rules in [json!({}), json!({"allow_oauth": false, "allow_oauth_registration": true})] {
        desk.office.prefer(rules).await;
        refused(desk.start(|_| {}).await.map(drop), ErrorKind::Denied);
        refused(desk.consent(&consent, true).await.map(drop), ErrorKind::Denied);
        refused(desk.ask(&code, |_| {}).await.map(drop), ErrorKind::Denied);
        let registration = OauthRegistration::default();
        let answered = desk.office.proxy.register_oauth_client(&registration).await;
        refused(answered.map(drop), ErrorKind::Denied);
        desk.assert_over(&tokens, "it is off").await;
    }
    // What registered itself goes with registration.
    desk.office.prefer(json!({"allow_oauth": true})).await;
    refused(desk.start(|_| {}).await.map(drop), ErrorKind::Denied);
    refused(desk.consent(&consent, true).await.map(drop), ErrorKind::Denied);
    desk.assert_over(&tokens, "registered clients are not taken").await;
    let refusal = desk.ask(&code, |_| {}).await.unwrap().unwrap_err();
    assert_eq!(refusal.error, OauthError::InvalidGrant);
}
