//! `tctl lock`.

use std::process::ExitCode;
use std::time::Duration;

use resource::{Kind, Lock as LockResource, LockTarget};
use time::OffsetDateTime;

use super::args::Global;
use super::cluster::Cluster;
use super::when;
use crate::exit::Usage;
use crate::run::Context;

/// Arguments of `tctl lock`. Several targets must all fit.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Lock {
    /// A user.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Everybody who holds a role.
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    /// Everybody who goes by a login name.
    #[arg(long, value_name = "LOGIN")]
    login: Option<String>,
    /// Whoever signs in with a device, by its id.
    #[arg(long, value_name = "ID")]
    mfa_device: Option<String>,
    /// An app: nobody reaches it.
    #[arg(long, value_name = "NAME")]
    app: Option<String>,
    /// A service of the cluster, by its host id.
    #[arg(long, value_name = "ID")]
    server_id: Option<String>,
    /// One place where a bot runs, by its id (`tctl bots instances ls`).
    #[arg(long, value_name = "ID")]
    bot_instance_id: Option<String>,
    /// Whoever joined by a token: its name, or its id where the name is a secret (`tctl tokens ls`).
    #[arg(long, value_name = "NAME")]
    join_token: Option<String>,
    /// What a user granted a client, by its name (`tctl get oauth_grants`).
    #[arg(long, value_name = "NAME")]
    oauth_grant: Option<String>,
    /// What those who are shut out are told.
    #[arg(long, value_name = "TEXT", default_value = "")]
    message: String,
    /// How long the lock lasts; until it is removed if not given.
    #[arg(long, value_name = "DURATION", value_parser = when::parse_ttl, conflicts_with = "expires")]
    ttl: Option<Duration>,
    /// When the lock ends (RFC 3339).
    #[arg(long, value_name = "TIME", value_parser = when::parse_instant)]
    expires: Option<OffsetDateTime>,
}

/// Creates a lock under a name of its own.
pub(super) async fn lock(cx: &Context, global: &Global, args: Lock) -> anyhow::Result<ExitCode> {
    let lock = args.resource(cx.clock.now(), &random_name())?;
    let cluster = Cluster::open(cx, global)?;
    let written = cluster.client.create(&lock.into()).await?;
    cx.printer.data(&Kind::Lock.created(written.name()))?;
    Ok(ExitCode::SUCCESS)
}

// === impl Lock ===

impl Lock {
    fn resource(self, now: OffsetDateTime, name: &str) -> Result<LockResource, Usage> {
        let Self { user, role, login, mfa_device, app, server_id, .. } = self;
        let Self { bot_instance_id, join_token, oauth_grant, message, ttl, expires, .. } = self;
        let given = |value: Option<String>| value.filter(|value| !value.is_empty());
        let target = LockTarget {
            user: given(user),
            role: given(role),
            login: given(login),
            mfa_device: given(mfa_device),
            server_id: given(server_id),
            app: given(app),
            bot_instance_id: given(bot_instance_id),
            join_token: given(join_token),
            oauth_grant: given(oauth_grant),
        };
        if target.is_empty() {
            return Err(Usage(
                "whom or what? give --user, --role, --login, --mfa-device, --app, --server-id, \
                 --bot-instance-id, --join-token or --oauth-grant"
                    .to_owned(),
            ));
        }
        let expires = match ttl {
            Some(ttl) => Some(when::after(now, ttl)?),
            None => expires,
        };
        if expires.is_some_and(|end| end <= now) {
            return Err(Usage("--expires is in the past".to_owned()));
        }
        let mut lock = LockResource::new(name, target, message);
        lock.spec.expires = expires;
        Ok(lock)
    }
}

/// No two locks are ever called the same.
fn random_name() -> String {
    format!("{:032x}", rand::random::<u128>())
}

#[cfg(test)]
mod tests;
