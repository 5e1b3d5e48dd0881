//! Security keys and passkeys: what is believed of them, and what is not.

use std::time::Duration;

use api::wire::{
    InviteAnswer, InvitePurpose, InviteRequest, KeyUse, LoginAnswer, LoginAnswered, LoginRead,
    SsoBegin, SsoFinish, SsoStart, UserCredentials,
};
use api::{Client, Error, ErrorKind, Write};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pki::{PrivateKey, Service};
use resource::proxy::ProxySpec;
use resource::{Lock, LockTarget, Proxy, Resource, User};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::cluster::{Cluster, credentials, parse, refused};
use crate::sign_in::PASSWORD;
use crate::soft_key::SoftKey;

const ORIGIN: &str = "https://tessera.example.test:3080";
const RP_ID: &str = "tessera.example.test";
pub(crate) const CLIENT: &str = "192.0.2.7:50123";

/// A cluster with a proxy that has a name.
pub(crate) struct Office {
    pub(crate) cluster: Cluster,
    pub(crate) proxy: Client,
    host: String,
}

/// What makes an answer of a key wrong.
type Lie = fn(&mut SoftKey);

/// A login whose browser is at the sign-in page.
pub(crate) struct AtPage {
    pub(crate) state: String,
    pub(crate) binding: String,
    pub(crate) verifier: String,
    pub(crate) key: PrivateKey,
}

// === impl Office ===

impl Office {
    pub(crate) async fn open() -> Self {
        Self::over(Cluster::start().await).await
    }

    pub(crate) async fn over(cluster: Cluster) -> Self {
        let host = cluster.host(&[Service::Proxy]).await;
        let office = Self { cluster, proxy: host.client, host: host.id };
        office.announce().await;
        office
    }

    /// The proxy tells that it is there. Of one that has not for long nobody knows, when time has been made to
    /// pass.
    pub(crate) async fn announce(&self) {
        let spec = ProxySpec {
            host_id: self.host.clone(),
            public_addr: ORIGIN.strip_prefix("https://").unwrap().to_owned(),
            ..ProxySpec::default()
        };
        self.proxy.put(&Proxy::new(spec).into(), Write::Upsert).await.unwrap();
    }

    pub(crate) fn key() -> SoftKey {
        SoftKey::new(ORIGIN, RP_ID)
    }

    pub(crate) async fn prefer(&self, spec: Value) {
        let json = json!({ "kind": "cluster_auth_preference", "version": "v2", "spec": spec });
        let preference: resource::ClusterAuthPreference = parse(&json);
        self.cluster.admin.put(&Resource::from(preference), Write::Upsert).await.unwrap();
    }

    pub(crate) async fn invite(&self, name: &str) -> String {
        self.cluster.put(User::new(name, ["access"])).await;
        let request = InviteRequest { purpose: InvitePurpose::Invite, ttl_seconds: None };
        self.cluster.admin.create_invite(name, &request).await.unwrap().token
    }

    /// What a new key is asked by the page behind a link.
    async fn wanted(&self, token: &str, purpose: KeyUse) -> Value {
        let details = self.proxy.read_invite(token).await.unwrap();
        let found = details.keys.into_iter().find(|wanted| wanted.purpose == purpose);
        found.unwrap().options
    }

    async fn answer(&self, token: &str, key: Value, password: bool) -> Result<(), Error> {
        let password = password.then(|| PASSWORD.to_owned());
        let answer = InviteAnswer { password, key: Some(key), ..InviteAnswer::default() };
        self.proxy.answer_invite(token, &answer).await.map(drop)
    }

    pub(crate) async fn enrol(&self, name: &str, purpose: KeyUse) -> SoftKey {
        let token = self.invite(name).await;
        let options = self.wanted(&token, purpose).await;
        let mut key = Self::key();
        let answer = key.create(&options);
        self.answer(&token, answer, purpose == KeyUse::SecondFactor).await.unwrap();
        key
    }

