//! Runs the vectors: examples of what roles mean, one decision each.
//!
//! They are read from `tests/vectors`, or from the folder that `TESSERA_VECTORS` names: a relative name is meant
//! from the top folder of the workspace, where the command is given, and not from this crate, where tests run.
//! Files of the same form run as they are; a group or key that is not known here is a failure, so that nothing
//! passes unread.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use policy::{
    AppRef, DenialKind, ExpressionContext, LabelExpression, ResourceRef, RoleMap, RoleMapping,
    RoleSet, RootTools, RuleContext, RuleDecision, Template, TemplateError, TemplateValues, User,
    implicit_role, validate_role,
};
use resource::{FromNode, Labels, Reader, Resource, Role, Source, Traits, decode_config};
use serde_json::{Value, json};

/// What came out, or why nothing could.
type Outcome = Result<Verdict, String>;

/// A vector that was run.
struct Verdict {
    expected: String,
    found: String,
}

/// Any YAML document, as it stands.
struct Document(Value);

impl FromNode for Document {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        Some(Self(reader.node().to_json()))
    }
}

#[test]
fn vectors() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = match std::env::var_os("TESSERA_VECTORS") {
        Some(folder) => crate_folder.join("../..").join(folder),
        None => crate_folder.join("tests/vectors"),
    };
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no vectors in {}", folder.display());

    let (mut passed, mut failed) = (0, 0);
    for file in files {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(&file).unwrap();
        let document = match decode_config::<Document>(&Source::new(&name, &text)) {
            Ok(Document(document)) => document,
            Err(report) => {
                println!("FAIL {name}: {report}");
                failed += 1;
                continue;
            }
        };
        if let Err(problem) = known(&document, &["group", "about", "vectors"]) {
            println!("FAIL {name}: {problem}");
            failed += 1;
        }
        let group = document["group"].as_str().unwrap_or_default();
        let Some(vectors) = document["vectors"].as_array() else {
            println!("FAIL {name}: no vectors");
            failed += 1;
            continue;
        };
        for vector in vectors {
            match run(group, vector) {
                Ok(verdict) if verdict.expected == verdict.found => passed += 1,
                outcome => {
                    failed += 1;
                    let id = vector["id"].as_str().unwrap_or("without id");
                    let desc = vector["desc"].as_str().unwrap_or_default();
                    match outcome {
                        Ok(Verdict { expected, found }) => {
                            println!("FAIL {id} ({desc}): expected {expected}, came {found}");
                        }
                        Err(problem) => println!("FAIL {id} ({desc}): {problem}"),
                    }
                }
            }
        }
    }
    println!("vectors: {passed} passed, {failed} failed");
    assert_eq!(failed, 0, "{failed} vectors failed");
}

fn run(group: &str, vector: &Value) -> Outcome {
    match group {
        "label_match" => label_match(vector),
        "tool_match" => tool_match(vector),
        "tools_list" => tools_list(vector),
        "visit_tools" => visit_tools(vector),
        "interpolate" => interpolate(vector),
        "expression" => expression(vector),
        "rule_check" => rule_check(vector),
        "role_validate" => role_validate(vector),
        "role_map" => role_map(vector),
        other => Err(format!("the group {other:?} is not known")),
    }
}

// --- groups

fn label_match(vector: &Value) -> Outcome {
    keys(vector, &["roles", "user", "app", "expect"])?;
    let session = Session::of(vector)?;
    let decision = session.access().connect();
    verdict(vector, &decision.into_result().map_err(|denial| denial.kind()))
}

