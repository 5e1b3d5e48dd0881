//! The roles, the user, the app and the tools that both engines decide about.
//!
//! A quarter of the patterns are literals, a quarter globs, a quarter regexes and a quarter templates. Of
//! globs and regexes most say how a name begins, some how it ends, some neither; roles share a part of what
//! they say, as roles do. Every pattern has a meaning that the other engine's `like` can express as well.

use std::sync::Arc;

use policy::{AppAccess, AppRef, RoleSet, User};
use resource::{LabelSelector, Labels, Role, Traits};
use serde_json::json;

/// Patterns that each role allows.
pub(crate) const PATTERNS: usize = 100;
/// Tools in a long list.
pub(crate) const TOOLS: usize = 10_000;
pub(crate) const USER: &str = "alice";
pub(crate) const EXPRESSION: &str = r#"labels["env"] == "dev" && (contains(user.spec.traits["teams"], labels["team"]) || labels["tier"] != "1")"#;

const SERVICES: [&str; 20] = [
    "github",
    "gitlab",
    "slack",
    "jira",
    "linear",
    "notion",
    "postgres",
    "mysql",
    "redis",
    "s3",
    "kafka",
    "grafana",
    "sentry",
    "stripe",
    "salesforce",
    "hubspot",
    "drive",
    "calendar",
    "mail",
    "search",
];
const VERBS: [&str; 10] =
    ["get", "list", "create", "update", "delete", "search", "export", "import", "archive", "share"];
const NOUNS: [&str; 10] =
    ["issue", "page", "table", "user", "file", "event", "message", "report", "invoice", "branch"];

/// One entry of a role, as each engine has it.
pub(crate) struct Entry {
    pub(crate) ours: String,
    pub(crate) theirs: Theirs,
}

/// What an entry means to the other engine.
pub(crate) enum Theirs {
    Equal(String),
    /// Any of these.
    Like(Vec<String>),
}

/// So many roles of one user.
pub(crate) struct Scene {
    pub(crate) allowed: Vec<Vec<Entry>>,
    pub(crate) denied: Vec<Entry>,
    roles: Vec<Arc<Role>>,
    traits: Traits,
    labels: Labels,
}

// === impl Scene ===

impl Scene {
    pub(crate) fn new(roles: usize) -> Self {
        let allowed: Vec<Vec<Entry>> = (0..roles).map(entries).collect();
        let denied = vec![
            like("*_delete_*", &["*_delete_*"]),
            like("^.*_(drop|purge)_.*$", &["*_drop_*", "*_purge_*"]),
        ];
        let texts = |entries: &[Entry]| entries.iter().map(|entry| entry.ours.clone()).collect();
        let made = allowed.iter().enumerate().map(|(at, entries)| {
            let mut role = Role::new(format!("r{at}"));
            role.spec.allow.app_labels = Some(LabelSelector::from_pairs([("env", "dev")]));
            role.spec.allow.mcp.tools = Some(texts(entries));
            role.spec.deny.mcp.tools = Some(texts(&denied));
            Arc::new(role)
        });
        Self { roles: made.collect(), traits: traits(), labels: labels(), allowed, denied }
    }

    pub(crate) fn compile(&self) -> RoleSet {
        RoleSet::compile(&self.roles, User::new(USER, &self.traits))
    }

    pub(crate) fn access(&self, set: &RoleSet) -> AppAccess {
        set.access(AppRef::new("app", &self.labels))
    }
}

fn entries(role: usize) -> Vec<Entry> {
    (0..PATTERNS).map(|at| entry(role, at)).collect()
}

fn entry(role: usize, at: usize) -> Entry {
    let number = at / 4;
    let service = pick(&SERVICES, role + number);
    let verb = pick(&VERBS, role / 3 + number);
    let noun = pick(&NOUNS, role / 7 + number / 3);
    let n = (role * 13 + number * 5) % 50;
    let shape = number % 5;
    match at % 4 {
        0 => {
            let name = format!("{service}_{verb}_{noun}_{n}");
            Entry { ours: name.clone(), theirs: Theirs::Equal(name) }
        }
        1 => {
            let glob = match shape {
                0..=2 => format!("{service}_{verb}_{noun}_*"),
                3 => format!("*_{verb}_{noun}_{n}"),
                _ => format!("*_{verb}_{noun}_{n}*"),
            };
            like(&glob, &[&glob])
        }
        2 => match shape {
            0..=2 => {
                let two = [format!("{service}_get_*_{n}"), format!("{service}_list_*_{n}")];
                like(&format!("^{service}_(get|list)_.*_{n}$"), &[&two[0], &two[1]])
            }
            3 => {
                let two = [format!("*_{noun}_{n}"), format!("*_{noun}_{n}0")];
                like(&format!("^.*_{noun}_({n}|{n}0)$"), &[&two[0], &two[1]])
            }
            _ => {
                let two = [format!("*_export_{noun}_{n}*"), format!("*_import_{noun}_{n}*")];
                like(&format!("^.*_(export|import)_{noun}_{n}.*$"), &[&two[0], &two[1]])
            }
        },
        _ => {
            let (ours, theirs) = match shape {
                0..=2 => ("{{external.service}}", format!("search_{verb}_{noun}_{n}*")),
                _ => ("{{external.other}}", format!("mail_{verb}_{noun}_{n}*")),
            };
            like(&format!("{ours}_{verb}_{noun}_{n}*"), &[&theirs])
        }
    }
}

fn like(ours: &str, theirs: &[&str]) -> Entry {
    let theirs = theirs.iter().map(|text| (*text).to_owned()).collect();
    Entry { ours: ours.to_owned(), theirs: Theirs::Like(theirs) }
}

fn pick(words: &[&'static str], at: usize) -> &'static str {
    words.get(at % words.len()).copied().unwrap_or_default()
}

/// The user's.
pub(crate) fn traits() -> Traits {
    let list = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    Traits::from([
        ("service".to_owned(), list(&["search"])),
        ("other".to_owned(), list(&["mail"])),
        ("teams".to_owned(), list(&["red", "green", "blue"])),
    ])
}

/// The app's.
pub(crate) fn labels() -> Labels {
    let pairs = [("env", "dev"), ("team", "blue"), ("tier", "1")];
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
}

/// Names in an order that has nothing to do with the roles.
pub(crate) fn tools() -> Vec<String> {
    let name = |at: usize| {
        let at = at * 7_919 % TOOLS;
        let (service, verb) = (pick(&SERVICES, at), pick(&VERBS, at / 20));
        format!("{service}_{verb}_{}_{}", pick(&NOUNS, at / 200), at / 2_000 * 10 + at % 10)
    };
    (0..TOOLS).map(name).collect()
}

/// The answer of a server that has all the tools.
pub(crate) fn answer(tools: &[String]) -> Vec<u8> {
    let tool = |name: &String| {
        json!({
            "name": name,
            "description": "Does what its name says, for the project that is given.",
            "inputSchema": {
                "type": "object",
                "properties": {"project": {"type": "string"}, "limit": {"type": "integer"}},
                "required": ["project"],
            },
        })
    };
    let tools: Vec<_> = tools.iter().map(tool).collect();
    json!({"jsonrpc": "2.0", "id": 1, "result": {"tools": tools}}).to_string().into_bytes()
}
