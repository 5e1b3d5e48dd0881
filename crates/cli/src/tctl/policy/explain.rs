//! `tctl policy explain`: why somebody may or may not do something, and what would change that.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use policy::AccessState;
use resource::app::KnownLabels;
use resource::label::{APP_SUB_KIND_LABEL, SUB_KIND_MCP};
use resource::{Resource, Role, Traits};

use super::account::Account;
use super::case::{Case, Holder, Question, Roles};
use super::live;
use super::subject::SubjectArgs;
use super::target::Target;
use crate::exit::{Refused, Usage};
use crate::filter::LabelFilter;
use crate::format::Format;
use crate::run::Context;
use crate::tctl::args::Global;
use crate::tctl::cluster::Cluster;
use crate::tctl::input;
use crate::tctl::mistakes::{self, Mistakes};

/// Who is meant where roles come from files and nobody is named.
const SOMEBODY: &str = "somebody";
/// Which app is meant then.
const SOME_APP: &str = "app";

/// Arguments of `tctl policy explain`.
#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    /// The user.
    #[arg(long, value_name = "NAME", required_unless_present = "role")]
    user: Option<String>,
    /// The app.
    #[arg(long, value_name = "NAME")]
    app: Option<String>,
    #[command(flatten)]
    subject: SubjectArgs,
    /// A verb on resources of the cluster, for example: delete
    #[arg(long, requires = "kind", conflicts_with_all = ["tool", "prompt", "resource"])]
    verb: Option<String>,
    /// The kind of these resources, for example: app
    #[arg(long, requires = "verb")]
    kind: Option<String>,
    /// One resource of the kind.
    #[arg(long, requires = "kind")]
    name: Option<String>,
    /// The session has shown a second factor.
    #[arg(long)]
    mfa: bool,
    /// Ask about the roles in these files, which the user then holds, instead of asking the cluster.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    role: Vec<PathBuf>,
    /// With --role: a trait of the user, NAME=VALUE,VALUE; may be given several times.
    #[arg(long, value_name = "NAME=VALUES", requires = "role")]
    traits: Vec<String>,
    /// With --role: labels of the app, or of the resource that --name names.
    #[arg(long, value_name = "KEY=VALUE,…", requires = "role")]
    labels: Option<String>,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Explains a decision.
pub(super) async fn explain(
    cx: &Context,
    global: &Global,
    args: Explain,
) -> anyhow::Result<ExitCode> {
    let case = if args.role.is_empty() {
        let cluster = Cluster::open(cx, global)?;
        args.live(&cluster).await?
    } else {
        args.offline()?
    };
    let account = Account::of(&case);
    match args.format {
        Format::Text => cx.printer.data(&account.to_string())?,
        Format::Json | Format::Yaml => cx.printer.value(&account.to_json(), args.format)?,
    }
    Ok(ExitCode::SUCCESS)
}

// === impl Explain ===

impl Explain {
    async fn live(&self, cluster: &Cluster) -> anyhow::Result<Case> {
        let client = &cluster.client;
        let user = self.user.clone().unwrap_or_default();
        let holder = live::user(client, &user).await?;
        let roles = live::roles(client).await?;
        let state = live::state(client, self.mfa).await?;
        let question = if let Some((kind, verb)) = self.right() {
            let target = match &self.name {
                Some(name) => live::target(client, &kind, name).await?,
                None => None,
            };
            Question::Rule { kind, verb, target }
        } else {
            let Some(app) = &self.app else { return Err(self.without_app().into()) };
            self.question(live::app(client, app).await?)?
        };
        Ok(Case { roles, user, holder, state, question })
    }

    fn offline(&self) -> anyhow::Result<Case> {
        let (mut roles, mut held) = (Roles::new(), Vec::new());
        for role in roles_of(&self.role)? {
            let name = role.name().to_owned();
            if roles.insert(name.clone(), Arc::new(role)).is_some() {
                return Err(Refused::new(format!("two of the roles are named {name:?}")).into());
            }
            held.push(name);
        }
        let labels = self.labels.as_deref().map(LabelFilter::parse).transpose().map_err(Usage)?;
        let mut labels = labels.unwrap_or_default().into_labels();
        if self.verb.is_none() {
            // As every MCP server has it.
            labels.entry(APP_SUB_KIND_LABEL.to_owned()).or_insert_with(|| SUB_KIND_MCP.to_owned());
        }
        Ok(Case {
            roles,
            user: self.user.clone().unwrap_or_else(|| SOMEBODY.to_owned()),
            holder: Holder { roles: held, traits: traits(&self.traits).map_err(Usage)? },
            state: AccessState { mfa_verified: self.mfa, ..AccessState::default() },
            question: self.question(labels.into())?,
        })
    }

    fn question(&self, labels: KnownLabels) -> Result<Question, Usage> {
        if let Some((kind, verb)) = self.right() {
            let target =
                self.name.clone().map(|name| Target::described(&kind, name, labels.labels));
            return Ok(Question::Rule { kind, verb, target });
        }
        let app = match &self.app {
            Some(app) => app.clone(),
            None if self.role.is_empty() => return Err(self.without_app()),
            None => SOME_APP.to_owned(),
        };
        Ok(Question::Use { app, labels, subject: self.subject.subject() })
    }

    /// The kind and verb that are asked about.
    fn right(&self) -> Option<(String, String)> {
        let (verb, kind) = (self.verb.clone()?, self.kind.as_deref()?);
        // The kinds of documents have other spellings; rules speak of some that have no documents.
        let kind = resource::Kind::parse(kind)
            .map_or_else(|_| kind.to_owned(), |kind| kind.as_str().to_owned());
        Some((kind, verb))
    }

    fn without_app(&self) -> Usage {
        let what = if self.subject.is_given() {
            "on which app? give --app=NAME"
        } else {
            "explain what? give --app=NAME, or --verb and --kind"
        };
        Usage(what.to_owned())
    }
}

/// The roles in these files, in order.
pub(super) fn roles_of(files: &[PathBuf]) -> anyhow::Result<Vec<Role>> {
    let mut roles = Vec::new();
    for path in files {
        let source = input::read_file(path)?;
        let mut documents = mistakes::documents(&source);
        while let Some(document) = documents.next() {
            let parsed = document.map_err(|report| Mistakes::with_rest(report, &mut documents))?;
            match parsed.resource {
                Resource::Role(role) => roles.push(role),
                other => {
                    let message =
                        format!("{}: expected roles, found a {}", source.name(), other.kind());
                    return Err(Refused::new(message).into());
                }
            }
        }
    }
    Ok(roles)
}

/// Reads `name=value,value`, one trait each.
fn traits(texts: &[String]) -> Result<Traits, String> {
    let mut traits = Traits::new();
    for text in texts {
        let Some((name, values)) = text.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            return Err(format!("--traits: {text:?} is not a trait: write NAME=VALUE,VALUE"));
        };
        let values = values.split(',').map(str::trim).filter(|value| !value.is_empty());
        traits.entry(name.to_owned()).or_default().extend(values.map(str::to_owned));
    }
    Ok(traits)
}

#[cfg(test)]
mod tests;
