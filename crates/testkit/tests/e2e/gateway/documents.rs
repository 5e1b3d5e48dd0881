//! `tctl create`, `get`, `edit`, `rm`: documents in and out.

use serde_json::{Value, json};
use testkit::{Cluster, wait};

use super::{refused, text};

/// What users of another product have, as it is.
const TWO_DOCUMENTS: &str = r#"kind: app
version: v3
metadata:
  name: everything
  description: everything MCP server
  labels:
    env: dev
    team: ai
spec:
  mcp:
    command: "docker"
    args: ["run", "-i", "--rm", "mcp/everything"]
    run_as_host_user: "docker"
---
kind: role
version: v8
metadata:
  name: mcp-dev
spec:
  allow:
    app_labels:
      env: ["dev", "stage"]
    mcp:
      tools:
      - search-files
      - slack_*
      - ^(get|read|list).*$
      - "{{internal.mcp_tools}}"
      - "{{external.tools}}"
  deny:
    mcp:
      tools:
      - slack_post_message
  options:
    max_session_ttl: 8h
"#;

/// Mistakes of form and of meaning; the first document has none.
const MISTAKES: &str = r#"kind: role
version: v8
metadata:
  name: fine
spec:
  allow:
    app_labels: {env: dev}
---
kind: role
version: v8
metadata:
  name: mistaken
spec:
  alow:
    app_labels: {env: dev}
  deny:
    mcp:
      tools: ["^(unclosed$", 7]
---
kind: app
version: v3
metadata:
  name: mistaken
spec:
  mcp:
    comand: npx
    run_as_host_user: nobody
"#;

