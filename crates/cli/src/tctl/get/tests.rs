use resource::{AppServer, AuthorityType, CertAuthority, JoinRole, Role, Source, Token, User};

use super::*;

fn app_server(host: &str, app: &str) -> Resource {
    let text = format!("kind: app\nmetadata: {{name: {app}}}\nspec: {{uri: 'mcp+http://h'}}\n");
    let parsed = resource::parse_documents(&Source::new("a", &text)).unwrap();
    let app = parsed[0].resource.clone().try_into().unwrap();
    AppServer::new(host, host, "1", app).into()
}

#[test]
fn what_is_printed_can_be_created() {
    let found: Vec<Resource> = vec![
        Role::new("dev").into(),
        User::new("alice", ["dev"]).into(),
        Token::new("0123456789abcdef", [JoinRole::App]).into(),
    ];
    let source = Source::new("printed", &yaml(&found, Secrets::Include));
    let read = resource::parse_documents(&source).unwrap();
    assert_eq!(read.into_iter().map(|parsed| parsed.resource).collect::<Vec<_>>(), found);
    let json: Value = found.iter().map(|found| found.to_json(Secrets::Include)).collect();
    let source = Source::new("printed", &format!("{json:#}"));
    assert_eq!(resource::parse_documents(&source).unwrap().len(), found.len());
}

#[test]
fn a_token_that_was_printed_without_its_secret_cannot_be_created() {
    let found = [Token::new("0123456789abcdef", [JoinRole::App]).into()];
    let text = yaml(&found, Secrets::Redact);
    assert!(!text.contains("0123456789"), "{text}");
    assert!(resource::parse_documents(&Source::new("printed", &text)).is_err());
}

#[test]
fn references_of_one_kind_make_a_table() {
    let parse = |texts: &[&str]| {
        texts.iter().map(|text| Reference::parse(text).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(only_kind(&parse(&["app", "apps/x"])), Some(Kind::App));
    assert_eq!(only_kind(&parse(&["app", "role"])), None);
    assert_eq!(only_kind(&parse(&["all"])), None);
    assert_eq!(only_kind(&parse(&["app", "all"])), None);
}

#[test]
fn an_app_stands_for_the_records_of_all_its_agents() {
    assert!(has_short_name(Kind::AppServer, "x"));
    assert!(!has_short_name(Kind::AppServer, "h1/x"));
    let records = [app_server("h1", "x"), app_server("h2", "x"), app_server("h1", "y")];
    let found = records.iter().filter(|record| is_called(record, "x")).count();
    assert_eq!(found, 2);
}

#[test]
fn a_type_stands_for_the_authority() {
    let authority = CertAuthority::new(AuthorityType::Host, "example", Vec::new()).into();
    assert!(is_called(&authority, "host"));
    assert!(!is_called(&authority, "user"));
    assert!(has_short_name(Kind::CertAuthority, "host"));
    assert!(!has_short_name(Kind::CertAuthority, "host.example"));
}
