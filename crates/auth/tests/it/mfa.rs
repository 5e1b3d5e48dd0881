//! Devices that users add and remove, codes for when they are lost, and machines without a browser.

use std::time::Duration;

use api::wire::{
    InviteAnswer, InvitePurpose, InviteRequest, LoginAnswer, MfaAnswer, MfaBegin, MfaBegun,
    MfaDeviceKind, MfaPage, MfaRead, MfaStage, SignInRequest, SsoBegun,
};
use api::{Client, Error, ErrorKind};
use pki::PrivateKey;
use resource::{Kind, Lock, LockTarget, Resource, Secrets};
use serde_json::{Value, json};

use crate::cluster::{credentials, refused};
use crate::keys::{CLIENT, Office};
use crate::sign_in::{PASSWORD, Person, code};
use crate::soft_key::SoftKey;

const BROWSER: &str = "one browser";

impl Office {
    /// A person with a password and an app, and a client with the certificate that they gave.
    async fn person(&self, name: &str) -> (Person, Client) {
        let person = Person::invite(&self.cluster, name, &["access"]).await;
        let key = PrivateKey::generate().unwrap();
        let request = SignInRequest {
            user: name.to_owned(),
            password: PASSWORD.to_owned(),
            totp: Some(person.code(&self.cluster)),
            public_key: key.public().to_pem(),
            ttl_seconds: None,
            client_addr: Some(CLIENT.to_owned()),
        };
        let signed_in = self.proxy.sign_in(&request).await.unwrap();
        self.cluster.clock.advance(Duration::from_secs(60));
        (person, self.cluster.client(Some(credentials(&signed_in.certificate, &key))))
    }

    /// Somebody with a password and an app: its secret, and the codes to write down.
    pub(crate) async fn enrol_with_codes(&self, name: &str) -> (String, Vec<String>) {
        let token = self.invite(name).await;
        let secret = self.proxy.read_invite(&token).await.unwrap().totp.unwrap().secret;
        let answer = InviteAnswer {
            password: Some(PASSWORD.to_owned()),
            totp: Some(code_of(self, &secret)),
            ..InviteAnswer::default()
        };
        let answered = self.proxy.answer_invite(&token, &answer).await.unwrap();
        (secret, answered.recovery_codes)
    }

    /// A client of somebody who signed in with a password and a security key.
    async fn by_key(&self, name: &str, key: &mut SoftKey) -> Client {
        let page = self.begin("local").await.unwrap();
        let options = self.type_password(&page, name).await.unwrap();
        let answered = self.show(&page, key.get(&options)).await.unwrap();
        let signed_in = self.finish(&page, answered).await;
        self.cluster.client(Some(credentials(&signed_in.certificate, &page.key)))
    }

    async fn page(&self, begun: &MfaBegun, browser: &str) -> Result<MfaPage, Error> {
        let read = MfaRead { binding: browser.to_owned() };
        self.proxy.read_mfa_page(&begun.token, &read).await
    }

    async fn at_page(&self, begun: &MfaBegun, answer: MfaAnswer) -> Result<Option<String>, Error> {
        let answer = MfaAnswer { binding: BROWSER.to_owned(), ..answer };
        self.proxy.answer_mfa_page(&begun.token, &answer).await.map(|answered| answered.done)
    }

    /// Adds a key at a page, after a code.
    pub(crate) async fn add_key(
        &self,
        person: &Person,
        client: &Client,
        kind: MfaDeviceKind,
    ) -> SoftKey {
        let begun = client.begin_mfa(&add(kind, None)).await.unwrap();
        let _page = self.page(&begun, BROWSER).await.unwrap();
        let code = Some(person.code(&self.cluster));
        assert_eq!(
            self.at_page(&begun, MfaAnswer { code, ..MfaAnswer::default() }).await.unwrap(),
            None
        );
        let MfaStage::Key { options } = self.page(&begun, BROWSER).await.unwrap().stage else {
            panic!("no key is asked")
        };
        let mut key = Self::key();
        let answer = MfaAnswer { key: Some(key.create(&options)), ..MfaAnswer::default() };
        assert!(self.at_page(&begun, answer).await.unwrap().is_some());
        self.cluster.clock.advance(Duration::from_secs(60));
        key
    }
}

fn add(kind: MfaDeviceKind, name: Option<&str>) -> MfaBegin {
    MfaBegin { kind: Some(kind), name: name.map(str::to_owned), ..MfaBegin::default() }
}

fn remove(name: &str) -> MfaBegin {
    MfaBegin { remove: Some(name.to_owned()), ..MfaBegin::default() }
}

