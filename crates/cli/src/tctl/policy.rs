//! `tctl policy`: what roles mean, told before anybody finds out by trying.

mod account;
mod case;
mod change;
mod diff;
mod explain;
mod live;
mod seen;
mod subject;
mod target;
mod test;
mod who;

use std::process::ExitCode;

use clap::Subcommand;
use resource::Kind;

use super::args::Global;
use crate::run::Context;

/// Every kind that has documents. Rules may speak of others, too.
const RESOURCE_KINDS: [Kind; 10] = [
    Kind::App,
    Kind::AppServer,
    Kind::Role,
    Kind::User,
    Kind::Token,
    Kind::Lock,
    Kind::CertAuthority,
    Kind::ClusterAuthPreference,
    Kind::Proxy,
    Kind::Agent,
];

/// Arguments of `tctl policy`.
#[derive(Debug, clap::Args)]
pub(super) struct Policy {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Check what roles allow and refuse against what files expect of them, without a cluster.
    ///
    /// Ends with 0 when everything is as expected, with 1 when something is not, and with 64 when a
    /// file cannot be understood, in which case nothing is tested.
    ///
    /// Example: tctl policy test policy/*.test.yaml --format=junit --out=policy.xml
    Test(test::Test),
    /// Say whether a user may do something, why, and what would change that.
    ///
    /// Asks the cluster, or with --role the files of roles.
    ///
    /// Example: tctl policy explain --user=alice --app=everything --tool=get-env
    Explain(Box<explain::Explain>),
    /// List the users and roles that may connect to an app, or use something of it.
    ///
    /// Example: tctl policy who --app=everything --tool=get-env
    Who(who::Who),
    /// Preview an edit of roles: who gains and who loses what.
    ///
    /// Example: tctl policy diff -f role.yaml --tools=get-env,get-sum
    Diff(diff::Diff),
}

/// Does what was asked.
pub(super) async fn policy(
    cx: &Context,
    global: &Global,
    args: Policy,
) -> anyhow::Result<ExitCode> {
    match args.command {
        PolicyCommand::Test(command) => test::test(cx, &command),
        PolicyCommand::Explain(command) => explain::explain(cx, global, *command).await,
        PolicyCommand::Who(command) => who::who(cx, global, command).await,
        PolicyCommand::Diff(command) => diff::diff(cx, global, command).await,
    }
}
