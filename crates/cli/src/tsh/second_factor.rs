//! A second factor that is shown for the sessions of this process with one MCP server, where the cluster asks for one
//! at each.
//!
//! Standard input and output belong to the MCP client, so it is shown in a browser on this machine, or typed into the
//! terminal that the process belongs to. What comes of it, a key and a certificate, is kept in memory: whoever copies
//! what a sign-in left on the disk does not have it.

mod terminal;

use std::sync::Arc;
use std::time::Duration;

use api::wire::{
    MfaDeviceKind, SessionCertificate, SessionMfaFinish, SessionMfaStart, SessionMfaTyped,
    SessionWish,
};
use api::{Client, ErrorKind};
use parking_lot::Mutex;
use pki::{Certificate, PrivateKey};
use runtime::{Clock, Tasks};
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::time::Instant;

use super::args::MfaMode;
use super::fault::{Cause, Fault};
use crate::browser::{Link, Opening, Waiting, machine_name};
use crate::exit::Refused;
use crate::printer::Printer;
use crate::run::Context;
use crate::session::Session;

/// After a person has shown nothing, for so long nobody is asked again: clients ask for much, and each would open a
/// page.
const PAUSE: Duration = Duration::from_secs(30);
/// Of a one-time code (RFC 6238, as authenticator apps show it).
const DIGITS: usize = 6;
/// How often a wrong code may be typed.
const TRIES: usize = 3;

