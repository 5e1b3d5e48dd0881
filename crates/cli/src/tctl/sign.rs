//! `tctl auth sign`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use api::Client;
use api::wire::UserCertificateRequest;
use pki::{IdentityFile, PrivateKey};
use resource::{Kind, Resource, Secrets};

use super::args::Global;
use super::cluster::Cluster;
use super::when;
use crate::exit::Refused;
use crate::run::Context;
use crate::session::identity_file;

/// Arguments of `tctl auth sign`.
#[derive(Debug, clap::Args)]
pub(super) struct Sign {
    /// The user whom the identity is to be.
    #[arg(long, value_name = "NAME")]
    user: String,
    /// The file to write, for its owner only. An identity that is there is replaced.
    #[arg(short, long, value_name = "FILE")]
    out: PathBuf,
    /// How long the identity works, within what the user's roles allow [default: 12h].
    #[arg(long, value_name = "DURATION", value_parser = when::parse_ttl)]
    ttl: Option<Duration>,
    /// Replace the file whatever it is.
    #[arg(long)]
    overwrite: bool,
}

/// Writes an identity file. The key is made here and never leaves this machine.
pub(super) async fn sign(cx: &Context, global: &Global, args: Sign) -> anyhow::Result<ExitCode> {
    let Sign { user, out, ttl, overwrite } = args;
    if !overwrite {
        refuse_stranger(&out)?;
    }
    let cluster = Cluster::open(cx, global)?;
    let key = PrivateKey::generate()?;
    let request = UserCertificateRequest {
        public_key: key.public().to_pem(),
        ttl_seconds: ttl.map(|ttl| ttl.as_secs()),
    };
    let credentials = cluster.client.sign_user(&user, &request).await?;
    let proxy = match cluster.proxy {
        Some(proxy) => Some(proxy),
        None => public_proxy(&cluster.client).await,
    };
    let until = credentials.valid_until;
    identity_file(key, &credentials, proxy.clone())?.write(&out)?;
    let (now, path) = (cx.clock.now(), out.display());
    cx.printer.data(&format!(
        "The identity of {user} has been written to {path}. It works until {} ({}).",
        when::to_the_second(until),
        when::left(until, now)
    ))?;
    if ttl.is_some_and(|ttl| until - now + time::Duration::minutes(1) < ttl) {
        cx.printer.talk("NOTE: that is shorter than asked for: a role or the cluster limits it.");
    }
    if proxy.is_none() {
        cx.printer.talk("NOTE: no proxy is known: use the file with --auth-server or --proxy.");
    }
    Ok(ExitCode::SUCCESS)
}

/// A file that is no identity is left alone: it may be anything.
fn refuse_stranger(path: &Path) -> Result<(), Refused> {
    let refused = |what: &str| {
        Err(Refused::new(format!("{} {what}", path.display()))
            .hint("choose another file, or pass --overwrite to replace this one"))
    };
    match std::fs::read_to_string(path) {
        Ok(text) if IdentityFile::parse(&text).is_ok() => Ok(()),
        Ok(_something_else) => refused("exists and is not an identity file"),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => refused(&format!("cannot be looked into: {error}")),
    }
}

/// The address of a proxy that is up. Without one the file works too, where an address is given.
pub(super) async fn public_proxy(client: &Client) -> Option<String> {
    let proxies = client.list(Kind::Proxy, Secrets::Redact).await.ok()?;
    proxies.items.into_iter().find_map(|proxy| match proxy {
        Resource::Proxy(proxy) if !proxy.spec.public_addr.is_empty() => {
            Some(proxy.spec.public_addr)
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests;