    pub(crate) async fn begin(&self, connector: &str) -> Result<AtPage, Error> {
        let key = PrivateKey::generate().unwrap();
        let verifier = format!("{:x?}", rand::random::<[u8; 16]>());
        let started = self
            .proxy
            .start_sso(&SsoStart {
                connector: Some(connector.to_owned()),
                public_key: key.public().to_pem(),
                ttl_seconds: None,
                callback: "http://127.0.0.1:4000/x".to_owned(),
                challenge: URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier)),
                client_addr: Some(CLIENT.to_owned()),
                proxy_addr: None,
            })
            .await?;
        let token = started.url.rsplit('/').next().unwrap().to_owned();
        let begun = self.proxy.begin_sso(&token, &SsoBegin::default()).await?;
        // A link opens once.
        let again = self.proxy.begin_sso(&token, &SsoBegin::default()).await;
        refused(again.map(|_| ()), ErrorKind::NotFound);
        let page = begun.location.strip_prefix(&format!("{ORIGIN}/web/login/")).unwrap();
        Ok(AtPage { state: page.to_owned(), binding: begun.binding, verifier, key })
    }

    pub(crate) async fn passkey_options(&self, page: &AtPage) -> Value {
        let read = LoginRead { binding: page.binding.clone() };
        self.proxy.read_login(&page.state, &read).await.unwrap().passkey.unwrap()
    }

    pub(crate) async fn show(&self, page: &AtPage, key: Value) -> Result<LoginAnswered, Error> {
        self.proxy.answer_login(&page.state, &LoginAnswer { key: Some(key), ..page.shown() }).await
    }

    pub(crate) async fn type_password(&self, page: &AtPage, name: &str) -> Result<Value, Error> {
        let answer = LoginAnswer {
            user: Some(name.to_owned()),
            password: Some(PASSWORD.to_owned()),
            ..page.shown()
        };
        match self.proxy.answer_login(&page.state, &answer).await? {
            LoginAnswered::Key { options } => Ok(options),
            other => panic!("no key is asked: {}", serde_json::to_string(&other).unwrap()),
        }
    }

    pub(crate) async fn finish(&self, page: &AtPage, answered: LoginAnswered) -> UserCredentials {
        self.finished(page, answered).await.unwrap()
    }

    pub(crate) async fn finished(
        &self,
        page: &AtPage,
        answered: LoginAnswered,
    ) -> Result<UserCredentials, Error> {
        let LoginAnswered::Done { location } = answered else { panic!("it is not done") };
        let code = location.strip_prefix("http://127.0.0.1:4000/x?code=").unwrap().to_owned();
        let request = SsoFinish { code, verifier: page.verifier.clone() };
        self.proxy.finish_sso(&request).await
    }

    /// Signs in with a passkey, all the way.
    pub(crate) async fn sign_in(&self, key: &mut SoftKey) -> (AtPage, UserCredentials) {
        let page = self.begin("passwordless").await.unwrap();
        let options = self.passkey_options(&page).await;
        let answered = self.show(&page, key.get(&options)).await.unwrap();
        let credentials = self.finish(&page, answered).await;
        (page, credentials)
    }
}

// === impl AtPage ===

impl AtPage {
    fn shown(&self) -> LoginAnswer {
        LoginAnswer {
            binding: self.binding.clone(),
            client_addr: Some(CLIENT.to_owned()),
            ..LoginAnswer::default()
        }
    }
}

#[tokio::test]
async fn a_passkey_is_enough_and_the_certificate_names_it() {
    let office = Office::open().await;
    let mut key = office.enrol("alice", KeyUse::Passkey).await;
    let added = &office.cluster.records_of("mfa.add").await[0];
    assert_eq!((&added["user"], &added["mfa_device_type"]), (&json!("alice"), &json!("WebAuthn")));
    assert!(office.cluster.records_of("user.password_change").await.is_empty());
    let (page, signed_in) = office.sign_in(&mut key).await;
    assert_eq!(signed_in.user, "alice");
    let certificate = pki::Certificate::from_pem(&signed_in.certificate).unwrap();
    let identity = certificate.unverified_identity().unwrap();
    let device = identity.as_user().unwrap().mfa.at_sign_in.clone().unwrap();
    assert_eq!(json!(device), added["mfa_device_uuid"]);
    let login = office.cluster.records_of("user.login").await.pop().unwrap();
    assert_eq!((&login["user"], &login["with_mfa"]), (&json!("alice"), &json!(device)));

    // A lock on the key shuts out who came in by it, and who comes.
    let client = office.cluster.client(Some(credentials(&signed_in.certificate, &page.key)));
    assert_eq!(client.mfa_devices().await.unwrap().devices[0].id, device);
    let target = LockTarget { mfa_device: Some(device), ..LockTarget::default() };
    office.cluster.put(Lock::new("stolen", target, "it was stolen")).await;
    refused(client.who_am_i().await.map(|_| ()), ErrorKind::Denied);
    let page = office.begin("passwordless").await.unwrap();
    let options = office.passkey_options(&page).await;
    let error = refused(office.show(&page, key.get(&options)).await.map(drop), ErrorKind::Denied);
    assert_eq!(error.hints(), ["it was stolen"]);
}

