use super::is_public;

#[test]
fn only_what_is_all_template_is_shown() {
    for value in
        ["{{internal.jwt}}", "Bearer {{internal.id_token}}", "{{email.local(external.email)}}"]
    {
        assert!(is_public(value), "{value}");
    }
    for value in [
        "",
        "hunter2",
        "Bearer hunter2",
        "hunter2{{external.x}}",
        "{{external.x}}hunter2",
        "{{external.x}}hunter2{{external.y}}",
        r#"{{regexp.replace(external.x, "^.*$", "hunter2")}}"#,
    ] {
        assert!(!is_public(value), "{value}");
    }
}