fn tool_match(vector: &Value) -> Outcome {
    let tool = text(&vector["tool"])?;
    if vector.get("patterns").is_none() {
        keys(vector, &["roles", "user", "app", "tool", "expect"])?;
        let session = Session::of(vector)?;
        let access = session.access();
        let decision = access.tool(&tool);
        if decision.is_allowed() != access.tool_visible(&tool) {
            return Err("visible and callable differ".to_owned());
        }
        return verdict(vector, &decision.into_result().map_err(|denial| denial.kind()));
    }
    keys(vector, &["patterns", "tool", "expect"])?;
    let roles = json!([{"version": "v8", "allow": {
        "app_labels": {"*": "*"}, "mcp": {"tools": vector["patterns"]}}}]);
    let session = Session::new(&roles, &json!({"name": "u", "traits": {}}), &json!({"name": "a"}))?;
    let found = match session.access().tool(&tool).into_result() {
        Ok(_) => "match",
        Err(denial) if denial.is_evaluation_error() => "error",
        Err(_) => "no_match",
    };
    Ok(Verdict { expected: text(&vector["expect"])?, found: found.to_owned() })
}

fn tools_list(vector: &Value) -> Outcome {
    keys(vector, &["roles", "user", "app", "tools", "expect_tools"])?;
    let access = Session::of(vector)?.access();
    let mut tools = texts(&vector["tools"])?;
    tools.retain(|tool| access.tool_visible(tool));
    Ok(Verdict {
        expected: format!("{:?}", texts(&vector["expect_tools"])?),
        found: format!("{tools:?}"),
    })
}

/// What a root tells a leaf, and what becomes of it there.
fn visit_tools(vector: &Value) -> Outcome {
    let told = ["root_roles", "roles", "user", "app", "tools", "expect_tools", "expect_error"];
    keys(vector, &told)?;
    let root = Session::new(&vector["root_roles"], &vector["user"], &vector["app"])?;
    let told = match (root.set.granted_tools(), vector.get("expect_error")) {
        (Ok(told), None) => told,
        (told, expected) => {
            let expected = expected.map_or_else(|| Ok("no error".to_owned()), text)?;
            let found = told.map_or_else(|error| error.to_string(), |told| format!("{told:?}"));
            let found = if found.contains(&expected) { expected.clone() } else { found };
            return Ok(Verdict { expected, found });
        }
    };
    let (name, traits) = user(&vector["user"])?;
    let tools = RootTools { allowed: &told.allowed, denied: &told.denied };
    let visitor = User { root: Some(tools), ..User::new(&name, &traits) };
    let set = RoleSet::compile(&roles(&vector["roles"])?, visitor);
    let access = Session { set, ..root }.access();
    let mut tools = texts(&vector["tools"])?;
    if tools.iter().any(|tool| access.tool(tool).is_allowed() != access.tool_visible(tool)) {
        return Err("visible and callable differ".to_owned());
    }
    tools.retain(|tool| access.tool_visible(tool));
    Ok(Verdict {
        expected: format!("{:?}", texts(&vector["expect_tools"])?),
        found: format!("{tools:?}"),
    })
}

fn interpolate(vector: &Value) -> Outcome {
    keys(vector, &["template", "user", "expect_values", "expect_error"])?;
    let (name, traits) = user(&vector["user"])?;
    let expected = match vector.get("expect_values") {
        Some(values) => format!("{:?}", texts(values)?),
        None => text(&vector["expect_error"])?,
    };
    let found = Template::parse(&text(&vector["template"])?)
        .and_then(|template| template.expand(TemplateValues::new(&name, &traits)));
    let found = match found {
        Ok(values) => format!("{values:?}"),
        Err(TemplateError::Syntax(_)) => "parse_error".to_owned(),
        Err(TemplateError::BadParameter(_) | TemplateError::BadValue(_)) => {
            "bad_parameter".to_owned()
        }
        Err(TemplateError::NotFound(_)) => "not_found".to_owned(),
    };
    Ok(Verdict { expected, found })
}

