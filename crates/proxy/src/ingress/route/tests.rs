use super::*;

fn parse(path: &str) -> Option<(String, Option<String>)> {
    Route::parse(path).ok().map(|route| (route.app.to_owned(), route.cluster.map(str::to_owned)))
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
fn what_is_no_route_is_refused() {
    for path in [
        "/mcp/",
        "/mcp/apps",
        "/mcp/apps/",
        "/mcp/apps/a/b",
        "/mcp/apps/a/../b",
        "/mcp/apps/..%2fx",
        "/mcp/apps/a b",
        "/mcp/sites/c/apps",
        "/mcp/sites/c/apps/",
        "/mcp/sites/c/apps/a/x",
        "/mcp/sites/c/other/a",
    ] {
        assert_eq!(parse(path), None, "{path}");
    }
}
