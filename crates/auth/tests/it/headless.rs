//! Machines without a browser, which are signed in elsewhere.

use std::time::Duration;

use api::wire::{
    HeadlessFinished, HeadlessOpen, HeadlessStart, HeadlessStarted, KeyUse, LoginAnswer,
    LoginAnswered, LoginRead, SsoBegun, SsoFinish, UserCredentials,
};
use api::{Error, ErrorKind};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pki::PrivateKey;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::cluster::refused;
use crate::keys::{CLIENT, Office};
use crate::mfa::{code_of, state_of};
use crate::sign_in::PASSWORD;

impl Office {
    async fn start_headless(&self, user: Option<&str>) -> Result<(HeadlessStarted, String), Error> {
        let verifier = format!("{:x?}", rand::random::<[u8; 16]>());
        let request = HeadlessStart {
            public_key: PrivateKey::generate().unwrap().public().to_pem(),
            ttl_seconds: None,
            user: user.map(str::to_owned),
            machine: "build\u{7}-7".to_owned() + &"x".repeat(100),
            challenge: URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier)),
            client_addr: Some("198.51.100.9:7".to_owned()),
            proxy_addr: None,
        };
        self.proxy.start_headless(&request).await.map(|started| (started, verifier))
    }

    async fn type_code(&self, code: &str) -> Result<SsoBegun, Error> {
        let open = HeadlessOpen { code: code.to_owned(), client_addr: Some(CLIENT.to_owned()) };
        self.proxy.open_headless(&open).await
    }

    async fn collect(
        &self,
        started: &HeadlessStarted,
        verifier: &str,
    ) -> Result<Option<UserCredentials>, Error> {
        let request = SsoFinish { code: started.device.clone(), verifier: verifier.to_owned() };
        match self.proxy.finish_headless(&request).await? {
            HeadlessFinished::Waiting => Ok(None),
            HeadlessFinished::Done(credentials) => Ok(Some(*credentials)),
        }
    }
}

#[tokio::test]
async fn a_machine_without_a_browser_is_signed_in_elsewhere() {
    let office = Office::open().await;
    let mut key = office.enrol("alice", KeyUse::Passkey).await;
    let (started, verifier) = office.start_headless(Some("alice")).await.unwrap();
    assert!(started.url.ends_with("/web/headless") && !started.url.contains(&started.code));
    assert!(office.collect(&started, &verifier).await.unwrap().is_none());
    refused(office.collect(&started, "a guess").await.map(drop), ErrorKind::Denied);

    // People type as they like; a code works once.
    let begun = office.type_code(&started.code.to_lowercase().replace('-', " ")).await.unwrap();
    refused(office.type_code(&started.code).await.map(drop), ErrorKind::NotFound);
    let (state, binding) = (state_of(&begun), begun.binding);
    let page =
        office.proxy.read_login(&state, &LoginRead { binding: binding.clone() }).await.unwrap();
    let machine = page.machine.unwrap();
    assert_eq!((machine.name.len(), machine.name.starts_with("build-7x")), (64, true));
    assert_eq!(page.client_addr.as_deref(), Some("198.51.100.9:7"));
    let shown = key.get(&page.passkey.unwrap());
    let answer = LoginAnswer {
        binding,
        key: Some(shown),
        client_addr: Some(CLIENT.to_owned()),
        ..LoginAnswer::default()
    };
    let answered = office.proxy.answer_login(&state, &answer).await.unwrap();
    assert!(matches!(answered, LoginAnswered::Approved));
    refused(office.collect(&started, "a guess").await.map(drop), ErrorKind::Denied);
    assert_eq!(office.collect(&started, &verifier).await.unwrap().unwrap().user, "alice");
    refused(office.collect(&started, &verifier).await.map(drop), ErrorKind::NotFound);
    let approved = &office.cluster.records_of("headless_login.approved").await[0];
    assert_eq!((&approved["user"], &approved["addr.remote"]), (&json!("alice"), &json!(CLIENT)));
    assert_eq!(office.cluster.records_of("headless_login.requested").await.len(), 1);
}

