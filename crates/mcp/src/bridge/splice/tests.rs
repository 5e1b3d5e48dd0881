use super::*;
use crate::json::Raw;

fn edited(object: &str, changes: &[Change<'_>]) -> String {
    edit(Some(Raw::checked(object)), changes).unwrap()
}

#[test]
fn what_is_not_changed_stays_as_it_was_written() {
    let object = r#"{"a": 1.50,"b":{ "x" : [ 1 ] },"\u0063":"\u00e9"}"#;
    let changes = [Change::Set("b", "2".into())];
    assert_eq!(edited(object, &changes), r#"{"a":1.50,"b":2,"\u0063":"\u00e9"}"#);
}

#[test]
fn members_are_set_added_and_dropped() {
    let changes = [
        Change::Set("a", "1".into()),
        Change::Add("b", "2".into()),
        Change::Drop("c"),
        Change::Set("d", "4".into()),
        Change::Add("e", "5".into()),
    ];
    assert_eq!(edited(r#"{"a":0,"b":0,"c":0}"#, &changes), r#"{"a":1,"b":0,"d":4,"e":5}"#);
    assert_eq!(edit(None, &changes).unwrap(), r#"{"a":1,"b":2,"d":4,"e":5}"#);
    assert_eq!(edit(Some(Raw::checked("null")), &[]).unwrap(), "{}");
    assert!(edit(Some(Raw::checked("[1]")), &changes).is_err());
}

#[test]
fn an_escaped_key_is_that_key_and_a_repeated_one_is_written_once() {
    let object = r#"{"\u0061":1,"a":2,"b":3,"b":4,"c":5,"c":6}"#;
    let changes = [Change::Drop("a"), Change::Set("b", "0".into()), Change::Add("c", "0".into())];
    assert_eq!(edited(object, &changes), r#"{"b":0,"c":5}"#);
}

#[test]
fn members_are_found() {
    let raw = Raw::checked(r#"{"a":{"x":true},"b":null,"c":"true"}"#);
    assert_eq!(get(raw, "a").unwrap().as_str(), r#"{"x":true}"#);
    assert!(get(raw, "b").is_none() && get(raw, "d").is_none());
    assert!(get(Raw::checked("[]"), "a").is_none());
    assert!(is_true(object(raw, "a").unwrap(), "x") && !is_true(raw, "c"));
    assert!(object(raw, "c").is_none());
}
