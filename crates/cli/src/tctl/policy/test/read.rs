//! Reads a file of tests, with every mistake at its place.

mod expect;

use std::collections::BTreeMap;

use policy::{AccessState, DeviceTrust, FieldError};
use resource::label::{APP_SUB_KIND_LABEL, SUB_KIND_MCP};
use resource::node::NodeValue;
use resource::{
    FromNode, Labels, Node, Position, Problem, Reader, Report, Resource, Role, Source, Span, Table,
    Traits, canonical_label_key, decode, suggest,
};

use super::suite::TestCase;

/// Expectations of one file, each counted once for every user and app of its test.
pub(super) const MAX_EXPECTATIONS: usize = 100_000;

/// What a file says, before its roles are looked for.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) description: String,
    pub(super) roles: Vec<RoleItem>,
    pub(super) presets: Vec<String>,
    pub(super) users: BTreeMap<String, HolderDraft>,
    pub(super) apps: BTreeMap<String, Labels>,
    pub(super) tests: Vec<TestCase>,
}

/// Where roles come from.
#[derive(Debug)]
pub(super) enum RoleItem {
    /// A path or a glob.
    Files(Text),
    /// The role itself.
    Here(Box<Role>, Span),
}

#[derive(Debug, Default)]
pub(super) struct HolderDraft {
    pub(super) roles: Vec<Text>,
    pub(super) traits: Traits,
}

/// A text and where it is written.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) span: Span,
}

/// A whole document.
struct Tree(Node);

/// One value, or a list of them.
struct Many(Vec<String>);

/// Reads a file of tests.
pub(super) fn read(source: &Source) -> Result<Draft, Report> {
    let Tree(tree) = resource::decode_config(source)?;
    let (here, mistakes) = roles_here(source, &tree);
    match decode::decode(&tree, document) {
        Ok(mut draft) if mistakes.is_empty() => {
            for (index, role) in here {
                if let Some(item) = draft.roles.get_mut(index) {
                    *item = role;
                }
            }
            Ok(draft)
        }
        Ok(_) => Err(Report::new(source, mistakes)),
        Err(mut problems) => {
            problems.list.extend(mistakes);
            Err(problems.into_report(source))
        }
    }
}

/// The roles that stand in the file itself, by their place in the list, with what is wrong with them.
fn roles_here(source: &Source, tree: &Node) -> (Vec<(usize, RoleItem)>, Vec<Problem>) {
    let (mut roles, mut mistakes) = (Vec::new(), Vec::new());
    let NodeValue::Sequence(items) =
        tree.get("roles").map_or(&NodeValue::Sequence(Vec::new()), |node| &node.value).clone()
    else {
        return (roles, mistakes);
    };
    for (index, node) in items.iter().enumerate() {
        let NodeValue::Mapping(_) = node.value else { continue };
        let inside = |path: &str| match path {
            "" => format!("roles[{index}]"),
            path => format!("roles[{index}].{path}"),
        };
        match Resource::from_node(node) {
            Ok(Resource::Role(role)) => {
                let errors = policy::validate_role(&role);
                mistakes.extend(errors.into_iter().map(|error| {
                    let mut problem = of_field(source, node, &error);
                    problem.path = inside(&problem.path);
                    problem
                }));
                roles.push((index, RoleItem::Here(Box::new(role), node.span)));
            }
            Ok(other) => mistakes.push(
                Problem::new(inside("kind"), format!("expected a role, found a {}", other.kind()))
                    .at(node.get("kind").map_or(node.span, |kind| kind.span)),
            ),
            Err(problems) => {
                mistakes.extend(problems.list.into_iter().map(|mut problem| {
                    problem.path = inside(&problem.path);
                    problem
                }));
            }
        }
    }
    (roles, mistakes)
}

/// What the engine found wrong with a field, at its place.
fn of_field(source: &Source, role: &Node, error: &FieldError) -> Problem {
    let mut problem = Problem::new(error.path.as_str(), error.message.as_str());
    if let Some(start) = decode::locate(source, role, &error.path, error.offset) {
        let end = Position { column: start.column + error.length.max(1), ..start };
        problem = problem.at(Span { start, end });
    }
    problem.help.clone_from(&error.help);
    problem
}

fn document(reader: Reader<'_>) -> Option<Draft> {
    reader.table(|table| {
        // Editors look for it; it says nothing here.
        table.ignore("$schema");
        let description = table.get_or_default("description");
        let roles = table.get_or_default("roles");
        let presets = table.field("presets").map(presets).unwrap_or_default();
        let users: BTreeMap<String, HolderDraft> = table.require("users").unwrap_or_default();
        let apps = table.field("apps").map(apps).unwrap_or_default();
        let known =
            Known { users: users.keys().cloned().collect(), apps: apps.keys().cloned().collect() };
        let tests = table.required("tests").and_then(|reader| tests(reader, &known));
        Some(Draft { description, roles, presets, users, apps, tests: tests? })
    })
}

/// The names that tests may speak of.
struct Known {
    users: Vec<String>,
    apps: Vec<String>,
}

fn presets(reader: Reader<'_>) -> Vec<String> {
    let known: Vec<String> =
        policy::preset_roles().iter().map(|role| role.name().to_owned()).collect();
    let items = reader.items().into_iter().flatten();
    items.filter_map(|item| known_name(item, "preset role", &known)).collect()
}

