use super::*;

/// Each spelling was read by `new URL(…)` of Node 24, or by a file system, as the resource beside it.
#[test]
fn spellings_of_one_resource() {
    for (spelled, read) in [
        ("DEMO://r/a", "demo://r/a"),
        (" demo://r/a ", "demo://r/a"),
        ("demo://r/./a", "demo://r/a"),
        ("demo://r/%2e/a", "demo://r/a"),
        ("demo://r/%2E/%61", "demo://r/a"),
        ("demo://r/a/.", "demo://r/a/"),
        ("demo:./a", "demo:a"),
        ("./a", "a"),
        ("FILE:/etc/x", "file:///etc/x"),
        ("file://LOCALHOST/etc/x", "file:///etc/x"),
        ("file:\\\\\\etc\\x", "file:///etc/x"),
        ("file:////etc//x", "file:///etc/x"),
        ("file:///etc%2fx", "file:///etc/x"),
        ("HTTP:\\\\Example.COM:80\\a", "http://example.com/a"),
        ("https:Example.com", "https://example.com/"),
        ("https://u:P@Example.com:443/A?q=%41/./", "https://u:P@example.com/A?q=A/./"),
    ] {
        assert_eq!(resolved(spelled), read, "{spelled}");
        assert_eq!(resolved(read), read, "stays");
    }
}

#[test]
fn resolved_ones_stay_as_they_are() {
    for uri in [
        "demo://resource/static/1",
        "demo://Resource/Static//1",
        "note:///x",
        "a",
        "",
        "demo://x/{id}{?q*}",
        "file:///a%20b/.c/..d/e.",
        "x://h/p?up=./x#./%2F",
        "x://h/100%",
        "x://h/%zz%4",
        "https://example.com:8443/ä",
        "urn:isbn:1",
    ] {
        assert!(
            matches!(resolved(uri), Cow::Borrowed(same) if same == uri),
            "{uri}: {}",
            resolved(uri)
        );
    }
}
