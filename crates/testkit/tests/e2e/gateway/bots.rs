//! Bots: `tctl bots`, `tbot`, and programs that use what it writes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::json;
use testkit::process::{self, Process};
use testkit::{Argv, CiPlatform, Cluster, Real, wait};

use super::{call, connect, done, refused, text};

/// A cluster whose server `logged` may be used by holders of `logged`, and the bot `ci` with its token.
fn with_bot(real: &Real, cluster: Cluster) -> (Cluster, String) {
    let _alice =
        super::logged_cluster(&cluster, &real.logging_server(&cluster.scratch().join("log")));
    let made = cluster.tctl_json(&["bots", "add", "ci", "--roles=reader", "--format=json"]);
    assert_eq!(made.get("user_name"), Some(&json!("bot-ci")));
    let token = made.get("token_id").and_then(serde_json::Value::as_str);
    let token = token.unwrap_or_else(|| panic!("{made}")).to_owned();
    (cluster, token)
}

/// Writes the configuration of a bot; gives it, and the identity that programs use.
fn configure(
    cluster: &Cluster,
    name: &str,
    onboarding: &str,
    interval: &str,
) -> (PathBuf, PathBuf) {
    let folder = cluster.scratch().join(name);
    let output = folder.join("out");
    let text = format!(
        "version: v2\nproxy_server: {}\nonboarding:\n{onboarding}  ca_pins: [\"{}\"]\nstorage:\n  type: \
         directory\n  path: {}\ncredential_ttl: 5m\nrenewal_interval: {interval}\nservices:\n- type: \
         identity\n  destination:\n    type: directory\n    path: {}\n  allow_reissue: true\n",
        cluster.proxy_addr(),
        cluster.ca_pin(),
        folder.join("storage").display(),
        output.display(),
    );
    (cluster.scratch().write(Path::new(name).join("tbot.yaml"), text), output.join("identity"))
}

fn by_token(token: &str) -> String {
    format!("  join_method: token\n  token: {token}\n")
}

fn tbot(cluster: &Cluster, config: &Path, more: &[&str]) -> Argv {
    let program = cluster.binaries().folder().join("tbot");
    Argv::new(program).args(["start", "-c", text(config)]).args(more)
}

fn once(cluster: &Cluster, config: &Path) -> process::Finished {
    cluster.run(&tbot(cluster, config, &["--oneshot"]), "")
}

/// Waits until the file holds something else.
fn await_change(bot: &mut Process, file: &Path, before: &str) -> String {
    wait::until("a new identity", wait::PATIENCE, || {
        let now = fs::read_to_string(file).unwrap_or_default();
        if !now.is_empty() && now != before { Ok(now) } else { Err(bot.stderr()) }
    })
}

#[test]
fn a_bots_programs_use_servers_by_what_it_writes() {
    let real = Real::locate();
    let (cluster, token) = with_bot(&real, Cluster::single());
    let (config, identity) = configure(&cluster, "bot", &by_token(&token), "2m");
    let _said = done(&once(&cluster, &config));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&identity), 0o600);
    assert_eq!(mode(identity.parent().unwrap()), 0o700);
    let mut peer = connect(&cluster.way(&identity, "logged"));
    assert!(call(&mut peer, "echo").is_ok());
    let start = cluster.await_audit("the session", &["--event=mcp.session.start"], |event| {
        event["user"] == json!("bot-ci")
    });
    assert_eq!(start["user_kind"], json!(2), "a bot: {start}");

    // Again by what it kept; the token is used up.
    let before = fs::read_to_string(&identity).unwrap();
    let _said = done(&once(&cluster, &config));
    assert_ne!(fs::read_to_string(&identity).unwrap(), before);
    let (other, nothing) = configure(&cluster, "other", &by_token(&token), "2m");
    refused(&once(&cluster, &other), &["join token is not valid"]);
    assert!(!nothing.exists());

    assert!(done(&cluster.tctl(&["bots", "ls"])).contains("bot-ci"));
    cluster.tools_role("more", &["*"]);
    let said = done(&cluster.tctl(&["bots", "update", "ci", "--add-roles=more"]));
    assert!(said.contains("bot \"ci\" has been updated") && said.contains("more"), "{said}");
    // Deleting the bot ends what its programs have open.
    let said = done(&cluster.tctl(&["bots", "rm", "ci"]));
    assert!(said.contains("Bot \"ci\" has been deleted"), "{said}");
    assert_eq!(peer.process().wait(wait::PATIENCE).code(), Some(1));
    refused(&once(&cluster, &config), &["cannot be renewed any more", "tctl bots instances add"]);
}

