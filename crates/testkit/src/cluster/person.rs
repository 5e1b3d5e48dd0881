//! People: who are invited, set a password and a second factor in a browser, and sign in.

#![expect(
    clippy::disallowed_methods,
    reason = "real processes run on the machine's own clock, and so do authenticators"
)]

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::{Value, json};

use super::Cluster;
use crate::browser::Browser;
use crate::process::{Finished, Process};
use crate::{Real, wait};

/// A one-time code is good for so long (RFC 6238, section 4.1).
const STEP_SECONDS: u64 = 30;
/// A code of the step before is good as long as this one lasts: not to be tried when that is short.
const HASTE_SECONDS: u64 = 10;

/// Somebody with a password and an authenticator.
#[derive(Debug)]
pub struct Person {
    /// Their name in the cluster.
    pub name: String,
    /// Their password.
    pub password: String,
    /// Their telephone.
    pub authenticator: Authenticator,
    /// Where their `tsh` keeps profiles.
    pub home: PathBuf,
}

/// Shows one-time codes, each of them once.
#[derive(Debug)]
pub struct Authenticator {
    secret: String,
    /// The step of the last code that was shown.
    last: u64,
}

// === impl Cluster ===

impl Cluster {
    /// Invites a new user; gives the link.
    ///
    /// # Panics
    /// When it is refused.
    #[must_use]
    #[track_caller]
    pub fn invite(&self, name: &str, roles: &str) -> String {
        let words = ["users", "add", name, "--roles", roles, "--format=json"];
        let invite: Value = self.tctl_json(&words);
        match invite.get("url").and_then(Value::as_str) {
            Some(url) => url.to_owned(),
            None => panic!("an invite without a link: {invite}"),
        }
    }

    /// Invites a new user, who accepts.
    ///
    /// # Panics
    /// When it is refused.
    #[must_use]
    #[track_caller]
    pub fn sign_up(&self, real: &Real, name: &str, roles: &str) -> Person {
        let link = self.invite(name, roles);
        self.accept(real, name, &link)
    }

    /// Answers an invite as a person in front of a browser does.
    ///
    /// # Panics
    /// When it is refused.
    #[must_use]
    #[track_caller]
    pub fn accept(&self, real: &Real, name: &str, link: &str) -> Person {
        let browser = Browser::new(real);
        let page = browser.open(link);
        let secret = match page.secret() {
            Some(secret) if page.status() == 200 => secret.to_owned(),
            _ => panic!("the page behind the link shows no secret: {page:?}"),
        };
        let mut person = Person {
            name: name.to_owned(),
            password: format!("a long password of {name}"),
            authenticator: Authenticator { secret, last: 0 },
            home: self.scratch.join(format!("home of {name}")),
        };
        let code = person.authenticator.code();
        let fields = json!({
            "password": person.password, "password_again": person.password, "totp": code,
        });
        let answer = browser.send(link, &fields);
        assert!(answer.status() == 200 && answer.text().contains("Sign in"), "{answer:?}");
        person
    }

    /// `tsh login` with the next code, and what else the caller wants to say.
    ///
    /// # Panics
    /// When it does not end.
    #[must_use]
    #[track_caller]
    pub fn login(&self, person: &mut Person, words: &[&str]) -> Finished {
        let code = person.authenticator.code();
        self.login_with(&person.home, &person.name, &person.password, &code, words)
    }

    /// `tsh login` that waits for a browser: the process, and the link at which it waits.
    ///
    /// # Panics
    /// When no link comes.
    #[must_use]
    #[track_caller]
    pub fn begin_login(&self, home: &Path, words: &[&str]) -> (Process, String) {
        let pin = format!("--ca-pin={}", self.ca_pin());
        let tsh = self.tsh_at(home).args(["login", "--browser=none", &pin]);
        let tsh = tsh.args(["--proxy", self.proxy_addr()]).args(words);
        let mut tsh = self.begin_tool(&tsh);
        tsh.wait_for_output("/web/", wait::PATIENCE);
        let said = tsh.stderr();
        let link = said.split_whitespace().find(|word| word.contains("/web/"));
        let link = link.unwrap_or_default().to_owned();
        (tsh, link)
    }

    /// `tsh login` with any credentials.
    ///
    /// # Panics
    /// When it does not end.
    #[must_use]
    #[track_caller]
    pub fn login_with(
        &self,
        home: &Path,
        name: &str,
        password: &str,
        code: &str,
        words: &[&str],
    ) -> Finished {
        let tsh = self.tsh_at(home).args(["login", "--credentials-from-stdin"]);
        let tsh = tsh.args(["--proxy", self.proxy_addr(), "--user", name]).args(words);
        self.run(&tsh, &format!("{password}\n{code}\n"))
    }
}

// === impl Authenticator ===

impl Authenticator {
    /// A code that was not shown before and is good now: of the step before this one, of this one,
    /// or of the next. When all were shown, waits for one that was not.
    ///
    /// # Panics
    /// When none comes.
    #[must_use]
    #[track_caller]
    pub fn code(&mut self) -> String {
        let step = wait::until("a new one-time code", wait::PATIENCE, || {
            let now = now();
            let (step, into) = (now / STEP_SECONDS, now % STEP_SECONDS);
            let first = if into + HASTE_SECONDS < STEP_SECONDS { step - 1 } else { step };
            let next = first.max(self.last + 1);
            if next <= step + 1 {
                Ok(next)
            } else {
                Err(format!("the last was of step {}", self.last))
            }
        });
        self.last = step;
        self.of(step)
    }

    /// A code that is well formed and not good: of a time long ago.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn stale_code(&self) -> String {
        self.of(now() / STEP_SECONDS - 1000)
    }

    /// The secret, of which nothing may appear anywhere.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.secret
    }

    fn of(&self, step: u64) -> String {
        let secret = totp_rs::Secret::try_from_base32(&self.secret)
            .unwrap_or_else(|cause| panic!("the secret is not base32: {cause:?}"));
        let totp = totp_rs::Builder::new().with_secret(secret).with_account_name("person").build();
        match totp {
            Ok(totp) => totp.generate(step * STEP_SECONDS).to_string(),
            Err(cause) => panic!("the secret makes no codes: {cause}"),
        }
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