#[tokio::test]
async fn a_security_key_comes_after_the_password() {
    let office = Office::open().await;
    let mut key = office.enrol("alice", KeyUse::SecondFactor).await;
    let page = office.begin("local").await.unwrap();
    let options = office.type_password(&page, "alice").await.unwrap();
    assert_eq!(options["allowCredentials"].as_array().unwrap().len(), 1);
    let answered = office.show(&page, key.get(&options)).await.unwrap();
    assert_eq!(office.finish(&page, answered).await.user, "alice");

    // It is no passkey, whatever is asked of it.
    let page = office.begin("passwordless").await.unwrap();
    let options = office.passkey_options(&page).await;
    refused(office.show(&page, key.get(&options)).await.map(drop), ErrorKind::Unauthenticated);
    // And no password is taken where a passkey is wanted.
    let typed = office.type_password(&page, "alice").await.map(drop);
    refused(typed, ErrorKind::InvalidArgument);
    // Nor does a wrong one ask for the key.
    let page = office.begin("local").await.unwrap();
    let wrong = LoginAnswer {
        user: Some("alice".to_owned()),
        password: Some("not the password".to_owned()),
        ..page.shown()
    };
    let answered = office.proxy.answer_login(&page.state, &wrong).await.map(drop);
    refused(answered, ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn what_is_wrong_of_a_key_is_not_believed() {
    let office = Office::open().await;
    let mut key = office.enrol("alice", KeyUse::Passkey).await;
    let other = office.enrol("bob", KeyUse::Passkey).await;
    let lies: [(&str, Lie); 11] = [
        ("another origin", |key| key.origin = "https://evil.example.com".to_owned()),
        ("another port", |key| key.origin = "https://tessera.example.test".to_owned()),
        ("a site below ours", |key| key.origin = "https://x.tessera.example.test:3080".to_owned()),
        ("another relying party", |key| key.rp_id = "example.test".to_owned()),
        ("nobody touched it", |key| key.present = false),
        ("nobody was verified", |key| key.verified = false),
        ("a bad signature", |key| key.spoil_signature = true),
        ("an answer to another kind of question", |key| key.says = Some("webauthn.create")),
        ("no user", |key| key.handle = None),
        ("an unknown key", |key| key.id = vec![7; 32]),
        ("a question of nobody's", |key| key.challenge = Some(URL_SAFE_NO_PAD.encode([9; 32]))),
    ];
    for (what, lie) in lies {
        let page = office.begin("passwordless").await.unwrap();
        let options = office.passkey_options(&page).await;
        let mut liar = key.clone();
        lie(&mut liar);
        let error = office.show(&page, liar.get(&options)).await.map(drop).expect_err(what);
        let kinds = [ErrorKind::Unauthenticated, ErrorKind::InvalidArgument];
        assert!(kinds.contains(&error.kind()), "{what}: {error}");
    }
    // In a frame of somebody else's page.
    let framed: [Lie; 2] = [
        |key| key.cross_origin = true,
        |key| key.top_origin = Some("https://evil.example.com".to_owned()),
    ];
    for lie in framed {
        let page = office.begin("passwordless").await.unwrap();
        let options = office.passkey_options(&page).await;
        let mut liar = key.clone();
        lie(&mut liar);
        refused(office.show(&page, liar.get(&options)).await.map(drop), ErrorKind::Denied);
    }
    // The key of one user in the name of another.
    let page = office.begin("passwordless").await.unwrap();
    let options = office.passkey_options(&page).await;
    let mut liar = other.clone();
    liar.handle.clone_from(&key.handle);
    refused(office.show(&page, liar.get(&options)).await.map(drop), ErrorKind::Unauthenticated);
    let certified = office.cluster.records_of("cert.create").await;
    assert!(certified.iter().all(|record| record["identity"]["user"] != "alice"), "{certified:?}");
    // None of it has cost the user anything.
    let (_page, signed_in) = office.sign_in(&mut key).await;
    assert_eq!(signed_in.user, "alice");
}

#[tokio::test]
async fn a_question_is_answered_once_in_time_and_where_it_was_asked() {
    let office = Office::open().await;
    let mut key = office.enrol("alice", KeyUse::Passkey).await;
    let first = office.begin("passwordless").await.unwrap();
    let options = office.passkey_options(&first).await;
    let answer = key.get(&options);
    // At another page.
    let second = office.begin("passwordless").await.unwrap();
    refused(office.show(&second, answer.clone()).await.map(drop), ErrorKind::InvalidArgument);
    // In another browser.
    let elsewhere = AtPage { binding: second.binding.clone(), ..first };
    refused(office.show(&elsewhere, answer.clone()).await.map(drop), ErrorKind::Denied);
    let read = LoginRead { binding: elsewhere.binding.clone() };
    let seen = office.proxy.read_login(&elsewhere.state, &read).await.map(drop);
    refused(seen, ErrorKind::Denied);
    // Again, where it was wrong the first time.
    let page = office.begin("passwordless").await.unwrap();
    let options = office.passkey_options(&page).await;
    let mut unverified = key.clone();
    unverified.verified = false;
    refused(
        office.show(&page, unverified.get(&options)).await.map(drop),
        ErrorKind::Unauthenticated,
    );
    refused(office.show(&page, key.get(&options)).await.map(drop), ErrorKind::InvalidArgument);
    // A page is done with once somebody is signed in at it.
    let options = office.passkey_options(&page).await;
    let answer = key.get(&options);
    let answered = office.show(&page, answer.clone()).await.unwrap();
    refused(office.show(&page, answer).await.map(drop), ErrorKind::NotFound);
    // What came of it is fetched once, by who began.
    let LoginAnswered::Done { location } = &answered else { panic!("it is not done") };
    let code = location.split_once("code=").unwrap().1.to_owned();
    let thief = SsoFinish { code, verifier: "a guess".to_owned() };
    refused(office.proxy.finish_sso(&thief).await.map(drop), ErrorKind::Denied);
    let _credentials = office.finish(&page, answered).await;
    let again = SsoFinish { verifier: page.verifier.clone(), ..thief };
    refused(office.proxy.finish_sso(&again).await.map(drop), ErrorKind::NotFound);
    // Too late.
    let page = office.begin("passwordless").await.unwrap();
    let options = office.passkey_options(&page).await;
    office.cluster.clock.advance(Duration::from_secs(5 * 60));
    refused(office.show(&page, key.get(&options)).await.map(drop), ErrorKind::NotFound);
    let token = office.invite("bob").await;
    let options = office.wanted(&token, KeyUse::Passkey).await;
    office.cluster.clock.advance(Duration::from_secs(10 * 60));
    let late = office.answer(&token, Office::key().create(&options), false).await;
    refused(late, ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn a_copy_of_a_key_is_noticed() {
    let office = Office::open().await;
    let mut key = office.enrol("alice", KeyUse::Passkey).await;
    let mut copy = key.clone();
    let _signed_in = office.sign_in(&mut key).await;
    let page = office.begin("passwordless").await.unwrap();
    let options = office.passkey_options(&page).await;
    let answered = office.show(&page, copy.get(&options)).await.map(drop);
    let error = refused(answered, ErrorKind::Unauthenticated);
    assert!(error.message().contains("copy"), "{error}");
    let cloned = &office.cluster.records_of("mfa.cloned").await[0];
    assert_eq!((&cloned["user"], &cloned["code"]), (&json!("alice"), &json!("TSM00W")));
    // A key that keeps no count says 0, for ever.
    let mut uncounted = office.enrol("bob", KeyUse::Passkey).await;
    for _ in 0..2 {
        uncounted.counts = false;
        let _signed_in = office.sign_in(&mut uncounted).await;
    }
}

#[tokio::test]
async fn another_users_key_does_not_go_with_a_password() {
    let office = Office::open().await;
    let mut alices = office.enrol("alice", KeyUse::SecondFactor).await;
    let mut bobs = office.enrol("bob", KeyUse::SecondFactor).await;
    let page = office.begin("local").await.unwrap();
    let options = office.type_password(&page, "alice").await.unwrap();
    refused(office.show(&page, bobs.get(&options)).await.map(drop), ErrorKind::Unauthenticated);
    // Bob's question, answered by Alice's key: at Bob's page, and at hers.
    let page = office.begin("local").await.unwrap();
    let options = office.type_password(&page, "bob").await.unwrap();
    refused(office.show(&page, alices.get(&options)).await.map(drop), ErrorKind::Unauthenticated);
    let other = office.begin("local").await.unwrap();
    let options = office.type_password(&page, "bob").await.unwrap();
    refused(office.show(&other, bobs.get(&options)).await.map(drop), ErrorKind::InvalidArgument);
    // A password without the key is nothing, and a key without the password neither.
    let failed = office.cluster.records_of("user.login").await;
    assert!(failed.iter().all(|login| login["success"] == false), "{failed:?}");
}

#[tokio::test]
async fn a_key_is_registered_as_it_was_asked_for() {
    let office = Office::open().await;
    let lies: [(&str, Lie); 6] = [
        ("another origin", |key| key.origin = "https://evil.example.com".to_owned()),
        ("another relying party", |key| key.rp_id = "evil.example.com".to_owned()),
        ("nobody touched it", |key| key.present = false),
        ("nobody was verified", |key| key.verified = false),
        ("an answer to another kind of question", |key| key.says = Some("webauthn.get")),
        ("a question of nobody's", |key| key.challenge = Some(URL_SAFE_NO_PAD.encode([9; 32]))),
    ];
    let token = office.invite("alice").await;
    for (what, lie) in lies {
        let options = office.wanted(&token, KeyUse::Passkey).await;
        let mut key = Office::key();
        lie(&mut key);
        let error = office.answer(&token, key.create(&options), false).await.expect_err(what);
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{what}: {error}");
    }
    // What was asked of a second factor makes no passkey.
    let options = office.wanted(&token, KeyUse::SecondFactor).await;
    let mut key = Office::key();
    let error = office.answer(&token, key.create(&options), false).await.unwrap_err();
    assert!(error.message().contains("password"), "{error}");
    // The question of another's link.
    let bobs = office.invite("bob").await;
    let options = office.wanted(&bobs, KeyUse::Passkey).await;
    refused(office.answer(&token, key.create(&options), false).await, ErrorKind::InvalidArgument);
    // A key that somebody has already is nobody else's.
    let options = office.wanted(&bobs, KeyUse::Passkey).await;
    let mut key = Office::key();
    office.answer(&bobs, key.create(&options), false).await.unwrap();
    let options = office.wanted(&token, KeyUse::Passkey).await;
    office.answer(&token, key.create(&options), false).await.unwrap_err();
}

#[tokio::test]
async fn the_clusters_rules_hold_for_keys() {
    let office = Office::open().await;
    let mut passkey = office.enrol("alice", KeyUse::Passkey).await;
    let mut key = office.enrol("bob", KeyUse::SecondFactor).await;
    let page = office.begin("passwordless").await.unwrap();
    let options = office.passkey_options(&page).await;
    let local = office.begin("local").await.unwrap();
    let keys = office.type_password(&local, "bob").await.unwrap();
    for rules in [json!({"second_factors": ["otp"]}), json!({"allow_local_auth": false})] {
        office.prefer(rules).await;
        refused(office.begin("passwordless").await.map(|_| ()), ErrorKind::Denied);
    }
    // What was asked before is not answered after.
    refused(office.show(&page, passkey.get(&options)).await.map(drop), ErrorKind::Unauthenticated);
    refused(office.show(&local, key.get(&keys)).await.map(drop), ErrorKind::Unauthenticated);
    office.prefer(json!({"allow_passwordless": false})).await;
    refused(office.begin("passwordless").await.map(|_| ()), ErrorKind::Denied);
    let token = office.invite("carol").await;
    let details = office.proxy.read_invite(&token).await.unwrap();
    assert_eq!(details.keys.len(), 1, "a passkey is offered");
    office.prefer(json!({"second_factor": "webauthn"})).await;
    let details = office.proxy.read_invite(&token).await.unwrap();
    assert!(details.totp.is_none() && details.keys.len() == 2);
    let ping = office.proxy.ping().await.unwrap();
    assert!(ping.sign_in.unwrap().needs_browser);
    // Keys are for one host name: those of a former one are not asked.
    office.prefer(json!({"webauthn": {"rp_id": "example.test"}})).await;
    let local = office.begin("local").await.unwrap();
    refused(office.type_password(&local, "bob").await, ErrorKind::Unauthenticated);
    // And where no proxy has the name, none can be used.
    office.prefer(json!({"webauthn": {"rp_id": "elsewhere.test"}})).await;
    assert!(office.proxy.read_invite(&token).await.unwrap().keys.is_empty());
    // Only a maker that is known: this key tells of none.
    let maker = office.cluster.auth.authorities().host.remove(0);
    office.prefer(json!({"webauthn": {"attestation_allowed_cas": [maker]}})).await;
    let options = office.wanted(&token, KeyUse::SecondFactor).await;
    assert_eq!(options["attestation"], "direct");
    let error = office.answer(&token, Office::key().create(&options), true).await.unwrap_err();
    assert!(error.message().contains("maker"), "{error}");
}
