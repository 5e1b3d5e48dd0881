//! Names of kinds and the sentences about them.

use super::*;

#[test]
fn every_kind_has_its_names() {
    for kind in Kind::ALL {
        assert_eq!(kind.names().kind, kind);
        assert_eq!(Kind::parse(kind.as_str()), Ok(kind));
        assert_eq!(Kind::parse(kind.plural()), Ok(kind));
        assert_eq!(Kind::parse(&kind.as_str().to_uppercase()), Ok(kind));
        for alias in kind.names().aliases {
            assert_eq!(Kind::parse(alias), Ok(kind));
        }
    }
    assert_eq!(NAMES.len(), Kind::ALL.len());
}

#[test]
fn unknown_kinds_name_the_nearest() {
    let message = |name: &str| Kind::parse(name).unwrap_err().to_string();
    assert_eq!(message("rolle"), "unknown resource kind \"rolle\", did you mean \"role\"?");
    assert_eq!(message("frobnicator"), "unknown resource kind \"frobnicator\"");
}

#[test]
fn sentences_are_those_users_know() {
    let cases = [
        (Kind::App.created("x"), "application \"x\" has been created"),
        (Kind::App.updated("x"), "application \"x\" has been updated"),
        (Kind::App.deleted("x"), "application \"x\" has been deleted"),
        (Kind::App.already_exists("x"), "application \"x\" already exists"),
        (Kind::App.not_found("x"), "application \"x\" not found"),
        (Kind::AppServer.created("x"), "application server \"x\" has been upserted"),
        (Kind::AppServer.deleted("x"), "application server \"x\" has been deleted"),
        (Kind::Role.created("x"), "role \"x\" has been created"),
        (Kind::User.updated("x"), "user \"x\" has been updated"),
        (Kind::Token.created("x"), "provision_token \"x\" has been created"),
        (Kind::Token.updated("x"), "provision_token \"x\" has been created"),
        (Kind::Lock.deleted("x"), "lock \"x\" has been deleted"),
        (Kind::ClusterAuthPreference.created("x"), "cluster auth preference has been created"),
        (Kind::ClusterAuthPreference.updated("x"), "cluster auth preference has been updated"),
        (
            Kind::ClusterAuthPreference.deleted("x"),
            "cluster auth preference has been reset to defaults",
        ),
    ];
    for (found, expected) in cases {
        assert_eq!(found, expected);
    }
}