fn expression(vector: &Value) -> Outcome {
    keys(vector, &["expr", "labels", "user", "expect", "message_contains"])?;
    let labels = labels(&vector["labels"])?;
    let (name, traits) = user(&vector["user"])?;
    let context = ExpressionContext { labels: &labels, user: &name, traits: &traits };
    let (found, message) = match LabelExpression::parse(&text(&vector["expr"])?) {
        Err(error) => ("parse_error".to_owned(), error.to_string()),
        Ok(expression) => match expression.eval(context) {
            Ok(value) => (value.to_string(), String::new()),
            Err(error) => ("eval_error".to_owned(), error.to_string()),
        },
    };
    if let Some(part) = vector.get("message_contains") {
        let part = text(part)?;
        if !message.contains(&part) {
            return Err(format!("expected a message with {part:?}, came {message:?}"));
        }
    }
    Ok(Verdict { expected: text(&vector["expect"])?, found })
}

fn rule_check(vector: &Value) -> Outcome {
    keys(vector, &["roles", "check", "implicit_role", "user", "context", "expect"])?;
    let check = &vector["check"];
    known(check, &["resource", "verb", "namespace"])?;
    let mut roles = roles(&vector["roles"])?;
    if vector["implicit_role"] == json!(true) {
        roles.push(Arc::new(implicit_role()));
    }
    let (name, traits) = user(&vector["user"])?;
    let held = vector["user"].get("roles").map(texts).transpose()?;
    let user = User { roles: held.as_deref(), ..User::new(&name, &traits) };
    let set = RoleSet::compile(&roles, user);

    let namespace = check.get("namespace").map_or(Ok(String::new()), text)?;
    let mut context = RuleContext { namespace: &namespace, resource: None };
    let resource = vector.get("context").map(|context| &context["resource"]);
    if let Some(context) = vector.get("context") {
        known(context, &["resource"])?;
    }
    let of = resource.filter(|resource| !resource.is_null()).unwrap_or(&Value::Null);
    let (kind, resource_name) = (optional(&of["kind"])?, optional(&of["name"])?);
    let labels = labels(&of["labels"])?;
    if !of.is_null() {
        known(of, &["kind", "name", "labels"])?;
        context.resource = Some(ResourceRef::new(&kind, &resource_name, &labels));
    }
    let found = match set.rule(&text(&check["resource"])?, &text(&check["verb"])?, &context) {
        RuleDecision::Allow { .. } => "allow",
        RuleDecision::Deny(denial) if denial.is_evaluation_error() => "error",
        RuleDecision::Deny(_) => "deny",
    };
    Ok(Verdict { expected: text(&vector["expect"])?, found: found.to_owned() })
}

fn role_validate(vector: &Value) -> Outcome {
    // The wording of messages and the releases that refuse are hints; what we refuse is refused.
    keys(vector, &["role", "expect", "message_contains", "severity"])?;
    let found = match Resource::from_json(vector["role"].to_string().as_bytes()) {
        Err(_) => "error",
        Ok(Resource::Role(role)) if validate_role(&role).is_empty() => "ok",
        Ok(_) => "error",
    };
    Ok(Verdict { expected: text(&vector["expect"])?, found: found.to_owned() })
}

fn role_map(vector: &Value) -> Outcome {
    keys(vector, &["role_map", "remote_roles", "expect_roles", "expect_error"])?;
    let mut mappings = Vec::new();
    for entry in vector["role_map"].as_array().ok_or("role_map is not a list")? {
        known(entry, &["remote", "local"])?;
        mappings
            .push(RoleMapping { remote: text(&entry["remote"])?, local: texts(&entry["local"])? });
    }
    let remote = texts(&vector["remote_roles"])?;
    let found = RoleMap::compile(&mappings).and_then(|map| map.apply(&remote));
    match (vector.get("expect_error"), found) {
        (Some(part), Err(error)) => {
            let expected = text(part)?;
            let message = error.to_string();
            let found = if message.contains(&expected) { expected.clone() } else { message };
            Ok(Verdict { expected, found })
        }
        (Some(part), Ok(found)) => {
            Ok(Verdict { expected: text(part)?, found: format!("{found:?}") })
        }
        (None, found) => Ok(Verdict {
            expected: format!("{:?}", texts(&vector["expect_roles"])?),
            found: found.map_or_else(|error| error.to_string(), |roles| format!("{roles:?}")),
        }),
    }
}

