use super::*;

#[test]
fn the_command_lines_of_documents_are_understood() {
    for line in [
        "tsh mcp connect everything --no-auto-reconnect",
        "tsh mcp connect --auto-reconnect everything",
        "tsh proxy mcp everything",
        "tsh proxy mcp everything -p 8080 -c leaf --proxy-log-output none",
        "tsh proxy mcp everything --port=8080 --proxy-log-output=stdout --allow-any-local-user",
        "tsh mcp config everything --client-config=claude -H a:b",
    ] {
        Args::try_parse_from(line.split(' ')).unwrap();
    }
    for line in
        ["tsh proxy mcp", "tsh proxy mcp a -p 65536", "tsh proxy mcp a --proxy-log-output=x"]
    {
        Args::try_parse_from(line.split(' ')).unwrap_err();
    }
}

#[test]
fn headers_are_read_or_refused_in_words() {
    let read =
        |lines: &[&str]| brought(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>());
    assert!(read(&[]).unwrap().is_empty());
    let two = read(&["Authorization: Bearer secret", "X-Tenant:a"]).unwrap();
    assert_eq!(two.iter().count(), 2);
    assert!(read(&["no colon"]).unwrap_err().0.contains("NAME: VALUE"));
    for line in ["Tessera-Evidence: secret", "X-Forwarded-User: secret", "Cookie: secret"] {
        let told = read(&[line]).unwrap_err().0;
        assert!(told.contains(line.split(':').next().unwrap()), "{told}");
        assert!(!told.contains("secret"), "what may be secret is not repeated");
    }
}
