//! Second factors for one session: who gets a certificate for it, what it says, and every way to be refused.

use std::time::Duration;

use api::wire::{
    InvitePurpose, InviteRequest, MfaBegin, MfaDeviceKind, SessionCertificate, SessionMfaAnswer,
    SessionMfaAnswered, SessionMfaFinish, SessionMfaPage, SessionMfaRead, SessionMfaStart,
    SessionMfaTyped, SessionWish, SignInRequest, VisitRequest,
};
use api::{Client, Error, ErrorKind};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pki::{BoundApp, Certificate, PrivateKey, SecondFactors, Service, UserIdentity};
use resource::{Kind, Lock, LockTarget, User};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::cluster::{Cluster, credentials, refused, role_with};
use crate::clusters::friends;
use crate::keys::{CLIENT, Office};
use crate::sign_in::{PASSWORD, Person};

const BROWSER: &str = "one browser";
const CALLBACK: &str = "http://127.0.0.1:4000/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const VERIFIER: &str = "a secret of the process that asks";

/// Somebody who signed in.
struct Asker {
    person: Person,
    client: Client,
    certificate: String,
    /// Of the sign-in.
    key: PrivateKey,
}

/// A session certificate that came.
struct Session {
    key: PrivateKey,
    issued: SessionCertificate,
}

// === impl Asker ===

impl Asker {
    async fn new(cluster: &Cluster, name: &str) -> Self {
        let person = Person::invite(cluster, name, &["access"]).await;
        Self::again(cluster, person).await
    }

    async fn again(cluster: &Cluster, person: Person) -> Self {
        let key = PrivateKey::generate().unwrap();
        let request = SignInRequest {
            user: person.name.clone(),
            password: PASSWORD.to_owned(),
            totp: Some(person.code(cluster)),
            public_key: key.public().to_pem(),
            ttl_seconds: None,
            client_addr: Some(CLIENT.to_owned()),
        };
        let certificate = person.proxy.sign_in(&request).await.unwrap().certificate;
        cluster.clock.advance(Duration::from_secs(60));
        let client = cluster.client(Some(credentials(&certificate, &key)));
        Self { person, client, certificate, key }
    }

    fn identity(&self) -> UserIdentity {
        identity(&self.certificate)
    }

    async fn device(&self, kind: MfaDeviceKind) -> String {
        let devices = self.client.mfa_devices().await.unwrap().devices;
        devices.into_iter().find(|device| device.kind == kind).unwrap().id
    }

    async fn typed(&self, wish: SessionWish, code: &str) -> Result<SessionCertificate, Error> {
        self.client.type_session_mfa(&SessionMfaTyped { wish, code: code.to_owned() }).await
    }

    /// With a code that is good.
    async fn session(&self, cluster: &Cluster, app: &str, there: Option<&str>) -> Session {
        let key = PrivateKey::generate().unwrap();
        let wish = SessionWish { cluster: there.map(str::to_owned), ..wish(app, &key) };
        let issued = self.typed(wish, &self.person.code(cluster)).await.unwrap();
        cluster.clock.advance(Duration::from_secs(60));
        Session { key, issued }
    }

    async fn start(&self, key: &PrivateKey) -> Result<String, Error> {
        let started = self.client.start_session_mfa(&start(wish("files", key))).await?;
        Ok(started.url.rsplit('/').next().unwrap().to_owned())
    }

    async fn finish(&self, answered: &SessionMfaAnswered) -> Result<SessionCertificate, Error> {
        self.client.finish_session_mfa(&finish(answered)).await
    }
}

// === impl Office ===

impl Office {
    async fn session_page(&self, token: &str, browser: &str) -> Result<SessionMfaPage, Error> {
        let read = SessionMfaRead { binding: browser.to_owned() };
        self.proxy.read_session_mfa(token, &read).await
    }