pub(crate) fn state_of(begun: &SsoBegun) -> String {
    begun.location.rsplit('/').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_device_is_added_and_removed_after_one_that_is_there() {
    let office = Office::open().await;
    let (person, client) = office.person("alice").await;
    let first = client.mfa_devices().await.unwrap().devices;
    assert_eq!(
        (first.len(), first[0].kind, first[0].name.as_str()),
        (1, MfaDeviceKind::Totp, "authenticator")
    );
    assert!(first[0].last_used.is_some());

    // The last device stays while a second factor is demanded.
    let last = client.begin_mfa(&remove("authenticator")).await.map(drop);
    let error = refused(last, ErrorKind::Denied);
    assert!(error.message().contains("last"), "{error}");
    refused(client.begin_mfa(&remove("no such thing")).await.map(drop), ErrorKind::NotFound);

    let mut key = office.add_key(&person, &client, MfaDeviceKind::Key).await;
    let named = add(MfaDeviceKind::Key, Some("security-key"));
    refused(client.begin_mfa(&named).await.map(drop), ErrorKind::AlreadyExists);
    let added = office.cluster.records_of("mfa.add").await.pop().unwrap();
    assert_eq!(
        (&added["user"], &added["mfa_device_name"]),
        (&json!("alice"), &json!("security-key"))
    );

    // The key opens what the app opened, and then the app may go: by the key.
    let begun = client.begin_mfa(&remove("authenticator")).await.unwrap();
    let MfaStage::Verify { key: Some(options), .. } =
        office.page(&begun, BROWSER).await.unwrap().stage
    else {
        panic!("no key is asked")
    };
    let answer = MfaAnswer { key: Some(key.get(&options)), ..MfaAnswer::default() };
    assert_eq!(office.at_page(&begun, answer).await.unwrap().as_deref(), Some("authenticator"));
    let gone = office.cluster.records_of("mfa.delete").await.pop().unwrap();
    assert_eq!((&gone["mfa_device_type"], &gone["code"]), (&json!("TOTP"), &json!("T1007I")));
    // So does what was got with it.
    refused(client.mfa_devices().await.map(drop), ErrorKind::Denied);
    let client = office.by_key("alice", &mut key).await;
    refused(client.begin_mfa(&remove("security-key")).await.map(drop), ErrorKind::Denied);
    office.prefer(json!({"second_factor": "off"})).await;
    client.begin_mfa(&remove("security-key")).await.unwrap();
    // A key whose user is gone is nobody's.
    office.cluster.admin.delete(Kind::User, "alice").await.unwrap();
    refused(client.mfa_devices().await.map(drop), ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn what_was_got_with_a_device_ends_with_it_and_nothing_else_does() {
    let office = Office::open().await;
    let cluster = &office.cluster;
    let (person, client) = office.person("alice").await;
    let (_bob, bobs) = office.person("bob").await;
    let mut key = office.add_key(&person, &client, MfaDeviceKind::Key).await;
    let by_key = office.by_key("alice", &mut key).await;
    let begun = by_key.begin_mfa(&remove("authenticator")).await.unwrap();
    for known in [&client, &by_key, &bobs] {
        known.mfa_devices().await.unwrap();
    }
    let MfaStage::Verify { key: Some(options), .. } =
        office.page(&begun, BROWSER).await.unwrap().stage
    else {
        panic!("no key is asked")
    };
    let answer = MfaAnswer { key: Some(key.get(&options)), ..MfaAnswer::default() };
    office.at_page(&begun, answer).await.unwrap();

    let error = refused(client.mfa_devices().await.map(drop), ErrorKind::Denied);
    assert!(
        error.hints().iter().any(|hint| hint.contains("\"authenticator\" was removed")),
        "{error:?}"
    );
    for known in [&by_key, &bobs] {
        known.mfa_devices().await.unwrap();
    }
    // It is a lock that everybody can see, and that ends when no certificate can name the device any more.
    let name = format!("removed-device-{}", begun.device);
    let lock = cluster.admin.get(Kind::Lock, &name, Secrets::Redact).await.unwrap();
    let Resource::Lock(lock) = lock else { panic!("{lock:?}") };
    let target = LockTarget {
        user: Some("alice".to_owned()),
        mfa_device: Some(begun.device.clone()),
        ..LockTarget::default()
    };
    assert_eq!((&lock.spec.target, lock.spec.created_by.as_str()), (&target, "alice"));
    let longest = cluster.clock.now() + Duration::from_secs(30 * 60 * 60);
    assert!(lock.metadata.expires.is_some_and(|end| longest < end), "{lock:?}");
    let told = cluster.records_of("lock.created").await.pop().unwrap();
    assert_eq!((&told["user"], &told["name"]), (&json!("alice"), &json!(name)));
}

#[tokio::test]
async fn a_reset_ends_what_was_got_with_the_devices() {
    let office = Office::open().await;
    let cluster = &office.cluster;
    let (_person, client) = office.person("alice").await;
    let (_bob, bobs) = office.person("bob").await;
    client.mfa_devices().await.unwrap();
    let reset = InviteRequest { purpose: InvitePurpose::Reset, ttl_seconds: None };
    cluster.admin.create_invite("alice", &reset).await.unwrap();
    let error = refused(client.who_am_i().await.map(drop), ErrorKind::Denied);
    assert!(error.hints().iter().any(|hint| hint.contains("was removed")), "{error:?}");
    bobs.who_am_i().await.unwrap();
    let told = cluster.records_of("lock.created").await.pop().unwrap();
    assert_ne!(told["user"], json!("alice"), "{told}");
    // Again there is nothing to lock.
    cluster.admin.create_invite("alice", &reset).await.unwrap();
    assert_eq!(cluster.records_of("lock.created").await.len(), 1);
}

#[tokio::test]
async fn so_many_devices_are_removed_in_a_day_and_no_more() {
    let office = Office::open().await;
    let cluster = &office.cluster;
    let (person, client) = office.person("alice").await;
    let _key = office.add_key(&person, &client, MfaDeviceKind::Key).await;
    for n in 0..32 {
        client.begin_mfa(&remove("security-key")).await.unwrap();
        let target = LockTarget { user: Some("alice".to_owned()), ..LockTarget::default() };
        let target = LockTarget { mfa_device: Some(format!("former {n}")), ..target };
        cluster.put(Lock::new(format!("removed-device-{n}"), target, "")).await;
    }
    let more = client.begin_mfa(&remove("security-key")).await.map(drop);
    let error = refused(more, ErrorKind::Denied);
    assert!(error.message().contains("32 devices"), "{error}");
}

#[tokio::test]
async fn a_certificate_alone_adds_nothing() {
    let office = Office::open().await;
    let (person, client) = office.person("alice").await;
    let (_bob, bobs) = office.person("bob").await;
    let begun = client.begin_mfa(&add(MfaDeviceKind::Key, None)).await.unwrap();
    let _page = office.page(&begun, BROWSER).await.unwrap();
    for answer in [
        MfaAnswer::default(),
        MfaAnswer { password: Some(PASSWORD.to_owned()), ..MfaAnswer::default() },
        MfaAnswer { totp: Some(person.code(&office.cluster)), ..MfaAnswer::default() },
        MfaAnswer {
            key: Some(Office::key().create(&json!({
                "challenge": "AAAA", "user": {"id": "AAAA"},
            }))),
            ..MfaAnswer::default()
        },
    ] {
        refused(office.at_page(&begun, answer).await, ErrorKind::InvalidArgument);
    }
    let wrong = MfaAnswer { code: Some("000000".to_owned()), ..MfaAnswer::default() };
    refused(office.at_page(&begun, wrong).await, ErrorKind::Unauthenticated);
    // The page is for the browser that opened it first, also when the factor was shown there.
    refused(office.page(&begun, "another browser").await.map(drop), ErrorKind::NotFound);
    let code = Some(person.code(&office.cluster));
    let right = MfaAnswer { code: code.clone(), ..MfaAnswer::default() };
    assert_eq!(office.at_page(&begun, right).await.unwrap(), None);
    let stolen = MfaAnswer { binding: "another browser".to_owned(), ..MfaAnswer::default() };
    let answered = office.proxy.answer_mfa_page(&begun.token, &stolen).await.map(drop);
    refused(answered, ErrorKind::NotFound);
    // Nor does it go on in a terminal, or by anybody else.
    for caller in [&client, &bobs] {
        refused(
            caller.answer_mfa(&begun.token, &MfaAnswer::default()).await.map(drop),
            ErrorKind::NotFound,
        );
    }
    office.cluster.clock.advance(Duration::from_secs(10 * 60));
    office.announce().await;
    refused(office.page(&begun, BROWSER).await.map(drop), ErrorKind::NotFound);

    // In a terminal the code of the old app and that of the new one are both needed, and each is good once.
    let begin = MfaBegin { terminal: true, ..add(MfaDeviceKind::Totp, Some("new")) };
    let begun = client.begin_mfa(&begin).await.unwrap();
    let secret = begun.totp.as_ref().unwrap().secret.clone();
    let new = Some(code_of(&office, &secret));
    let answer = |code: Option<String>, totp: Option<String>| MfaAnswer {
        code,
        totp,
        ..MfaAnswer::default()
    };
    for (code, totp) in [(None, new.clone()), (Some("000000".to_owned()), new.clone())] {
        client.answer_mfa(&begun.token, &answer(code, totp)).await.unwrap_err();
    }
    let old = Some(person.code(&office.cluster));
    refused(
        bobs.answer_mfa(&begun.token, &answer(old.clone(), new.clone())).await.map(drop),
        ErrorKind::NotFound,
    );
    refused(office.page(&begun, BROWSER).await.map(drop), ErrorKind::NotFound);
    let done = client.answer_mfa(&begun.token, &answer(old.clone(), new)).await.unwrap();
    assert_eq!(done.done.as_deref(), Some("new"));
    let again = client.begin_mfa(&MfaBegin { terminal: true, ..remove("new") }).await.unwrap();
    refused(
        client.answer_mfa(&again.token, &answer(old, None)).await.map(drop),
        ErrorKind::Unauthenticated,
    );
    assert_eq!(client.mfa_devices().await.unwrap().devices.len(), 2);
}

pub(crate) fn code_of(office: &Office, secret: &str) -> String {
    code(secret, &office.cluster)
}

#[tokio::test]
async fn there_are_so_many_devices() {
    let office = Office::open().await;
    let (person, client) = office.person("alice").await;
    for n in 1..16 {
        let begin =
            MfaBegin { terminal: true, ..add(MfaDeviceKind::Totp, Some(&format!("app {n}"))) };
        let begun = client.begin_mfa(&begin).await.unwrap();
        let totp = Some(code_of(&office, &begun.totp.as_ref().unwrap().secret));
        let code = Some(person.code(&office.cluster));
        let answer = MfaAnswer { code, totp, ..MfaAnswer::default() };
        client.answer_mfa(&begun.token, &answer).await.unwrap();
        office.cluster.clock.advance(Duration::from_secs(30));
    }
    assert_eq!(client.mfa_devices().await.unwrap().devices.len(), 16);
    let more = client.begin_mfa(&add(MfaDeviceKind::Totp, Some("one more"))).await.map(drop);
    refused(more, ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn a_code_that_was_written_down_is_good_once_and_with_the_password() {
    let office = Office::open().await;
    office.prefer(json!({"allow_recovery_codes": true})).await;
    let (_secret, codes) = office.enrol_with_codes("alice").await;
    assert_eq!(codes.len(), 8);
    let sign_in = async |password: &str, code: &str| {
        let request = SignInRequest {
            user: "alice".to_owned(),
            password: password.to_owned(),
            totp: Some(code.to_owned()),
            public_key: PrivateKey::generate().unwrap().public().to_pem(),
            ttl_seconds: None,
            client_addr: Some(CLIENT.to_owned()),
        };
        office.proxy.sign_in(&request).await
    };
    refused(sign_in("not the password", &codes[0]).await.map(drop), ErrorKind::Unauthenticated);
    let mut other = codes[0].clone();
    let last = if other.pop() == Some('A') { 'B' } else { 'A' };
    other.push(last);
    refused(sign_in(PASSWORD, &other).await.map(drop), ErrorKind::Unauthenticated);
    let signed_in = sign_in(PASSWORD, &codes[0].to_lowercase()).await.unwrap();
    let certificate = pki::Certificate::from_pem(&signed_in.certificate).unwrap();
    let identity = certificate.unverified_identity().unwrap();
    assert!(identity.as_user().unwrap().mfa.newest().is_none(), "a code is no device");
    refused(sign_in(PASSWORD, &codes[0]).await.map(drop), ErrorKind::Unauthenticated);
    sign_in(PASSWORD, &codes[1]).await.unwrap();
    let used = office.cluster.records_of("recovery_code.used").await;
    let outcomes: Vec<&Value> = used.iter().map(|record| &record["code"]).collect();
    assert_eq!(outcomes, ["T1009W", "T1009I", "T1009W", "T1009I"]);
    assert_eq!(used.last().unwrap()["left"], 6);
    let told = serde_json::to_string(&office.cluster.records().await).unwrap();
    for code in &codes {
        assert!(!told.contains(code.as_str()) && !told.contains(&code.replace('-', "")));
    }
    // They are guessed no more often than anything else.
    for _ in 0..5 {
        sign_in(PASSWORD, &other).await.unwrap_err();
    }
    refused(sign_in(PASSWORD, &codes[2]).await.map(drop), ErrorKind::RateLimited);
    office.cluster.clock.advance(Duration::from_secs(15 * 60));
    // Where the cluster does not take them any more, they are worth nothing.
    office.prefer(json!({"allow_recovery_codes": false})).await;
    refused(sign_in(PASSWORD, &codes[2]).await.map(drop), ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn what_was_shown_before_a_reset_or_a_lock_adds_nothing_after_it() {
    let office = Office::open().await;
    let cluster = &office.cluster;
    let (mut person, client) = office.person("alice").await;
    let mut shown = Vec::new();
    for name in ["under-lock", "after-reset"] {
        let begun = client.begin_mfa(&add(MfaDeviceKind::Passkey, Some(name))).await.unwrap();
        let _page = office.page(&begun, BROWSER).await.unwrap();
        let code = Some(person.code(cluster));
        let answer = MfaAnswer { code, ..MfaAnswer::default() };
        assert_eq!(office.at_page(&begun, answer).await.unwrap(), None);
        cluster.clock.advance(Duration::from_secs(60));
        shown.push(begun);
    }
    let MfaStage::Key { options } = office.page(&shown[0], BROWSER).await.unwrap().stage else {
        panic!("no key is asked")
    };
    let answer = MfaAnswer { key: Some(Office::key().create(&options)), ..MfaAnswer::default() };
    let target = LockTarget { user: Some("alice".to_owned()), ..LockTarget::default() };
    cluster.put(Lock::new("stolen", target, "")).await;
    refused(office.at_page(&shown[0], answer).await, ErrorKind::Denied);
    cluster.admin.delete(Kind::Lock, "stolen").await.unwrap();

    let reset = InviteRequest { purpose: InvitePurpose::Reset, ttl_seconds: None };
    let invite = cluster.admin.create_invite("alice", &reset).await.unwrap();
    let proxy = &office.proxy;
    person.secret = proxy.read_invite(&invite.token).await.unwrap().totp.unwrap().secret;
    let totp = Some(person.code(cluster));
    let password = Some(PASSWORD.to_owned());
    let answer = InviteAnswer { password, totp, ..InviteAnswer::default() };
    proxy.answer_invite(&invite.token, &answer).await.unwrap();
    // Its page would ask a new key, in the name of the credentials that are there now.
    assert!(office.page(&shown[1], BROWSER).await.is_err());
}

#[tokio::test]
async fn nobody_says_himself_where_he_guesses_from() {
    let office = Office::open().await;
    let (_person, client) = office.person("alice").await;
    let begin = MfaBegin { terminal: true, ..add(MfaDeviceKind::Totp, Some("new")) };
    let begun = client.begin_mfa(&begin).await.unwrap();
    let guess = async |from: u8| {
        let answer = MfaAnswer {
            code: Some("000000".to_owned()),
            totp: Some("000000".to_owned()),
            client_addr: Some(format!("203.0.113.{from}:1")),
            ..MfaAnswer::default()
        };
        client.answer_mfa(&begun.token, &answer).await.map(drop)
    };
    for from in 0..5 {
        refused(guess(from).await, ErrorKind::Unauthenticated);
    }
    refused(guess(5).await, ErrorKind::RateLimited);
    let told = serde_json::to_string(&office.cluster.records().await).unwrap();
    assert!(!told.contains("203.0.113."), "{told}");
}

#[tokio::test]
async fn a_login_that_waits_is_nothing_after_a_reset() {
    let office = Office::open().await;
    office.prefer(json!({"second_factor": "off"})).await;
    let token = office.invite("alice").await;
    let password = Some(PASSWORD.to_owned());
    let answer = InviteAnswer { password, ..InviteAnswer::default() };
    office.proxy.answer_invite(&token, &answer).await.unwrap();
    let page = office.begin("local").await.unwrap();
    let shown = LoginAnswer {
        binding: page.binding.clone(),
        user: Some("alice".to_owned()),
        password: Some(PASSWORD.to_owned()),
        client_addr: Some(CLIENT.to_owned()),
        ..LoginAnswer::default()
    };
    let answered = office.proxy.answer_login(&page.state, &shown).await.unwrap();
    let reset = InviteRequest { purpose: InvitePurpose::Reset, ttl_seconds: None };
    let invite = office.cluster.admin.create_invite("alice", &reset).await.unwrap();
    office.proxy.answer_invite(&invite.token, &answer).await.unwrap();
    refused(office.finished(&page, answered).await.map(drop), ErrorKind::NotFound);
}
