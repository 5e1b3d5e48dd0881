//! Joins, renews, and writes what programs use, in time.

use std::time::Duration;

use anyhow::Context as _;
use api::wire::{BotJoinRequest, BotOutputRequest, BotRenewRequest};
use api::{Client, ErrorKind};
use pki::{IdentityFile, PrivateKey};
use resource::token::JoinMethodName;
use runtime::{Backoff, Clock, Tasks};

use super::config::{Config, Output};
use super::files::{self, Storage};
use crate::exit::Refused;
use crate::session::{Session, identity_file};

/// The version of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Delays between attempts while the cluster does not answer.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_MOST: Duration = Duration::from_secs(60);

/// A bot, and all that it keeps fresh.
pub(super) struct Keeper {
    tasks: Tasks,
    clock: Clock,
    config: Config,
    storage: Storage,
    own: Option<IdentityFile>,
    /// The key of a renewal whose answer did not come.
    pending: Option<PrivateKey>,
}

// === impl Keeper ===

impl Keeper {
    /// Finds what was kept, and makes the directories.
    pub(super) fn new(tasks: Tasks, clock: Clock, config: Config) -> anyhow::Result<Self> {
        let storage = match &config.storage {
            Some(directory) => {
                files::prepare(directory)?;
                Storage::Directory(directory.clone())
            }
            None => Storage::Memory,
        };
        for output in &config.outputs {
            files::prepare(&output.directory)?;
        }
        let (own, pending) = (storage.own()?, storage.pending()?);
        Ok(Self { tasks, clock, config, storage, own, pending })
    }

    /// Keeps everything fresh, until it cannot be renewed any more.
    pub(super) async fn run(&mut self) -> anyhow::Result<()> {
        let mut backoff = Backoff::new(RETRY_FIRST, RETRY_MOST);
        loop {
            let pause = match self.once().await {
                Ok(()) => {
                    backoff.reset();
                    // A crowd that was started together does not come together.
                    let interval = self.config.interval;
                    rand::random_range(interval.mul_f64(0.9)..=interval)
                }
                Err(error) if is_passing(&error) => {
                    tracing::warn!(
                        error = format!("{error:#}"),
                        "the cluster cannot be used at the moment; what was written stays, trying again"
                    );
                    backoff.next_delay().min(self.config.interval)
                }
                Err(error) => return Err(error),
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Becomes the bot anew, and writes everything once.
    pub(super) async fn once(&mut self) -> anyhow::Result<()> {
        self.become_fresh().await?;
        let Some(own) = &self.own else { anyhow::bail!("the bot has no identity") };
        let client = self.client(own)?;
        for output in &self.config.outputs {
            let written = self.write(&client, output).await;
            written.with_context(|| format!("nothing new for {}", output.directory.display()))?;
        }
        Ok(())
    }

    async fn write(&self, client: &Client, output: &Output) -> anyhow::Result<()> {
        let key = PrivateKey::generate()?;
        let request = BotOutputRequest {
            public_key: key.public().to_pem(),
            ttl_seconds: Some(output.ttl.as_secs()),
            roles: output.roles.clone(),
        };
        let credentials = client.bot_output(&request).await?;
        let file = identity_file(key, &credentials, self.proxy())?;
        files::write_output(&output.directory, &file)?;
        tracing::info!(
            directory = %output.directory.display(),
            until = %resource::timestamp::format(credentials.valid_until),
            "wrote an identity"
        );
        Ok(())
    }

    /// Renews what the bot holds of itself; who cannot, joins.
    async fn become_fresh(&mut self) -> anyhow::Result<()> {
        let own = self.own.clone().filter(|own| self.is_renewable(own));
        let Some(own) = own else { return self.join().await };
        match self.renew(&own).await {
            Err(error) if !is_passing(&error) && self.config.token.is_some() => {
                // Perhaps somebody has given the bot a new token because of just that.
                tracing::warn!(
                    error = format!("{error:#}"),
                    "the identity cannot be renewed; joining"
                );
                match self.join().await {
                    Err(joining) if !is_passing(&joining) => Err(given_up(&error, &joining)),
                    outcome => outcome,
                }
            }
            outcome => outcome,
        }
    }

    fn is_renewable(&self, own: &IdentityFile) -> bool {
        let identity = own.certificate.unverified_identity();
        self.config.method == JoinMethodName::Token
            && identity.is_ok_and(|identity| identity.expires() > self.clock.now())
    }

    async fn renew(&mut self, own: &IdentityFile) -> anyhow::Result<()> {
        let key = match self.pending.clone() {
            Some(key) => key,
            None => {
                let key = PrivateKey::generate()?;
                self.storage.begin(&key)?;
                self.pending = Some(key.clone());
                key
            }
        };
        let request = BotRenewRequest {
            version: Some(VERSION.to_owned()),
            public_key: key.public().to_pem(),
            ttl_seconds: Some(self.config.ttl.as_secs()),
        };
        let credentials = self.client(own)?.bot_renew(&request).await?;
        self.keep(identity_file(key, &credentials, self.proxy())?)
    }

    async fn join(&mut self) -> anyhow::Result<()> {
        let Some(token) = &self.config.token else {
            return Err(Refused::new("this bot has no identity that works, and no token")
                .hint(
                    "`tctl bots add` or `tctl bots instances add` makes one: set onboarding.token",
                )
                .into());
        };
        let token = token.read()?;
        let client = self.config.contact.client(&self.tasks).await?;
        let id_token = match self.config.method {
            JoinMethodName::Token => None,
            method => {
                let cluster = client.ping().await?.cluster;
                let variable = |name: &str| std::env::var(name).ok();
                api::workload_token(method, &cluster, variable).await?
            }
        };
        let key = PrivateKey::generate()?;
        let request = BotJoinRequest {
            token: token.expose().clone(),
            id_token: id_token.map(|token| token.expose().clone()),
            version: Some(VERSION.to_owned()),
            public_key: key.public().to_pem(),
            ttl_seconds: Some(self.config.ttl.as_secs()),
        };
        let credentials = client.bot_join(&request).await?;
        tracing::info!(user = credentials.user, "joined the cluster");
        self.keep(identity_file(key, &credentials, self.proxy())?)
    }

    fn keep(&mut self, own: IdentityFile) -> anyhow::Result<()> {
        self.storage.keep(&own)?;
        self.pending = None;
        self.own = Some(own);
        Ok(())
    }

    fn proxy(&self) -> Option<String> {
        let contact = &self.config.contact;
        contact.addresses.first().filter(|_| contact.through_proxy).cloned()
    }

    fn client(&self, own: &IdentityFile) -> anyhow::Result<Client> {
        let address = self.config.contact.addresses.first().cloned().unwrap_or_default();
        // Both addresses lead to the auth service, which is checked by its own name.
        Session::of_file(own.clone(), address)?.auth(&self.tasks)
    }
}

/// Whether trying again may help.
fn is_passing(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<api::Error>())
        .any(|error| matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::RateLimited))
}

fn given_up(renewing: &anyhow::Error, joining: &anyhow::Error) -> anyhow::Error {
    Refused::new(format!(
        "this bot cannot be renewed any more ({renewing:#}), and cannot join again ({joining:#})"
    ))
    .hint("see `tctl audit ls` and `tctl get locks`; `tctl bots instances add NAME` makes a new token")
    .into()
}
