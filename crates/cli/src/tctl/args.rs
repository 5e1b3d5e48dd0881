//! The command line of `tctl`. What a command takes stands next to the command.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use super::{
    apply, apps, audit, bots, create, edit, get, lock, policy, rm, rotate, sign, sso, status,
    tokens, users,
};
use crate::address::{AUTH_PORT, with_port};
use crate::environment;

/// Administer a cluster: its apps, roles, users, tokens and locks.
///
/// On the auth service's host tctl works without signing in; elsewhere it uses what `tsh login`
/// keeps, or an identity file.
#[derive(Debug, Parser)]
#[command(name = "tctl", bin_name = "tctl", version, disable_help_subcommand = true)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Options of every command.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Global {
    /// The configuration file of the auth service on this machine [default: /etc/tessera.yaml].
    #[arg(short, long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The auth service, or a proxy that leads to it.
    #[arg(long, global = true, value_name = "HOST[:PORT]")]
    auth_server: Option<String>,
    /// An identity file to use, as `tctl auth sign` writes it.
    #[arg(short, long, global = true, value_name = "FILE")]
    identity: Option<PathBuf>,
    /// Log in detail on standard error.
    #[arg(short, long, global = true)]
    pub(super) debug: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Create resources from files, or from standard input.
    ///
    /// Example: tctl create -f mcp_server.yaml
    Create(create::Create),
    /// Make the cluster what the files of a folder say: add, change and, with --prune, delete.
    ///
    /// Example: tctl apply -f cluster/ --prune --dry-run
    Apply(apply::Apply),
    /// Print resources.
    ///
    /// Example: tctl get app/everything,roles
    Get(get::Get),
    /// Delete resources.
    ///
    /// Example: tctl rm app/everything
    #[command(alias = "del")]
    Rm(rm::Rm),
    /// Change a resource in an editor.
    ///
    /// Example: tctl edit role/developer
    Edit(edit::Edit),
    /// Add, change, list and delete users.
    Users(users::Users),
    /// Add, change, list and delete bots: programs with roles of their own.
    Bots(bots::Bots),
    /// Add, list and delete the tokens with which services join the cluster.
    Tokens(tokens::Tokens),
    /// Show which agents serve which apps.
    Apps(apps::Apps),
    /// Show the cluster's name, version and authorities.
    Status(status::Status),
    /// Issue identities, and change the keys that issue them.
    Auth(Auth),
    /// Look into the audit log.
    Audit(audit::Audit),
    /// Test, explain and preview what roles allow.
    Policy(policy::Policy),
    /// Shut somebody or something out, at once and everywhere.
    ///
    /// Example: tctl lock --user=mallory --message="left the company" --ttl=10h
    Lock(lock::Lock),
    /// Write and try connectors to identity providers.
    Sso(sso::Sso),
    /// Print the version.
    Version,
}

#[derive(Debug, clap::Args)]
pub(super) struct Auth {
    #[command(subcommand)]
    pub(super) command: AuthCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum AuthCommand {
    /// Write an identity file with which scripts and jobs act as a user.
    ///
    /// Example: tctl auth sign --user=ci --out=ci.pem --ttl=8h
    Sign(sign::Sign),
    /// Change the cluster's keys, in phases, while everything goes on.
    ///
    /// Example: tctl auth rotate --grace-period=96h
    Rotate(rotate::Rotate),
    /// Show the certificate authorities, and where a change of their keys stands.
    Ls(rotate::Ls),
}

/// The configuration file, and whether somebody named it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ConfigFile {
    pub(super) path: PathBuf,
    pub(super) is_named: bool,
}

/// Where the configuration is unless somebody says otherwise.
const CONFIG_FILE: &str = "/etc/tessera.yaml";

// === impl Global ===

impl Global {
    /// The configuration file, from the option, the environment, or its usual place.
    pub(super) fn config(&self) -> ConfigFile {
        let named = self.config.clone().or_else(|| environment::CONFIG_FILE.read().map(Into::into));
        match named {
            Some(path) => ConfigFile { path, is_named: true },
            None => ConfigFile { path: PathBuf::from(CONFIG_FILE), is_named: false },
        }
    }

    /// The auth service as `host:port`, from the option or the environment.
    pub(super) fn auth_server(&self) -> Option<String> {
        let address = self.auth_server.clone().or_else(|| environment::AUTH_SERVER.read())?;
        Some(with_port(&address, AUTH_PORT))
    }

    /// The identity file, from the option or the environment.
    pub(super) fn identity(&self) -> Option<PathBuf> {
        self.identity.clone().or_else(|| environment::IDENTITY_FILE.read().map(PathBuf::from))
    }
}

#[cfg(test)]
mod tests;