/// Asks for a second factor once, and keeps what comes of it.
#[derive(Clone, Debug)]
pub(super) struct SecondFactor(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    app: String,
    /// The cluster that has it, if it is not the user's own.
    cluster: Option<String>,
    mode: MfaMode,
    opening: Opening,
    tasks: Tasks,
    clock: Clock,
    /// Held for a look-up or a change.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
enum State {
    /// Nobody was asked.
    #[default]
    Unasked,
    /// Somebody is being asked: closed when that is over.
    Asking(watch::Receiver<()>),
    /// It was shown.
    Shown(Arc<InMemory>),
    /// It was not, with the certificate of this sign-in.
    Failed { at: Instant, sign_in: Arc<[u8]>, fault: Fault },
}

/// What came of it.
#[derive(Debug)]
pub(super) struct InMemory {
    /// The certificate of the sign-in that it continues: after another one it is worth nothing.
    sign_in: Arc<[u8]>,
    pub(super) key: PrivateKey,
    pub(super) certificate: Certificate,
    expires: OffsetDateTime,
}

// === impl SecondFactor ===

impl SecondFactor {
    pub(super) fn new(
        cx: &Context,
        (app, cluster): (String, Option<String>),
        mode: MfaMode,
        opening: Opening,
    ) -> Self {
        let (tasks, clock, state) = (cx.tasks.clone(), cx.clock.clone(), Mutex::default());
        Self(Arc::new(Shared { app, cluster, mode, opening, tasks, clock, state }))
    }

    /// What was shown for this sign-in, as long as it is good.
    pub(super) fn shown(&self, session: &Session) -> Option<Arc<InMemory>> {
        match &*self.0.state.lock() {
            State::Shown(shown) => {
                let is_good = shown.expires > self.0.clock.now();
                (is_good && shown.sign_in == session.certificate).then(|| shown.clone())
            }
            _ => None,
        }
    }

    /// Has it shown: once for all who want it at the same time. `refused` is the certificate with which `fault` came.
    pub(super) async fn show(
        &self,
        session: Session,
        refused: &[u8],
        fault: Fault,
    ) -> Result<(), Fault> {
        if let Some(shown) = self.shown(&session) {
            // One that is shown and not enough does not get better.
            let is_refused = shown.certificate.der().as_ref() == refused;
            return if is_refused { Err(fault) } else { Ok(()) };
        }
        let mut asking = {
            let mut state = self.0.state.lock();
            match &*state {
                State::Asking(asking) => asking.clone(),
                State::Failed { at, sign_in, fault }
                    if at.elapsed() < PAUSE && *sign_in == session.certificate =>
                {
                    return Err(fault.clone());
                }
                _ => {
                    let (done, asking) = watch::channel(());
                    *state = State::Asking(asking.clone());
                    self.begin(session, done);
                    asking
                }
            }
        };
        while asking.changed().await.is_ok() {}
        match &*self.0.state.lock() {
            State::Shown(_) => Ok(()),
            State::Failed { fault, .. } => Err(fault.clone()),
            _ => Err(fault),
        }
    }

    /// A task of its own: the client that waits for it may give up, and the person is at it still.
    fn begin(&self, session: Session, done: watch::Sender<()>) {
        let shared = self.0.clone();
        self.0.tasks.spawn_until_cancelled("tsh.second-factor", async move {
            let sign_in = session.certificate.clone();
            let came = match shared.ask(&session).await {
                Ok(shown) => State::Shown(Arc::new(shown)),
                Err(error) => {
                    let fault = shared.fault(&error);
                    State::Failed { at: Instant::now(), sign_in, fault }
                }
            };
            *shared.state.lock() = came;
            drop(done);
        });
    }
}

// === impl Shared ===

impl Shared {
    async fn ask(&self, session: &Session) -> anyhow::Result<InMemory> {
        let client = session.auth(&self.tasks)?;
        let key = PrivateKey::generate()?;
        let (app, cluster) = (self.app.clone(), self.cluster.clone());
        let wish = SessionWish { app, cluster, public_key: key.public().to_pem() };
        let issued = if self.is_typed(&client).await {
            self.typed(&client, wish).await?
        } else {
            self.at_page(&client, wish).await?
        };
        let certificate = Certificate::from_pem(&issued.certificate)?;
        if certificate.public_key() != Ok(key.public()) {
            let words = "the certificate that came is not for the key that was sent";
            return Err(Refused::new(words).into());
        }
        let expires = issued.valid_until;
        Ok(InMemory { sign_in: session.certificate.clone(), key, certificate, expires })
    }

    /// Whether a code is typed here. A page needs a browser on this machine.
    async fn is_typed(&self, client: &Client) -> bool {
        match self.mode {
            MfaMode::Otp => true,
            MfaMode::Browser => false,
            MfaMode::Auto => {
                if crate::browser::is_likely() || !terminal::is_there() {
                    return false;
                }
                // Who has no devices here is told so by what follows.
                client.mfa_devices().await.is_ok_and(|found| {
                    found.devices.iter().any(|device| device.kind == MfaDeviceKind::Totp)
                })
            }
        }
    }

    async fn typed(
        &self,
        client: &Client,
        wish: SessionWish,
    ) -> anyhow::Result<SessionCertificate> {
        let prompt = format!("A one-time code, to use the MCP server {:?}: ", self.app);
        let mut left = TRIES;
        loop {
            let code = terminal::ask(&self.tasks, prompt.clone()).await?;
            let code: String = code.expose().split_whitespace().collect();
            // What was typed by mistake is not sent: it may be a password.
            if code.len() != DIGITS || !code.bytes().all(|byte| byte.is_ascii_digit()) {
                left -= 1;
                if left == 0 {
                    return Err(Refused::new("no one-time code was typed")
                        .hint("try again")
                        .into());
                }
                Printer::new().talk("ERROR: a one-time code has six digits");
                continue;
            }
            match client.type_session_mfa(&SessionMfaTyped { wish: wish.clone(), code }).await {
                Err(error) if error.kind() == ErrorKind::Unauthenticated && left > 1 => {
                    left -= 1;
                    Printer::new().talk(&format!("ERROR: {error}"));
                }
                came => return Ok(came?),
            }
        }
    }

    async fn at_page(
        &self,
        client: &Client,
        wish: SessionWish,
    ) -> anyhow::Result<SessionCertificate> {
        let waiting = Waiting::open().await?;
        let start = SessionMfaStart {
            wish,
            machine: machine_name(),
            callback: waiting.callback(),
            challenge: waiting.challenge(),
        };
        let started = client.start_session_mfa(&start).await?;
        let link = Link::parse(&started.url)?;
        let printer = Printer::new();
        printer.talk(&format!("The MCP server {:?} asks for a second factor.", self.app));
        let brought = waiting.code(&link, self.opening, &printer, &self.tasks).await?;
        let (code, verifier) = (brought.code, brought.verifier.expose().clone());
        Ok(client.finish_session_mfa(&SessionMfaFinish { code, verifier }).await?)
    }

    /// Why nothing was shown, for the client.
    fn fault(&self, error: &anyhow::Error) -> Fault {
        let fault = Fault::of(error);
        if matches!(fault.cause, Cause::Network | Cause::Timeout) {
            return fault;
        }
        let app = &self.app;
        let words =
            format!("the MCP server {app:?} needs a second factor for this session: {fault}");
        fault.saying(words).caused_by(Cause::SecondFactor)
    }
}
