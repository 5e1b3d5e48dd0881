use super::*;

const DOCUMENT: &str = "https://mcp.example.test/.well-known/oauth-protected-resource/mcp/apps/a";

fn challenge(refusal: Refusal) -> Option<String> {
    let response = refusal.into_response();
    let value = response.headers().get(WWW_AUTHENTICATE)?;
    Some(value.to_str().unwrap().to_owned())
}

#[test]
fn who_showed_nothing_is_led_to_where_to_sign_in() {
    assert_eq!(challenge(Refusal::nobody()).unwrap(), "Bearer");
    assert_eq!(
        challenge(Refusal::nobody().with_metadata(DOCUMENT)).unwrap(),
        format!("Bearer resource_metadata=\"{DOCUMENT}\"")
    );
}

#[test]
fn whose_token_is_not_accepted_is_told_so_and_led_there_as_well() {
    let refusal = || Refusal::invalid_token("it \"ended\"\r\nx: y");
    let told = "Bearer error=\"invalid_token\", error_description=\"it 'ended'''x: y\"";
    assert_eq!(challenge(refusal()).unwrap(), told);
    assert_eq!(
        challenge(refusal().with_metadata(DOCUMENT)).unwrap(),
        format!("{told}, resource_metadata=\"{DOCUMENT}\"")
    );
}

#[test]
fn who_is_known_and_refused_is_led_nowhere() {
    let refusal = Refusal::new(StatusCode::FORBIDDEN, "no").with_metadata(DOCUMENT);
    assert_eq!(challenge(refusal), None);
    assert_eq!(challenge(Refusal::session_gone().with_metadata(DOCUMENT)), None);
}