#[test]
fn an_identity_is_renewed_in_time_and_outlives_the_cluster_being_away() {
    let real = Real::locate();
    let (mut cluster, token) = with_bot(&real, Cluster::apart());
    let (config, identity) = configure(&cluster, "bot", &by_token(&token), "1s");
    let mut bot = cluster.begin_tool(&tbot(&cluster, &config, &[]));
    let first = await_change(&mut bot, &identity, "");
    let second = await_change(&mut bot, &identity, &first);
    // Who comes anew uses the new one; who is there stays.
    let mut peer = connect(&cluster.way(&identity, "logged"));
    let _third = await_change(&mut bot, &identity, &second);
    assert!(call(&mut peer, "echo").is_ok());

    cluster.auth().kill();
    bot.wait_for_output("cannot be used at the moment", wait::PATIENCE);
    let kept = fs::read_to_string(&identity).unwrap();
    assert!(bot.status().is_none(), "{}", bot.stderr());
    cluster.auth().start();
    let _fourth = await_change(&mut bot, &identity, &kept);

    // A copy of what the bot keeps: the first renewal of either shuts out both.
    bot.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(bot.wait(wait::PATIENCE).code(), Some(0));
    let (thief, _loot) = configure(&cluster, "thief", "  join_method: token\n", "2m");
    let kept = cluster.scratch().join("bot/storage/identity.pem");
    let copy = fs::read(&kept).unwrap();
    let storage = cluster.scratch().folder("thief/storage");
    let _done = done(&once(&cluster, &config));
    fs::write(storage.join("identity.pem"), copy).unwrap();
    fs::set_permissions(storage.join("identity.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(&storage, fs::Permissions::from_mode(0o700)).unwrap();
    refused(&once(&cluster, &thief), &["in two places"]);
    refused(&once(&cluster, &config), &["locked"]);
    let locks = done(&cluster.tctl(&["get", "locks"]));
    assert!(locks.contains("bot-ci"), "{locks}");
}

#[test]
fn a_job_of_a_platform_is_a_bot_without_any_secret() {
    let real = Real::locate();
    let (cluster, _token) = with_bot(&real, Cluster::single());
    let platform = CiPlatform::start(&real);
    let issuer = "https://token.actions.githubusercontent.com";
    platform.say(&json!({"iss": issuer, "sub": "x", "repository": "octo/app"}));
    let github = json!({"static_jwks": platform.keys(), "allow": [{"repository": "octo/app"}]});
    cluster.put(&json!({
        "kind": "token", "version": "v2", "metadata": {"name": "gh"},
        "spec": {"roles": ["Bot"], "bot_name": "ci", "join_method": "github", "github": github},
    }));
    let by_github = "  join_method: github\n  token: gh\n";
    let (config, identity) = configure(&cluster, "job", by_github, "2m");
    let mut argv = tbot(&cluster, &config, &["--oneshot"]);
    for variable in platform.variables() {
        let (name, value) = variable.split_once('=').unwrap();
        argv = argv.with_env(name, value);
    }
    let _said = done(&cluster.run(&argv, ""));
    let mut peer = connect(&cluster.way(&identity, "logged"));
    assert!(call(&mut peer, "echo").is_ok());
    let joined = cluster
        .await_audit("the join", &["--event=bot.join"], |event| event["bot_name"] == json!("ci"));
    assert_eq!(joined["workload"]["repository"], "octo/app");
}

#[test]
fn one_place_of_a_bot_is_found_and_ended_and_the_other_goes_on() {
    let real = Real::locate();
    let (cluster, token) = with_bot(&real, Cluster::single());
    let more = || {
        let made = cluster.tctl_json(&["bots", "instances", "add", "ci", "--format=json"]);
        made["token_id"].as_str().unwrap().to_owned()
    };
    let place = |name: &str, token: &str| {
        let (config, identity) = configure(&cluster, name, &by_token(token), "2m");
        let _said = done(&once(&cluster, &config));
        let peer = connect(&cluster.way(&identity, "logged"));
        let listed = cluster.tctl_json(&["bots", "instances", "ls", "ci", "--format=json"]);
        let all = listed.as_array().unwrap().clone();
        (config, peer, all.last().unwrap().clone())
    };
    let (first, mut ended, one) = place("first", &token);
    let (second, mut stays, other) = place("second", &more());
    let id = |one: &serde_json::Value| one["instance_id"].as_str().unwrap().to_owned();
    assert_ne!(id(&one), id(&other));
    assert_eq!((&one["generation"], &one["join_method"]), (&json!(1), &json!("token")));
    assert!(one["version"].is_string() && one["address"].is_string(), "{one}");
    let table = done(&cluster.tctl(&["bots", "instances", "ls"]));
    assert!(table.contains(&id(&one)) && table.contains("Generation"), "{table}");

    let by_id = format!("--bot-instance-id={}", id(&one));
    cluster.admin(&["lock", &by_id, "--message=a copy was found"]);
    let status = ended.process().wait(super::SOON);
    let said = ended.process().stderr();
    assert!(status.code() == Some(1) && said.contains("a copy was found"), "{said}");
    refused(&once(&cluster, &first), &["locked"]);
    assert!(call(&mut stays, "echo").is_ok());
    let _said = done(&once(&cluster, &second));

    // The other one by the token that it came by, whose secret nobody needs to say.
    let by_token = format!("--join-token={}", other["join_token"].as_str().unwrap());
    cluster.admin(&["lock", &by_token, "--message=seen in a log"]);
    let status = stays.process().wait(super::SOON);
    let said = stays.process().stderr();
    assert!(status.code() == Some(1) && said.contains("seen in a log"), "{said}");

    let (_third, mut third, one) = place("third", &more());
    let place = format!("ci/{}", id(&one));
    let shown = done(&cluster.tctl(&["bots", "instances", "show", &place]));
    assert!(shown.contains(&id(&one)), "{shown}");
    let said = done(&cluster.tctl(&["bots", "instances", "rm", &place]));
    assert!(said.contains(&place), "{said}");
    assert_eq!(third.process().wait(super::SOON).code(), Some(1));
    assert!(third.process().stderr().contains("was removed"), "{}", third.process().stderr());
    refused(&cluster.tctl(&["bots", "instances", "show", &place]), &["runs in no place"]);
    assert!(!done(&cluster.tctl(&["bots", "instances", "ls"])).contains(&id(&one)));
}
