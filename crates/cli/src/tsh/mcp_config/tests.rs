use std::os::unix::fs::PermissionsExt;

use super::*;

fn target(path: &str) -> Client {
    Target::find(path).unwrap().client
}

#[test]
fn the_form_follows_the_path() {
    assert_eq!(target("/x/.vscode/mcp.json"), Client::VsCode);
    assert_eq!(target("/x/.cursor/mcp.json"), Client::Claude);
    assert_eq!(target("/x/.mcp.json"), Client::Claude);
    assert_eq!(target("vscode"), Client::VsCode);
}

#[test]
fn a_file_keeps_its_rights_and_a_link_stays_a_link() {
    let directory = tempfile::tempdir().unwrap();
    let real = directory.path().join("real.json");
    let link = directory.path().join("link.json");
    std::fs::write(&real, "{}").unwrap();
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    write_whole(&link, "{\"a\":1}").unwrap();
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(std::fs::read_to_string(&real).unwrap(), "{\"a\":1}");
    assert_eq!(std::fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2, "nothing is left behind");
}

#[test]
fn exactly_one_way_to_select() {
    let args = |name: Option<&str>, all| McpConfig {
        headers: Vec::new(),
        cluster: None,
        name: name.map(str::to_owned),
        all,
        labels: None,
        query: None,
        client_config: None,
        format: None,
        json_format: None,
        auto_reconnect: false,
        no_auto_reconnect: false,
    };
    assert!(selection(&args(Some("x"), false)).is_ok());
    assert!(selection(&args(None, true)).is_ok());
    assert!(selection(&args(None, false)).unwrap_err().is::<Usage>());
    assert!(selection(&args(Some("x"), true)).unwrap_err().is::<Usage>());
}

#[test]
fn a_link_in_the_place_of_the_new_file_is_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let (path, victim) = (directory.path().join(".mcp.json"), directory.path().join("victim"));
    std::fs::write(&path, "{}").unwrap();
    std::fs::write(&victim, "precious").unwrap();
    let trap = directory.path().join(format!("..mcp.json.{}", std::process::id()));
    std::os::unix::fs::symlink(&victim, &trap).unwrap();
    assert!(write_whole(&path, "{\"a\":1}").is_err());
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "{}");
    std::fs::remove_file(&trap).unwrap();
    write_whole(&path, "{\"a\":1}").unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"a\":1}");
}

#[test]
fn a_new_file_is_its_owners_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sub").join(".mcp.json");
    write_whole(&path, "{}").unwrap();
    let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    // What somebody has opened to others stays so.
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    write_whole(&path, "{\"a\":1}").unwrap();
    assert_eq!(mode(), 0o644);
}
