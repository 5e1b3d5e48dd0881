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
fn headers_are_refused_in_words() {
    refuse_headers(&[]).unwrap();
    let told = |header: &str| refuse_headers(&[header.to_owned()]).unwrap_err().0;
    assert!(told("no colon").contains("NAME: VALUE"));
    let told = told("Authorization: Bearer secret");
    assert!(told.contains("\"Authorization\"") && told.contains("rewrite.headers"), "{told}");
    assert!(!told.contains("secret"), "what may be secret is not repeated");
}
