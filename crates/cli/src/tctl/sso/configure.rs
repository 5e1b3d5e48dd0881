//! `tctl sso configure`: a connector from options, printed as a document.

mod github;
mod oidc;
mod saml;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;
use resource::{Resource, Secret, Secrets};
use serde_json::{Map, Value, json};

use self::github::Github;
use self::oidc::Oidc;
use self::saml::Saml;
use crate::exit::Usage;
use crate::run::Context;

#[derive(Debug, clap::Args)]
pub(super) struct Configure {
    #[command(subcommand)]
    command: ConfigureCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigureCommand {
    /// A connector to an OpenID Connect provider.
    Oidc(Box<Oidc>),
    /// A connector to a SAML provider.
    Saml(Box<Saml>),
    /// A connector to GitHub.
    Github(Box<Github>),
}

/// The spec of a connector.
#[derive(Default)]
struct Spec(Map<String, Value>);

/// How a kind of connector writes its mappings.
#[derive(Clone, Copy)]
struct Words {
    name: &'static str,
    value: &'static str,
    usage: &'static str,
}

/// Prints the connector, with its secret: it is to be created.
pub(super) fn configure(cx: &Context, args: Configure) -> anyhow::Result<ExitCode> {
    let connector = match args.command {
        ConfigureCommand::Oidc(oidc) => oidc.document()?,
        ConfigureCommand::Saml(saml) => saml.document()?,
        ConfigureCommand::Github(github) => github.document()?,
    };
    cx.printer.data(connector.to_yaml(Secrets::Include).trim_end())?;
    Ok(ExitCode::SUCCESS)
}

// === impl Spec ===

impl Spec {
    /// Puts a field in that says something.
    fn put(&mut self, name: &str, value: Value) {
        let is_empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        if !is_empty {
            self.0.insert(name.to_owned(), value);
        }
    }

    /// Read as a cluster would: what cannot be created is not printed.
    fn into_connector(self, kind: &str, version: &str, name: &str) -> anyhow::Result<Resource> {
        let document =
            json!({"kind": kind, "version": version, "metadata": {"name": name}, "spec": self.0});
        Resource::from_json(document.to_string().as_bytes()).map_err(|report| {
            let problems: Vec<String> = report.problems().iter().map(ToString::to_string).collect();
            Usage(problems.join("; ")).into()
        })
    }
}

/// Each text as an entry of a list of mappings.
fn mappings(texts: &[String], words: Words) -> Result<Value, Usage> {
    texts.iter().map(|text| mapping(text, words)).collect()
}

fn mapping(text: &str, words: Words) -> Result<Value, Usage> {
    let mut parts = text.split(',').map(str::trim);
    let (name, value) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let roles: Vec<&str> = parts.collect();
    if name.is_empty()
        || value.is_empty()
        || roles.is_empty()
        || roles.iter().any(|role| role.is_empty())
    {
        return Err(Usage(format!("{text:?} is not {}", words.usage)));
    }
    let mut entry = Map::new();
    entry.insert(words.name.to_owned(), json!(name));
    entry.insert(words.value.to_owned(), json!(value));
    entry.insert("roles".to_owned(), json!(roles));
    Ok(entry.into())
}

fn read_secret(path: &Path) -> anyhow::Result<Secret<String>> {
    let text = if path == Path::new("-") {
        std::io::read_to_string(std::io::stdin()).context("cannot read standard input")?
    } else {
        read_file(path)?
    };
    Ok(Secret::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

fn read_file(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod testing {
    //! What tests of every kind of connector need.

    use std::path::PathBuf;

    /// A file with the secret `s`, in a folder that is gone when it is dropped.
    pub(super) fn secret_file() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "s\n").unwrap();
        (folder, path)
    }
}