    async fn show_code(&self, token: &str, code: &str) -> Result<SessionMfaAnswered, Error> {
        let answer = SessionMfaAnswer { code: Some(code.to_owned()), ..shown() };
        self.proxy.answer_session_mfa(token, &answer).await
    }
}

fn wish(app: &str, key: &PrivateKey) -> SessionWish {
    SessionWish { app: app.to_owned(), cluster: None, public_key: key.public().to_pem() }
}

fn start(wish: SessionWish) -> SessionMfaStart {
    SessionMfaStart {
        wish,
        machine: "alice's\u{202e} desk\u{1b}[2J".to_owned(),
        callback: CALLBACK.to_owned(),
        challenge: URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER)),
    }
}

fn shown() -> SessionMfaAnswer {
    SessionMfaAnswer {
        binding: BROWSER.to_owned(),
        client_addr: Some(CLIENT.to_owned()),
        ..SessionMfaAnswer::default()
    }
}

fn finish(answered: &SessionMfaAnswered) -> SessionMfaFinish {
    let code = answered.location.strip_prefix(&format!("{CALLBACK}?code=")).unwrap().to_owned();
    SessionMfaFinish { code, verifier: VERIFIER.to_owned() }
}

fn identity(pem: &str) -> UserIdentity {
    let identity = Certificate::from_pem(pem).unwrap().unverified_identity().unwrap();
    identity.as_user().unwrap().clone()
}

