use super::*;

#[test]
fn what_the_cluster_sets_is_shown_on_request_only() {
    let labels = Labels::from([
        ("env".to_owned(), "dev".to_owned()),
        ("tessera.dev/origin".to_owned(), "dynamic".to_owned()),
        ("tessera.internal/app-sub-kind".to_owned(), "mcp".to_owned()),
    ]);
    assert_eq!(text(&labels, false), "env=dev");
    assert_eq!(
        text(&labels, true),
        "env=dev,tessera.dev/origin=dynamic,tessera.internal/app-sub-kind=mcp"
    );
}
