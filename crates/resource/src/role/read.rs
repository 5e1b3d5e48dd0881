//! Reads roles, with the checks that need no understanding of templates, expressions and patterns.

use std::time::Duration;

use serde_json::Value;

use super::known::{OTHER_CONDITIONS, OTHER_OPTIONS, is_reserved_name};
use super::{
    Conditions, DEFAULT_NAMESPACE, LockMode, McpConditions, MfaRequirement, Role, RoleOptions,
    RoleSpec, RoleVersion, Rule,
};
use crate::decode::{FromNode, Reader, Table};
use crate::label::LabelSelector;
use crate::metadata::{NameRule, metadata};
use crate::report::quoted;

/// The two sides of a role. What is refused on one may be harmless on the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Allow,
    Deny,
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

impl Role {
    pub(crate) fn read(document: &mut Table<'_>) -> Option<Self> {
        let version = version(document);
        let metadata = metadata(document, NameRule::Plain);
        reserved_name(document, metadata.as_ref().map(|metadata| metadata.name.as_str()));
        let spec = match document.field("spec") {
            None => Some(RoleSpec::default()),
            Some(reader) => reader.table(spec),
        };
        let (version, metadata, mut spec) = (version?, metadata?, spec?);
        if version == RoleVersion::V3 && spec.allow.app_labels.is_none() {
            spec.allow.app_labels = Some(LabelSelector::wildcard());
        }
        Some(Self { version, metadata, spec })
    }
}

fn version(document: &mut Table<'_>) -> Option<RoleVersion> {
    const HELP: &str = "use v8; v3 to v7 are understood too";
    let Some(reader) = document.field("version") else {
        return document.missing_with_help("version", "role version \"\" is not supported", HELP);
    };
    let text = reader.text()?;
    let version = RoleVersion::parse(text);
    if version.is_none() {
        let message = format!("role version {} is not supported", quoted(text));
        reader.refuse_with_help::<()>(message, HELP);
    }
    version
}

fn reserved_name(document: &mut Table<'_>, name: Option<&str>) {
    if let Some(name) = name.filter(|name| is_reserved_name(name))
        && let Some(metadata) = document.field("metadata")
    {
        let message = format!("reserved role: {} names a part of the cluster", quoted(name));
        metadata.refuse_with_help::<()>(message, "use a different name");
    }
}

fn spec(table: &mut Table<'_>) -> Option<RoleSpec> {
    let options = match table.field("options") {
        None => Some(RoleOptions::default()),
        Some(reader) => reader.table(|table| Some(options(table))),
    };
    let allow = conditions(table, Side::Allow);
    let deny = conditions(table, Side::Deny);
    Some(RoleSpec { options: options?, allow: allow?, deny: deny? })
}

fn conditions(spec: &mut Table<'_>, side: Side) -> Option<Conditions> {
    let Some(reader) = spec.field(side.name()) else { return Some(Conditions::default()) };
    reader.table(|table| {
        let namespaces = table.get::<Vec<String>>("namespaces").filter(|list| !list.is_empty());
        let app_labels = table.field("app_labels").map(|reader| selector(reader, side));
        let expression = table.get::<String>("app_labels_expression");
        let mcp = table.get_or_default("mcp");
        let rules = table.field("rules").map(|reader| rules(reader, side));
        if side == Side::Allow {
            wildcard_login(table);
        }
        let other = table.keep(OTHER_CONDITIONS);
        Some(Conditions {
            namespaces: namespaces.unwrap_or_else(|| vec![DEFAULT_NAMESPACE.to_owned()]),
            app_labels: flip(app_labels)?,
            app_labels_expression: expression.filter(|text| !text.is_empty()),
            mcp,
            rules: flip(rules)?.unwrap_or_default(),
            other,
        })
    })
}

/// From "written and understood, written and not understood, absent" to "refused or not".
fn flip<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    match read {
        Some(None) => None,
        Some(Some(value)) => Some(Some(value)),
        None => Some(None),
    }
}

