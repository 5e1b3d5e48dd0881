//! Nothing of a person is lost.

use serde_json::json;

use super::*;

fn flat(claims: &Value) -> Result<Traits, TooMuch> {
    flatten(claims.as_object().unwrap())
}

#[test]
fn every_form_of_a_claim_becomes_values() {
    let claims = json!({
        "sub": "u1", "groups": ["eng", 7, true, null, ["deep"], {"name": "a", "id": 1}, {"name": "b"}],
        "age": 41, "ratio": 0.5, "big": 12345678901234567890_u64, "active": false, "none": null, "empty": [],
        "address": {"city": "Rome", "geo": {"lat": 41.9}}, "blank": "",
        "iss": "https://idp", "aud": "us", "exp": 1, "iat": 1, "nonce": "n", "at_hash": "h", "azp": "us", "sid": "s",
    });
    let expected = json!({
        "sub": ["u1"], "groups": ["eng", "7", "true", "deep"], "groups.name": ["a", "b"], "groups.id": ["1"],
        "age": ["41"], "ratio": ["0.5"], "big": ["12345678901234567890"], "active": ["false"],
        "address.city": ["Rome"], "address.geo.lat": ["41.9"], "blank": [""],
    });
    let expected: Traits = serde_json::from_value(expected).unwrap();
    assert_eq!(flat(&claims).unwrap(), expected);
}

#[test]
fn it_is_bounded() {
    let many = |count: usize| json!({"g": vec!["x"; count]});
    flat(&many(MAX_VALUES)).unwrap();
    assert_eq!(flat(&many(MAX_VALUES + 1)), Err(TooMuch::Values));
    let large = |bytes: usize| json!({"g": "x".repeat(bytes - 1)});
    flat(&large(MAX_BYTES)).unwrap();
    assert_eq!(flat(&large(MAX_BYTES + 1)), Err(TooMuch::Bytes));
    let deep = |depth: usize| (1..depth).fold(json!("x"), |inner, _| json!([inner]));
    flat(&json!({"g": deep(MAX_DEPTH)})).unwrap();
    assert_eq!(flat(&json!({"g": deep(MAX_DEPTH + 1)})), Err(TooMuch::Depth));
}
