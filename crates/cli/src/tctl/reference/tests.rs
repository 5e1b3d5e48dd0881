use super::*;

fn parse(text: &str) -> Result<Reference, String> {
    Reference::parse(text).map_err(|usage| usage.0)
}

#[test]
fn kinds_go_by_all_their_names() {
    for text in ["app", "apps", "APP", "application"] {
        assert_eq!(parse(text), Ok(Reference::Every(Kind::App)), "{text}");
    }
    assert_eq!(parse("all"), Ok(Reference::All));
    assert_eq!(parse("roles/dev"), Ok(Reference::One(Kind::Role, "dev".to_owned())));
}

#[test]
fn the_name_of_a_record_has_a_slash() {
    let expected = Reference::One(Kind::AppServer, "host/app".to_owned());
    assert_eq!(parse("app_server/host/app"), Ok(expected));
}

#[test]
fn a_misspelt_kind_is_told_with_the_nearest() {
    let error = parse("rol/x").unwrap_err();
    assert_eq!(error, "unknown resource kind \"rol\", did you mean \"role\"?");
}

#[test]
fn an_empty_name_is_none() {
    assert_eq!(parse("app/").unwrap_err(), "\"app/\" names no resource: write app/NAME");
}

#[test]
fn to_delete_or_edit_one_must_be_named() {
    let error = Reference::one("apps", "delete").unwrap_err().0;
    assert_eq!(error, "\"apps\" means all apps: name the one to delete, as in app/NAME");
    assert!(Reference::one("all", "delete").is_err());
    assert_eq!(Reference::one("app/x", "delete").unwrap(), (Kind::App, "x".to_owned()));
}

#[test]
fn the_only_one_needs_no_name() {
    let (kind, _name) = Reference::one("cap", "edit").unwrap();
    assert_eq!(kind, Kind::ClusterAuthPreference);
}

#[test]
fn everything_is_what_people_write_and_roles_before_users() {
    assert!(ALL_KINDS.iter().all(|kind| !kind.is_observed()));
    let can_be_created = |kind: &&Kind| !kind.is_observed() && **kind != Kind::RemoteCluster;
    assert_eq!(ALL_KINDS.len(), Kind::ALL.iter().filter(can_be_created).count());
    let at = |wanted| ALL_KINDS.iter().position(|kind| *kind == wanted);
    assert!(at(Kind::Role) < at(Kind::User));
}
