use super::*;

fn read(json: &str) -> Result<Id<'_>, Reason> {
    Id::read(Raw::checked(json))
}

#[test]
fn plain_ids() {
    for (json, number) in
        [("0", 0), ("1", 1), ("-7", -7), ("9007199254740991", SAFE), ("-9007199254740991", -SAFE)]
    {
        assert_eq!(read(json), Ok(Id::Number(number)));
        assert_eq!(read(json).unwrap().to_string(), json);
    }
    assert_eq!(read(r#""a\"b""#).unwrap().to_string(), r#""a\"b""#);
}

#[test]
fn ids_that_readers_disagree_about() {
    for json in [
        "1.0",
        "1.5",
        "1e0",
        "-0",
        "0.0",
        "9007199254740992",
        "-9007199254740992",
        "12345678901234567890123",
        "null",
        "true",
        "[]",
        "[1]",
        "{}",
        r#""\ud800""#,
    ] {
        assert_eq!(read(json), Err(Reason::Id), "{json}");
    }
}

#[test]
fn equality_is_that_of_the_value() {
    assert_eq!(read(r#""\u0061""#), read(r#""a""#));
    assert_ne!(read(r#""1""#), read("1"));
    assert_eq!(read(r#""1""#).unwrap().to_static(), Id::String("1".into()));
}

#[test]
fn length_at_the_limit_and_one_past_it() {
    let id = |length: usize| format!("\"{}\"", "x".repeat(length));
    assert!(read(&id(ID_BYTES)).is_ok());
    assert_eq!(read(&id(ID_BYTES + 1)), Err(Reason::Id));
}