#[test]
fn documents_that_users_have_are_accepted_and_come_back() {
    let cluster = Cluster::single();
    let said = cluster.admin_with(&["create", "-"], TWO_DOCUMENTS);
    assert!(said.contains(r#"application "everything" has been created"#), "{said}");
    assert!(said.contains(r#"role "mcp-dev" has been created"#), "{said}");
    let twice = cluster.tctl_with(&["create", "-"], TWO_DOCUMENTS);
    refused(&twice, &[r#"application "everything" already exists"#, "-f"]);
    let said = cluster.admin_with(&["create", "-f"], TWO_DOCUMENTS);
    assert!(said.contains(r#"application "everything" has been updated"#), "{said}");

    // What is printed is what is accepted, in both forms, and nothing changes on the way.
    for format in ["yaml", "json"] {
        let format = format!("--format={format}");
        for reference in ["app/everything", "role/mcp-dev", "roles", "apps", "users", "cap"] {
            let printed = cluster.admin(&["get", reference, &format]);
            if printed.trim() == "[]" || printed.trim().is_empty() {
                continue;
            }
            let before = without_revisions(cluster.tctl_json(&["get", reference, "--format=json"]));
            let file = cluster.scratch().write("printed", &printed);
            cluster.admin(&["create", "-f", "--confirm", text(&file)]);
            let after = without_revisions(cluster.tctl_json(&["get", reference, "--format=json"]));
            assert_eq!(before, after, "{reference}");
        }
    }
    let said = cluster.admin(&["rm", "app/everything"]);
    assert!(said.contains(r#"application "everything" has been deleted"#), "{said}");
    refused(&cluster.tctl(&["rm", "app/everything"]), &["everything"]);
    refused(&cluster.tctl(&["get", "app/everything"]), &["everything"]);
    refused(&cluster.tctl(&["rm", "role/mcp-user-typo"]), &["mcp-user-typo"]);
}

/// Revisions, and what is observed, change by themselves.
fn without_revisions(mut listed: Value) -> Value {
    for one in listed.as_array_mut().into_iter().flatten() {
        one.as_object_mut().unwrap().remove("status");
        one["metadata"].as_object_mut().unwrap().remove("revision");
    }
    listed
}

#[test]
fn mistakes_are_told_with_their_place_and_nothing_is_half_applied() {
    let cluster = Cluster::single();
    let file = cluster.scratch().write("mistakes.yaml", MISTAKES);
    let done = cluster.tctl(&["create", text(&file)]);
    refused(
        &done,
        &[
            &format!("{}:14:3: ", file.display()),
            "spec.alow",
            "allow",
            ":18:",
            "spec.deny.mcp.tools[0]",
        ],
    );
    let roles = cluster.admin(&["get", "roles"]);
    assert!(!roles.contains("mistaken"), "{roles}");
    let apps = cluster.admin(&["get", "apps"]);
    assert!(!apps.contains("mistaken"), "{apps}");

    let app = MISTAKES.rsplit("---\n").next().unwrap();
    let file = cluster.scratch().write("app.yaml", app);
    refused(
        &cluster.tctl(&["create", text(&file)]),
        &[&format!("{}:7:5: ", file.display()), "spec.mcp.comand", "command"],
    );
    for (document, words) in [
        ("", &["no resources found, empty input?"][..]),
        ("kind: rolle\nversion: v3\nmetadata: {name: x}\n", &["1:7", "rolle", "\"role\""]),
        ("kind: role\nversion: v8\nmetadata: {name: x, name: y}\n", &["3:", "name"]),
        ("kind: role\nversion: v99\nmetadata: {name: x}\nspec: {}\n", &["2:10", "v99", "v8"]),
        ("kind: role\nversion: v8\nmetadata:\n\tname: x\n", &["stdin:4:", "tab"]),
        ("kind: user\nversion: v2\nmetadata: {name: x}\nspec: {roles: [nope]}\n", &["nope"]),
        ("kind: proxy\nversion: v2\nmetadata: {name: x}\nspec: {host_id: x}\n", &["proxies"]),
    ] {
        refused(&cluster.tctl_with(&["create", "-"], document), words);
    }
    refused(&cluster.tctl(&["create", "/no/such/file"]), &["/no/such/file"]);
    let unknown = cluster.tctl(&["get", "no_such_kind"]);
    assert_eq!(unknown.status.code(), Some(64), "{unknown:?}");
    assert!(unknown.stderr.contains("no_such_kind"), "{unknown:?}");
}

#[test]
fn editing_is_conditional_and_harmless_when_nothing_changes() {
    let cluster = Cluster::single();
    cluster.tools_role("dev", &["echo"]);
    let edit = |script: &str| {
        let script = cluster.scratch().write("editor.sh", script);
        let mut command = cluster.binaries().tctl();
        command.env("EDITOR", format!("sh {}", script.display()));
        command.arg("-c").arg(cluster.scratch().join("auth/tessera.yaml"));
        testkit::process::run(
            {
                command.args(["edit", "role/dev"]);
                command
            },
            b"",
            wait::PATIENCE,
        )
    };
    let done = edit("true\n");
    assert!(done.status.success(), "{done:?}");
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), done.stderr);
    assert!(said.contains("edit canceled, no changes made"), "{said}");
    refused(&edit("sed -i 's/name: dev/name: other/' \"$1\"\n"), &["renaming"]);
    refused(&edit("exit 3\n"), &["editor"]);
    assert!(edit("sed -i 's/echo/write/' \"$1\"\n").status.success());
    let tools = |role: &Value| role.pointer("/spec/allow/mcp/tools").cloned();
    assert_eq!(tools(&cluster.get("role/dev")), Some(json!(["write"])));

    // Somebody else was faster: what they wrote stays.
    let config = cluster.scratch().join("auth/tessera.yaml");
    let faster = cluster.scratch().write(
        "faster.yaml",
        "kind: role\nversion: v8\nmetadata: {name: dev}\nspec: {allow: {mcp: {tools: [theirs]}}}\n",
    );
    let tctl = cluster.binaries().folder().join("tctl");
    let script = format!(
        "{} -c {} create -f {} && sed -i 's/write/mine/' \"$1\"\n",
        tctl.display(),
        config.display(),
        faster.display()
    );
    refused(&edit(&script), &["dev"]);
    assert_eq!(tools(&cluster.get("role/dev")), Some(json!(["theirs"])));
}