fn apps(reader: Reader<'_>) -> BTreeMap<String, Labels> {
    let entries = reader.entries().into_iter().flatten();
    entries
        .map(|(name, reader)| {
            let mut labels = if reader.node().is_null() {
                Labels::new()
            } else {
                let read = |table: &mut Table<'_>| Some(table.get_or_default::<Labels>("labels"));
                reader.table(read).unwrap_or_default()
            };
            labels = labels
                .into_iter()
                .map(|(key, value)| (canonical_label_key(&key).into_owned(), value))
                .collect();
            // Every app that anything is expected of here is an MCP server, and those have this label.
            labels.entry(APP_SUB_KIND_LABEL.to_owned()).or_insert_with(|| SUB_KIND_MCP.to_owned());
            (name.to_owned(), labels)
        })
        .collect()
}

fn tests(reader: Reader<'_>, known: &Known) -> Option<Vec<TestCase>> {
    let mut total = 0_usize;
    let mut tests = Vec::new();
    for (index, item) in reader.items()?.enumerate() {
        let Some(test) = test(item, index, known) else { continue };
        let pairs = test.users.len().saturating_mul(test.apps.len().max(1));
        total = total.saturating_add(pairs.saturating_mul(test.checks.len()));
        tests.push(test);
    }
    if total > MAX_EXPECTATIONS {
        let message = format!(
            "{total} expectations, counting users and apps; at most {MAX_EXPECTATIONS} are allowed"
        );
        return reader.refuse_with_help(message, "split the file");
    }
    if tests.is_empty() {
        return reader.refuse("nothing is tested");
    }
    Some(tests)
}

fn test(reader: Reader<'_>, index: usize, known: &Known) -> Option<TestCase> {
    reader.table(|table| {
        let path = format!("tests[{index}]");
        let name = table.required("name").and_then(expect::non_empty);
        let users = table.required("user").map(|reader| names(reader, "user", &known.users));
        let apps = table.field("app").map(|reader| names(reader, "app", &known.apps));
        let state = AccessState {
            mfa_verified: table.get_or_default("mfa"),
            cluster_requires_mfa: false,
            device: table.field("device").and_then(device).unwrap_or_default(),
        };
        let mut checks = Vec::new();
        let of_app = expect::of_app(table, &path, &mut checks);
        expect::rules(table, &path, &mut checks);
        if of_app && apps.is_none() {
            table.missing::<()>("app", "missing: on which app is this expected?");
        }
        if checks.is_empty() {
            let help = "expect something of connect, tools, prompts, resources or rules";
            return reader.refuse_with_help("nothing is expected", help);
        }
        Some(TestCase {
            name: name?.to_owned(),
            span: reader.node().span,
            users: users?,
            apps: apps.unwrap_or_default(),
            state,
            checks,
        })
    })
}

fn device(reader: Reader<'_>) -> Option<DeviceTrust> {
    let choices = [("trusted", DeviceTrust::Trusted), ("unknown", DeviceTrust::Unknown)];
    reader.choice("device", &choices)
}

/// One name or several, all of them known.
fn names(reader: Reader<'_>, what: &str, known: &[String]) -> Vec<String> {
    match &reader.node().value {
        NodeValue::Sequence(items) if items.is_empty() => {
            reader.refuse::<()>(format!("names no {what}"));
            Vec::new()
        }
        NodeValue::Sequence(_) => {
            let items = reader.items().into_iter().flatten();
            items.filter_map(|item| known_name(item, what, known)).collect()
        }
        NodeValue::Scalar(_) | NodeValue::Mapping(_) => {
            known_name(reader, what, known).into_iter().collect()
        }
    }
}

fn known_name(reader: Reader<'_>, what: &str, known: &[String]) -> Option<String> {
    let name = reader.text()?;
    if known.iter().any(|known| known == name) {
        return Some(name.to_owned());
    }
    let message = format!("there is no {what} {name:?} here");
    match suggest::nearest(name, known.iter().map(String::as_str)) {
        Some(near) => reader.refuse_with_help(message, format!("did you mean {near:?}?")),
        None if known.is_empty() || known.len() > 12 => reader.refuse(message),
        None => reader.refuse_with_help(message, format!("known: {}", known.join(", "))),
    }
}

impl FromNode for Tree {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        Some(Self(reader.node().clone()))
    }
}

impl FromNode for RoleItem {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        if let NodeValue::Mapping(_) = reader.node().value {
            // Read on its own, and put in its place afterwards.
            let files = Text { text: String::new(), span: reader.node().span };
            return Some(Self::Files(files));
        }
        Text::from_node(reader).map(Self::Files)
    }
}

impl FromNode for Text {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        Some(Self { text: expect::non_empty(reader)?.to_owned(), span: reader.node().span })
    }
}

impl FromNode for HolderDraft {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        if reader.node().is_null() {
            return Some(Self::default());
        }
        reader.table(|table| {
            let traits: BTreeMap<String, Many> = table.get_or_default("traits");
            Some(Self {
                roles: table.get_or_default("roles"),
                traits: traits.into_iter().map(|(name, Many(values))| (name, values)).collect(),
            })
        })
    }
}

impl FromNode for Many {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        match reader.node().value {
            NodeValue::Scalar(_) => Some(Self(vec![reader.text()?.to_owned()])),
            NodeValue::Sequence(_) | NodeValue::Mapping(_) => reader.read().map(Self),
        }
    }
}
