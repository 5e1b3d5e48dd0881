use super::*;

fn parse(path: &str) -> Option<(String, Option<String>)> {
    let route = Route::parse(path).ok()?;
    Some((route.wanted.app().unwrap_or("*").to_owned(), route.cluster.map(str::to_owned)))
}

#[test]
fn both_routes_are_read() {
    assert_eq!(parse("/mcp/apps/everything"), Some(("everything".into(), None)));
    assert_eq!(
        parse("/mcp/sites/root.example/apps/everything"),
        Some(("everything".into(), Some("root.example".into())))
    );
}

#[test]
fn the_list_of_a_cluster_is_a_route() {
    assert_eq!(
        parse("/mcp/sites/leaf.example/apps"),
        Some(("*".into(), Some("leaf.example".into())))
    );
}

#[test]
fn what_is_asked_for_in_a_tunnel_is_read_as_it_was_written() {
    for wanted in [Wanted::App("files"), Wanted::App("a.b-c_d"), Wanted::Apps] {
        assert_eq!(Wanted::of_path(&wanted.path()), Some(wanted));
    }
    for path in ["/v1/mcp/apps/", "/v1/mcp/appsx", "/v1/mcp/apps/a/b", "/v1/mcp/apps/a%2fb", "/v1"]
    {
        assert_eq!(Wanted::of_path(path), None, "{path}");
    }
}

#[test]
fn what_is_no_route_is_refused() {
    for path in [
        "/mcp/",
        "/mcp/apps",
        "/mcp/apps/",
        "/mcp/apps/a/b",
        "/mcp/apps/a/../b",
        "/mcp/apps/..%2fx",
        "/mcp/apps/a b",
        "/mcp/sites/c/apps/",
        "/mcp/sites/c/apps/a/x",
        "/mcp/sites/c/other/a",
    ] {
        assert_eq!(parse(path), None, "{path}");
    }
}