#[tokio::test]
async fn what_comes_of_a_code_is_good_for_one_app_and_says_nothing_more() {
    let office = Office::open().await;
    let cluster = &office.cluster;
    let alice = Asker::new(cluster, "alice").await;
    let (before, device) = (alice.identity(), alice.device(MfaDeviceKind::Totp).await);
    let Session { key, issued } = alice.session(cluster, "files", None).await;
    let session = identity(&issued.certificate);
    let expected = UserIdentity {
        mfa: SecondFactors { at_sign_in: Some(device.clone()), for_session: Some(device.clone()) },
        app: Some(BoundApp::Here("files".to_owned())),
        issued: session.issued,
        ..before.clone()
    };
    assert_eq!(session, expected);
    assert_eq!(issued.valid_until, before.expires);
    let certificate = Certificate::from_pem(&issued.certificate).unwrap();
    assert_eq!(certificate.public_key().unwrap(), key.public());
    let told = cluster.records_of("session_mfa.shown").await.pop().unwrap();
    for (name, value) in [
        ("code", json!("TSM04I")),
        ("user", json!("alice")),
        ("app_name", json!("files")),
        ("with_mfa", json!(device)),
    ] {
        assert_eq!(told[name], value, "{told}");
    }

    // It asks for nothing, another of its kind least of all.
    let with_it = cluster.client(Some(credentials(&issued.certificate, &key)));
    refused(with_it.who_am_i().await.map(drop), ErrorKind::Denied);
    let other = PrivateKey::generate().unwrap();
    let code = alice.person.code(cluster);
    let asked = SessionMfaTyped { wish: wish("other", &other), code: code.clone() };
    refused(with_it.type_session_mfa(&asked).await, ErrorKind::Denied);
    refused(
        with_it.start_session_mfa(&start(wish("other", &other))).await.map(drop),
        ErrorKind::Denied,
    );
    // The code was not spent by that, and is good once.
    alice.typed(wish("other", &other), &code).await.unwrap();
    refused(alice.typed(wish("other", &other), &code).await, ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn it_ends_with_the_user_and_not_after_the_certificate() {
    let office = Office::open().await;
    let cluster = &office.cluster;
    let alice = Asker::new(cluster, "alice").await;
    let mut user = User::new("alice", ["access"]);
    let end = cluster.clock.now() + Duration::from_secs(600);
    user.spec.expires = Some(end);
    cluster.put(user).await;
    let Session { issued, .. } = alice.session(cluster, "files", None).await;
    assert_eq!(issued.valid_until.unix_timestamp(), end.unix_timestamp());
    assert!(issued.valid_until < alice.identity().expires);
    assert_eq!(identity(&issued.certificate).expires, issued.valid_until);
}

#[tokio::test]
async fn only_a_device_that_is_shown_gives_one() {
    let office = Office::open().await;
    office.prefer(json!({"allow_recovery_codes": true})).await;
    let cluster = &office.cluster;
    let alice = Asker::new(cluster, "alice").await;
    let bob = Asker::new(cluster, "bob").await;
    let key = PrivateKey::generate().unwrap();
    for code in ["", "000000", "AAAA-AAAA-AAAA", &bob.person.code(cluster)] {
        alice.typed(wish("files", &key), code).await.unwrap_err();
    }
    let told = cluster.records_of("session_mfa.shown").await;
    let codes: Vec<_> = told.iter().map(|record| &record["code"]).collect();
    assert_eq!(codes, ["TSM04W"; 3], "nothing typed is no attempt");
    // The key that is on the disk beside the certificate is not enough to use what comes of it.
    let own = alice.typed(wish("files", &alice.key), &alice.person.code(cluster)).await;
    refused(own, ErrorKind::InvalidArgument);
    for name in [String::new(), "a\nb".to_owned(), "x".repeat(256)] {
        let code = alice.person.code(cluster);
        refused(alice.typed(wish(&name, &key), &code).await, ErrorKind::InvalidArgument);
    }
    let elsewhere = SessionWish { cluster: Some("nowhere".to_owned()), ..wish("files", &key) };
    refused(alice.typed(elsewhere, &alice.person.code(cluster)).await, ErrorKind::NotFound);
    let longest = "x".repeat(253);
    alice.typed(wish(&longest, &key), &alice.person.code(cluster)).await.unwrap();
    cluster.clock.advance(Duration::from_secs(60));
    // A code that is written down proves no device.
    let (_secret, codes) = office.enrol_with_codes("carol").await;
    cluster.clock.advance(Duration::from_secs(60));
    let request = SignInRequest {
        user: "carol".to_owned(),
        password: PASSWORD.to_owned(),
        totp: Some(codes[0].clone()),
        public_key: key.public().to_pem(),
        ttl_seconds: None,
        client_addr: Some(CLIENT.to_owned()),
    };
    let carol = office.proxy.sign_in(&request).await.unwrap();
    let carol = cluster.client(Some(credentials(&carol.certificate, &key)));
    let other = PrivateKey::generate().unwrap();
    let asked = SessionMfaTyped { wish: wish("files", &other), code: codes[1].clone() };
    refused(carol.type_session_mfa(&asked).await, ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn codes_are_guessed_no_more_often_than_elsewhere() {
    let office = Office::open().await;
    let alice = Asker::new(&office.cluster, "alice").await;
    let key = PrivateKey::generate().unwrap();
    for _ in 0..5 {
        refused(alice.typed(wish("files", &key), "000000").await, ErrorKind::Unauthenticated);
    }
    let code = alice.person.code(&office.cluster);
    refused(alice.typed(wish("files", &key), &code).await, ErrorKind::RateLimited);
}

#[tokio::test]
async fn who_is_no_person_with_a_device_is_told_so() {
    let office = Office::open().await;
    let cluster = &office.cluster;
    let key = PrivateKey::generate().unwrap();
    // Certified by an administrator, without having set anything.
    let nobody = cluster.user("nobody", &["access"]).await;
    let service = cluster.host(&[Service::App]).await.client;
    for caller in [&nobody, &service, &cluster.admin] {
        let asked = SessionMfaTyped { wish: wish("files", &key), code: "000000".to_owned() };
        refused(caller.type_session_mfa(&asked).await, ErrorKind::Denied);
        let asked = start(wish("files", &key));
        refused(caller.start_session_mfa(&asked).await.map(drop), ErrorKind::Denied);
    }
    let alice = Asker::new(cluster, "alice").await;
    // Where the cluster takes no codes, an authenticator app is nothing to show.
    office.prefer(json!({"second_factors": ["webauthn"]})).await;
    let code = alice.person.code(cluster);
    let error = refused(alice.typed(wish("files", &key), &code).await, ErrorKind::Denied);
    assert!(error.hints().iter().any(|hint| hint.contains("tsh mfa add")), "{error:?}");
}

#[tokio::test]
async fn a_page_is_for_one_browser_and_what_comes_of_it_for_who_asked() {
    let office = Office::open().await;
    let cluster = &office.cluster;
    let alice = Asker::new(cluster, "alice").await;
    let key = PrivateKey::generate().unwrap();
    let secret = "A".repeat(43);
    for callback in [
        format!("https://evil.example.com/{secret}"),
        format!("http://evil.example.com:1/{secret}"),
        // What tsh does not listen at: something else of the person's machine.
        "http://127.0.0.1:8080/admin/delete".to_owned(),
        "http://127.0.0.1:8080/".to_owned(),
        format!("http://127.0.0.1:8080/x/{secret}"),
        format!("http://127.0.0.1:8080/{secret}A"),
        format!("http://127.0.0.1:8080/{}.", "A".repeat(42)),
        format!("http://127.0.0.1:8080/{secret}?a=b"),
    ] {
        let elsewhere = SessionMfaStart { callback, ..start(wish("files", &key)) };
        let asked = alice.client.start_session_mfa(&elsewhere).await.map(drop);
        refused(asked, ErrorKind::InvalidArgument);
    }
    // The page shows names of apps, and says nothing else by them.
    let invisible = "files\u{202e}";
    for app in ["", ".", "a/b", "files ", invisible, &"a".repeat(300)] {
        let asked = alice.client.start_session_mfa(&start(wish(app, &key))).await.map(drop);
        refused(asked, ErrorKind::InvalidArgument);
    }

    let token = alice.start(&key).await.unwrap();
    let page = office.session_page(&token, BROWSER).await.unwrap();
    assert_eq!((page.user.as_str(), page.app.as_str(), page.cluster), ("alice", "files", None));
    assert_eq!((page.machine.as_str(), page.codes), ("alice's desk[2J", true));
    assert!(page.client_addr.is_some_and(|address| address.starts_with("127.0.0.1")));
    refused(office.session_page(&token, "another browser").await.map(drop), ErrorKind::NotFound);
    let stolen = SessionMfaAnswer {
        binding: "another browser".to_owned(),
        code: Some(alice.person.code(cluster)),
        ..shown()
    };
    let answered = office.proxy.answer_session_mfa(&token, &stolen).await.map(drop);
    refused(answered, ErrorKind::NotFound);
    let nothing = office.proxy.answer_session_mfa(&token, &shown()).await.map(drop);
    refused(nothing, ErrorKind::InvalidArgument);
    refused(office.show_code(&token, "000000").await.map(drop), ErrorKind::Unauthenticated);
    let answered = office.show_code(&token, &alice.person.code(cluster)).await.unwrap();
    cluster.clock.advance(Duration::from_secs(30));
    // The page is over.
    refused(office.session_page(&token, BROWSER).await.map(drop), ErrorKind::NotFound);
    let again = office.show_code(&token, &alice.person.code(cluster)).await.map(drop);
    refused(again, ErrorKind::NotFound);

    // Who sees the code has nothing of it,
    let guessed = SessionMfaFinish { verifier: "guessed".to_owned(), ..finish(&answered) };
    refused(alice.client.finish_session_mfa(&guessed).await, ErrorKind::Denied);
    // also with the secret: not somebody else,
    let bob = Asker::new(cluster, "bob").await;
    let token = alice.start(&key).await.unwrap();
    let _page = office.session_page(&token, BROWSER).await.unwrap();
    let answered = office.show_code(&token, &alice.person.code(cluster)).await.unwrap();
    cluster.clock.advance(Duration::from_secs(30));
    refused(bob.finish(&answered).await, ErrorKind::Denied);
    // and not another sign-in of the same user.
    let again = cluster.certified("alice", None).await;
    refused(again.finish_session_mfa(&finish(&answered)).await, ErrorKind::Denied);
    let issued = alice.finish(&answered).await.unwrap();
    let certificate = Certificate::from_pem(&issued.certificate).unwrap();
    assert_eq!(certificate.public_key().unwrap(), key.public());
    refused(alice.finish(&answered).await, ErrorKind::NotFound);
    let told = cluster.records_of("session_mfa.shown").await.pop().unwrap();
    assert_eq!(told["machine"], json!("alice's desk[2J"));
}

#[tokio::test]
async fn pages_and_codes_end_by_themselves_and_by_a_no() {
    let office = Office::open().await;
    let cluster = &office.cluster;
    let alice = Asker::new(cluster, "alice").await;
    let key = PrivateKey::generate().unwrap();
    let token = alice.start(&key).await.unwrap();
    let _page = office.session_page(&token, BROWSER).await.unwrap();
    let no = SessionMfaAnswer { reject: true, ..shown() };
    let answered = office.proxy.answer_session_mfa(&token, &no).await.unwrap();
    assert!(answered.rejected);
    let error = refused(alice.finish(&answered).await, ErrorKind::Denied);
    assert!(error.message().contains("rejected"), "{error}");
    let told = cluster.records_of("session_mfa.shown").await.pop().unwrap();
    assert_eq!((&told["code"], &told["addr.remote"]), (&json!("TSM04W"), &json!(CLIENT)));

    let token = alice.start(&key).await.unwrap();
    let _page = office.session_page(&token, BROWSER).await.unwrap();
    let answered = office.show_code(&token, &alice.person.code(cluster)).await.unwrap();
    cluster.clock.advance(Duration::from_secs(60));
    refused(alice.finish(&answered).await, ErrorKind::NotFound);

    office.announce().await;
    let token = alice.start(&key).await.unwrap();
    cluster.clock.advance(Duration::from_secs(5 * 60));
    refused(office.session_page(&token, BROWSER).await.map(drop), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_key_that_is_shown_is_in_it_and_its_lock_and_its_removal_count() {
    let office = Office::open().await;
    let cluster = &office.cluster;
    let alice = Asker::new(cluster, "alice").await;
    let mut key = office.add_key(&alice.person, &alice.client, MfaDeviceKind::Key).await;
    let (app, device) =
        (alice.device(MfaDeviceKind::Totp).await, alice.device(MfaDeviceKind::Key).await);
    let memory = PrivateKey::generate().unwrap();
    let mut approved = async || {
        office.announce().await;
        let token = alice.start(&memory).await.unwrap();
        let options = office.session_page(&token, BROWSER).await.unwrap().key.unwrap();
        let answer = SessionMfaAnswer { key: Some(key.get(&options)), ..shown() };
        office.proxy.answer_session_mfa(&token, &answer).await
    };
    let issued = alice.finish(&approved().await.unwrap()).await.unwrap();
    let shown = SecondFactors { at_sign_in: Some(app), for_session: Some(device.clone()) };
    assert_eq!(identity(&issued.certificate).mfa, shown);

    // Locked between the page and who asked, and before the page.
    let answered = approved().await.unwrap();
    let target = LockTarget { mfa_device: Some(device.clone()), ..LockTarget::default() };
    cluster.put(Lock::new("lost", target, "lost on the train")).await;
    refused(alice.finish(&answered).await, ErrorKind::Denied);
    refused(approved().await.map(drop), ErrorKind::Denied);
    cluster.admin.delete(Kind::Lock, "lost").await.unwrap();

    // Removed in between.
    let answered = approved().await.unwrap();
    let begin = MfaBegin { remove: Some(device), terminal: true, ..MfaBegin::default() };
    let begun = alice.client.begin_mfa(&begin).await.unwrap();
    let code = Some(alice.person.code(cluster));
    let answer = api::wire::MfaAnswer { code, ..api::wire::MfaAnswer::default() };
    alice.client.answer_mfa(&begun.token, &answer).await.unwrap();
    refused(alice.finish(&answered).await, ErrorKind::NotFound);
}

#[tokio::test]
async fn a_reset_ends_what_was_approved() {
    let office = Office::open().await;
    let cluster = &office.cluster;
    let alice = Asker::new(cluster, "alice").await;
    let key = PrivateKey::generate().unwrap();
    let (asked, waiting) = (alice.start(&key).await.unwrap(), alice.start(&key).await.unwrap());
    let _page = office.session_page(&asked, BROWSER).await.unwrap();
    let answered = office.show_code(&asked, &alice.person.code(cluster)).await.unwrap();
    let reset = InviteRequest { purpose: InvitePurpose::Reset, ttl_seconds: None };
    cluster.admin.create_invite("alice", &reset).await.unwrap();
    // The certificate itself is locked with the device.
    refused(alice.finish(&answered).await, ErrorKind::Denied);
    refused(office.session_page(&waiting, BROWSER).await.map(drop), ErrorKind::NotFound);
}

#[tokio::test]
async fn one_for_an_app_of_another_cluster_leads_to_that_app_and_is_good_for_nothing_here() {
    let (root, _leaf) = friends().await;
    root.put(role_with("access", |allow| {
        allow.mcp.tools = Some(vec!["slack_*".to_owned()]);
    }))
    .await;
    let alice = Asker::new(&root, "alice").await;
    let proxy = root.host(&[Service::Proxy]).await.client;
    let visit = async |pem: &str, app: Option<&str>| {
        let request = VisitRequest {
            certificate: pem.to_owned(),
            app: app.map(str::to_owned),
            client_addr: Some(CLIENT.to_owned()),
        };
        proxy.visit("leaf.test", &request).await
    };
    let there = alice.session(&root, "github", Some("leaf.test")).await.issued.certificate;
    let bound = BoundApp::elsewhere("leaf.test".to_owned(), "github".to_owned());
    assert_eq!(identity(&there).app, Some(bound));
    let evidence = visit(&there, Some("github")).await.unwrap();
    let visitor = identity(&evidence.certificate);
    assert_eq!(visitor.app, Some(BoundApp::Here("github".to_owned())));
    assert!(visitor.mfa.are_fresh() && !alice.identity().mfa.are_fresh());
    refused(visit(&there, Some("other")).await, ErrorKind::Denied);
    refused(visit(&there, None).await, ErrorKind::Denied);
    // What the certificate of the sign-in leads to says nothing of a session.
    let evidence = visit(&alice.certificate, Some("github")).await.unwrap();
    assert!(!identity(&evidence.certificate).mfa.are_fresh());
    // One for the app of that name here does not lead there.
    let here = alice.session(&root, "github", Some("root.test")).await.issued.certificate;
    assert_eq!(identity(&here).app, Some(BoundApp::Here("github".to_owned())));
    refused(visit(&here, Some("github")).await, ErrorKind::Denied);
}

#[tokio::test]
async fn what_is_not_taken_any_more_when_it_is_fetched_gives_nothing() {
    let office = Office::open().await;
    let cluster = &office.cluster;
    let alice = Asker::new(cluster, "alice").await;
    let key = PrivateKey::generate().unwrap();
    let token = alice.start(&key).await.unwrap();
    let _page = office.session_page(&token, BROWSER).await.unwrap();
    let answered = office.show_code(&token, &alice.person.code(cluster)).await.unwrap();
    office.prefer(json!({"second_factors": ["webauthn"]})).await;
    refused(alice.finish(&answered).await.map(drop), ErrorKind::NotFound);
}