// --- reading vectors

struct Session {
    set: RoleSet,
    app: String,
    labels: Labels,
}

impl Session {
    fn of(vector: &Value) -> Result<Self, String> {
        Self::new(&vector["roles"], &vector["user"], &vector["app"])
    }

    fn new(role_list: &Value, user_value: &Value, app: &Value) -> Result<Self, String> {
        known(app, &["name", "labels"])?;
        let (name, traits) = user(user_value)?;
        let set = RoleSet::compile(&roles(role_list)?, User::new(&name, &traits));
        Ok(Self { set, app: text(&app["name"])?, labels: labels(&app["labels"])? })
    }

    fn access(&self) -> policy::AppAccess {
        self.set.access(AppRef::new(&self.app, &self.labels))
    }
}

fn verdict<T>(vector: &Value, found: &Result<T, DenialKind>) -> Outcome {
    let found = match found {
        Ok(_) => "allow",
        Err(DenialKind::Evaluation) => "error",
        Err(_) => "deny",
    };
    Ok(Verdict { expected: text(&vector["expect"])?, found: found.to_owned() })
}

/// The roles of a vector, which are the sides of a role without the rest of the document.
fn roles(list: &Value) -> Result<Vec<Arc<Role>>, String> {
    let list = list.as_array().ok_or("roles is not a list")?;
    list.iter()
        .enumerate()
        .map(|(index, role)| {
            known(role, &["name", "version", "allow", "deny", "options"])?;
            let mut spec = role.clone();
            let fields = spec.as_object_mut().ok_or("a role is not a mapping")?;
            fields.retain(|key, _| matches!(key.as_str(), "allow" | "deny" | "options"));
            let name = role.get("name").map_or_else(|| Ok(format!("role-{index}")), text)?;
            let document = json!({
                "kind": "role", "version": role.get("version").unwrap_or(&json!("v8")),
                "metadata": {"name": name}, "spec": spec,
            });
            match Resource::from_json(document.to_string().as_bytes()) {
                Ok(Resource::Role(role)) => Ok(Arc::new(role)),
                Ok(_) => Err("not a role".to_owned()),
                Err(report) => Err(format!("the role is refused: {report}")),
            }
        })
        .collect()
}

fn user(value: &Value) -> Result<(String, Traits), String> {
    known(value, &["name", "traits", "roles"])?;
    let mut traits = Traits::new();
    for (name, values) in value["traits"].as_object().into_iter().flatten() {
        traits.insert(name.clone(), texts(values)?);
    }
    Ok((text(&value["name"])?, traits))
}

fn labels(value: &Value) -> Result<Labels, String> {
    let pairs = value.as_object().into_iter().flatten();
    pairs
        .map(|(key, value)| Ok((resource::canonical_label_key(key).into_owned(), text(value)?)))
        .collect()
}

fn text(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        other => Err(format!("expected text, found {other}")),
    }
}

fn optional(value: &Value) -> Result<String, String> {
    if value.is_null() { Ok(String::new()) } else { text(value) }
}

fn texts(value: &Value) -> Result<Vec<String>, String> {
    match value {
        Value::Array(items) => items.iter().map(text).collect(),
        Value::Null => Ok(Vec::new()),
        single => text(single).map(|text| vec![text]),
    }
}

/// The vector has no keys but these and those of every vector.
fn keys(vector: &Value, allowed: &[&str]) -> Result<(), String> {
    known(vector, &[&["id", "desc"], allowed].concat())
}

fn known(map: &Value, allowed: &[&str]) -> Result<(), String> {
    let map = map.as_object().ok_or_else(|| format!("expected a mapping, found {map}"))?;
    let unknown: BTreeSet<&str> =
        map.keys().map(String::as_str).filter(|key| !allowed.contains(key)).collect();
    if unknown.is_empty() { Ok(()) } else { Err(format!("unknown keys {unknown:?}")) }
}
