//! What a quickstart says.

use api::Client;
use policy::{AppRef, Decision, RoleSet};
use resource::{Kind, Resource, Secrets};
use serde_json::Value;

use super::apps;
use super::place::Place;

/// Says it.
#[derive(Debug)]
pub(super) struct Show {
    printer: cli::Printer,
}

// === impl Show ===

impl Show {
    pub(super) fn new() -> Self {
        Self { printer: cli::Printer::new() }
    }

    pub(super) fn say(&self, text: &str) {
        self.printer.talk(text);
    }

    pub(super) fn done(&self, what: &str) {
        self.say(&format!("  ok  {what}"));
    }

    pub(super) fn command(&self, _place: &Place, command: &str) {
        self.say(&format!("\n$ {command}"));
    }

    /// A tool call and its answer.
    pub(super) fn call(&self, tool: &str, answer: &Value) {
        self.say(&format!("\n> tools/call {tool}"));
        match (
            answer.pointer("/result/content/0/text").and_then(Value::as_str),
            answer.get("error"),
        ) {
            (Some(text), _) => self.say(&format!("  allowed:\n{}", indent(text))),
            (None, Some(error)) => {
                let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
                let code = error.get("code").cloned().unwrap_or_default();
                self.say(&format!("  refused ({code}):\n{}", indent(message)));
            }
            (None, None) => self.say(&format!("  {answer}")),
        }
    }

    /// Why a tool was refused, by the same engine that refused it. Users are not told this much.
    pub(super) async fn reason(&self, admin: &Client, tool: &str) -> anyhow::Result<()> {
        let app = admin.get(Kind::App, apps::DEMO, Secrets::Redact).await?;
        let user = admin.get(Kind::User, "alice", Secrets::Redact).await?;
        let (Resource::App(app), Resource::User(user)) = (app, user) else { return Ok(()) };
        let mut roles = Vec::new();
        for name in &user.spec.roles {
            if let Resource::Role(role) = admin.get(Kind::Role, name, Secrets::Redact).await? {
                roles.push(std::sync::Arc::new(role));
            }
        }
        let set = RoleSet::compile(&roles, policy::User::new(user.name(), &user.spec.traits));
        let known = app.known_labels();
        let access = set.access(AppRef::known(app.name(), &known));
        if let Decision::Deny(denial) = access.tool(tool) {
            self.say("\nWhy, for an administrator:");
            self.say(&indent(&denial.reasons().to_string()));
        }
        Ok(())
    }

    /// What to type in another shell.
    pub(super) fn next_steps(&self, place: &Place) {
        let (tsh, tctl) = (place.tool("tsh"), place.tool("tctl"));
        let config = place.config_file();
        let (tsh, tctl, config) = (tsh.display(), tctl.display(), config.display());
        self.say(&format!(
            "\nThe cluster stays up until you press Ctrl-C. In another shell, as alice:\n\
             \n  export TESSERA_HOME={home}\n  {tsh} mcp ls\n  {tsh} mcp config {demo} --client-config=claude-code\n\
             \nand as the administrator of this machine:\n\
             \n  {tctl} -c {config} get apps\n  {tctl} -c {config} edit role/quickstart-developer\n  \
             {tctl} -c {config} audit ls\n",
            home = place.home().display(),
            demo = apps::DEMO,
        ));
    }
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}