fn selector(reader: Reader<'_>, side: Side) -> Option<LabelSelector> {
    let selector = LabelSelector::from_node(reader)?;
    let everything = selector.0.get("*");
    // In a deny it looks for a label of that name, and is harmless.
    if side == Side::Allow && everything.is_some_and(|values| values.as_slice() != ["*"]) {
        let help = "the key \"*\" stands for every resource and takes the value \"*\" alone";
        let at = reader.entries()?.find(|(key, _)| *key == "*").map_or(reader, |(_, value)| value);
        return at.refuse_with_help("selector *:<val> is not supported", help);
    }
    Some(selector)
}

fn wildcard_login(table: &mut Table<'_>) {
    let logins = table.field("logins").and_then(Reader::items);
    for login in logins.into_iter().flatten() {
        if login.text() == Some("*") {
            login.refuse::<()>("wildcard matcher is not allowed in logins");
        }
    }
}

impl FromNode for McpConditions {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.table(|table| {
            Some(Self {
                tools: table.get("tools"),
                prompts: table.get("prompts"),
                resources: table.get("resources"),
            })
        })
    }
}

fn rules(reader: Reader<'_>, side: Side) -> Option<Vec<Rule>> {
    let rules: Vec<Option<Rule>> =
        reader.items()?.enumerate().map(|(index, item)| rule(item, side, index)).collect();
    rules.into_iter().collect()
}

fn rule(reader: Reader<'_>, side: Side, index: usize) -> Option<Rule> {
    reader.table(|table| {
        let side = side.name();
        let mut list = |name: &'static str, what: &str| {
            let found = table.field(name);
            let list: Option<Vec<String>> = found.map_or_else(|| Some(Vec::new()), Reader::read);
            if list.as_ref().is_some_and(Vec::is_empty) {
                let message = format!("failed to process '{side}' rule {index}: missing {what}");
                return match found {
                    Some(found) => found.refuse(message),
                    None => table.missing(name, &message),
                };
            }
            list
        };
        let resources = list("resources", "resources to match");
        let verbs = list("verbs", "verbs");
        let where_clause = table.get::<String>("where").filter(|text| !text.is_empty());
        let actions = table.get_or_default("actions");
        Some(Rule { resources: resources?, verbs: verbs?, where_clause, actions })
    })
}

fn options(table: &mut Table<'_>) -> RoleOptions {
    RoleOptions {
        max_session_ttl: table.get("max_session_ttl"),
        client_idle_timeout: table.field("client_idle_timeout").and_then(idle_timeout),
        disconnect_expired_cert: table.get("disconnect_expired_cert"),
        require_session_mfa: table.get("require_session_mfa"),
        device_trust_mode: table.get("device_trust_mode"),
        lock: table.get("lock"),
        pin_source_ip: table.get("pin_source_ip"),
        other: table.keep(OTHER_OPTIONS),
    }
}

/// `never` is how documents in use spell the absence of a timeout.
fn idle_timeout(reader: Reader<'_>) -> Option<Duration> {
    match reader.node().as_scalar() {
        Some(scalar) if scalar.text == "never" => Some(Duration::ZERO),
        _ => reader.read(),
    }
}

impl FromNode for MfaRequirement {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        match reader.text()?.to_ascii_lowercase().as_str() {
            "" | "no" | "off" | "false" => Some(Self::Off),
            "yes" | "on" | "true" => Some(Self::Session),
            _ => {
                let spellings = [("yes", Self::Session), ("no", Self::Off)];
                let choices: Vec<_> = spellings.into_iter().chain(Self::SPELLINGS).collect();
                reader.choice("requirement", &choices)
            }
        }
    }
}

impl FromNode for LockMode {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader
            .choice("locking mode", &[("strict", Self::Strict), ("best_effort", Self::BestEffort)])
    }
}

/// What `require_session_mfa` is written back as.
pub(crate) fn spelling(requirement: MfaRequirement) -> Value {
    match requirement {
        MfaRequirement::Off => Value::Bool(false),
        MfaRequirement::Session => Value::Bool(true),
        other => MfaRequirement::SPELLINGS
            .iter()
            .find(|(_, value)| *value == other)
            .map_or(Value::Bool(true), |(name, _)| Value::from(*name)),
    }
}