#[tokio::test]
async fn a_machine_is_not_signed_in_by_somebody_else_or_too_late_or_for_less() {
    let office = Office::open().await;
    let mut bobs = office.enrol("bob", KeyUse::Passkey).await;
    // For another user than it asks for.
    let (started, verifier) = office.start_headless(Some("alice")).await.unwrap();
    let begun = office.type_code(&started.code).await.unwrap();
    let (state, binding) = (state_of(&begun), begun.binding);
    let read = LoginRead { binding: binding.clone() };
    let options = office.proxy.read_login(&state, &read).await.unwrap().passkey.unwrap();
    let answer = LoginAnswer {
        binding: binding.clone(),
        key: Some(bobs.get(&options)),
        ..LoginAnswer::default()
    };
    let refusal =
        refused(office.proxy.answer_login(&state, &answer).await.map(drop), ErrorKind::Denied);
    assert!(refusal.message().contains("alice"), "{refusal}");
    assert!(office.collect(&started, &verifier).await.unwrap().is_none());
    // Rejected: the machine is told.
    let reject = LoginAnswer { binding, reject: true, ..LoginAnswer::default() };
    assert!(matches!(
        office.proxy.answer_login(&state, &reject).await.unwrap(),
        LoginAnswered::Rejected
    ));
    let told = refused(office.collect(&started, &verifier).await.map(drop), ErrorKind::Denied);
    assert!(told.message().contains("rejected"), "{told}");
    assert_eq!(office.cluster.records_of("headless_login.rejected").await.len(), 1);
    // A login with a browser is not rejected so.
    let page = office.begin("passwordless").await.unwrap();
    let reject =
        LoginAnswer { binding: page.binding.clone(), reject: true, ..LoginAnswer::default() };
    refused(
        office.proxy.answer_login(&page.state, &reject).await.map(drop),
        ErrorKind::InvalidArgument,
    );
    // Too late, at both ends.
    let (started, verifier) = office.start_headless(None).await.unwrap();
    office.cluster.clock.advance(Duration::from_secs(5 * 60));
    refused(office.type_code(&started.code).await.map(drop), ErrorKind::NotFound);
    refused(office.collect(&started, &verifier).await.map(drop), ErrorKind::NotFound);
    // Guessed at: the bound, and one past it, from one place.
    office.cluster.clock.advance(Duration::from_secs(15 * 60));
    // The proxy's record has expired meanwhile.
    office.announce().await;
    for _ in 0..30 {
        refused(office.type_code("BBBB-BBBB").await.map(drop), ErrorKind::NotFound);
    }
    let (started, _verifier) = office.start_headless(None).await.unwrap();
    refused(office.type_code(&started.code).await.map(drop), ErrorKind::RateLimited);
    let elsewhere =
        HeadlessOpen { code: started.code, client_addr: Some("203.0.113.1:1".to_owned()) };
    office.proxy.open_headless(&elsewhere).await.unwrap();
    // Where the cluster allows none.
    for rules in [json!({"allow_headless": false}), json!({"second_factor": "off"})] {
        office.prefer(rules).await;
        refused(office.start_headless(None).await.map(drop), ErrorKind::Denied);
    }
}

#[tokio::test]
async fn no_code_is_spent_in_vain_on_a_machine_without_a_browser() {
    let office = Office::open().await;
    office.prefer(json!({"allow_recovery_codes": true})).await;
    let (secret, codes) = office.enrol_with_codes("alice").await;
    office.cluster.clock.advance(Duration::from_secs(60));
    let show = async |wanted: &str, code: &str| {
        let (started, _verifier) = office.start_headless(Some(wanted)).await.unwrap();
        let begun = office.type_code(&started.code).await.unwrap();
        let answer = LoginAnswer {
            binding: begun.binding.clone(),
            user: Some("alice".to_owned()),
            password: Some(PASSWORD.to_owned()),
            code: Some(code.to_owned()),
            client_addr: Some(CLIENT.to_owned()),
            ..LoginAnswer::default()
        };
        office.proxy.answer_login(&state_of(&begun), &answer).await
    };
    refused(show("alice", &codes[0]).await.map(drop), ErrorKind::Denied);
    assert!(office.cluster.records_of("recovery_code.used").await.is_empty());
    let code = code_of(&office, &secret);
    refused(show("bob", &code).await.map(drop), ErrorKind::Denied);
    assert!(matches!(show("alice", &code).await.unwrap(), LoginAnswered::Approved));
}
