use super::*;

fn mirrors(properties: &str) -> Result<Mirrors, MirrorFault> {
    Mirrors::of_schema(format!(r#"{{"type":"object","properties":{properties}}}"#).as_bytes())
}

fn marked(sort: &str, name: &str) -> String {
    format!(r#"{{"a":{{"type":{sort},"x-mcp-header":{name}}}}}"#)
}

/// Region, Deep.er and Flag, an integer among them.
const SCHEMA: &str = r#"{
    "region": {"type": "string", "x-mcp-header": "Region"},
    "query": {"type": "string"},
    "deep": {"type": "object", "properties": {"er": {"type": ["integer", "null"], "x-mcp-header": "Deep.er"}}},
    "flag": {"type": "boolean", "x-mcp-header": "Flag"}
}"#;

fn raw(text: &str) -> Raw<'_> {
    Scanner::new(text, &crate::Limits::SERVER).value().unwrap()
}

fn check(arguments: &str, headers: &[(&str, &str)]) -> bool {
    let headers: Vec<(&str, &[u8])> =
        headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    mirrors(SCHEMA).unwrap().check(Some(raw(arguments)), &headers).is_ok()
}

#[test]
fn headers_say_what_the_arguments_say() {
    let region = ("Mcp-Param-Region", "us-west1");
    assert!(check(r#"{"region":"us-west1"}"#, &[region]));
    assert!(check(r#"{"r\u0065gion":"us-west1"}"#, &[("mcp-param-REGION", "us-west1")]));
    assert!(check(r#"{"region":"世界"}"#, &[("Mcp-Param-Region", "=?base64?5LiW55WM?=")]));
    assert!(check(r#"{"query":"x"}"#, &[]));
    assert!(check(r#"{"region":null}"#, &[]));
    assert!(check(
        r#"{"deep":{"er":42},"flag":true}"#,
        &[("Mcp-Param-Deep.er", "42.0"), ("Mcp-Param-Flag", "true")]
    ));
    assert!(check(r#"{"deep":{"er":-7.0}}"#, &[("Mcp-Param-Deep.er", "-7")]));
    // Somebody else's.
    assert!(check("{}", &[("Mcp-Param-Other", "\u{1}"), ("Mcp-Param-Region-2", "x")]));
    // What no header can say is for the server.
    assert!(check(r#"{"region":["a"],"deep":7}"#, &[]));
    for (arguments, headers) in [
        (r#"{"region":"us-west1"}"#, &[][..]),
        (r#"{"region":"us-west1"}"#, &[("Mcp-Param-Region", "US-West1")]),
        (r#"{"region":"us-west1"}"#, &[region, region]),
        (r#"{"region":"us-west1"}"#, &[region, ("mcp-param-region", "eu")]),
        (r#"{"region":null}"#, &[("Mcp-Param-Region", "null")]),
        ("{}", &[("Mcp-Param-Region", "")]),
        (r#"{"region":["us-west1"]}"#, &[region]),
        (r#"{"region":"世界"}"#, &[("Mcp-Param-Region", "世界")]),
        (r#"{"region":"a"}"#, &[("Mcp-Param-Region", "=?base64?!?=")]),
        (r#"{"flag":true}"#, &[("Mcp-Param-Flag", "True")]),
        (r#"{"deep":{"er":42}}"#, &[("Mcp-Param-Deep.er", "43")]),
        (r#"{"deep":{"er":9007199254740993}}"#, &[("Mcp-Param-Deep.er", "9007199254740993")]),
        (r#"{"region":"a","region":"b"}"#, &[("Mcp-Param-Region", "b")]),
    ] {
        assert!(!check(arguments, headers), "{arguments} {headers:?}");
    }
}

#[test]
fn headers_of_a_call() {
    let mirrors = mirrors(SCHEMA).unwrap();
    let of = |arguments: &str| mirrors.of_arguments(Some(raw(arguments))).unwrap();
    let header = |name: &str, value: &str| (format!("mcp-param-{name}"), value.to_owned());
    assert_eq!(
        of(r#"{"flag":false,"deep":{"er":1.0},"region":" a"}"#),
        [header("Region", "=?base64?IGE=?="), header("Deep.er", "1"), header("Flag", "false")]
    );
    assert_eq!(of(r#"{"region":null,"deep":{"er":1.5}}"#), []);
    assert_eq!(mirrors.of_arguments(None), Ok(vec![]));
    let arguments = r#"{"flag":false,"deep":{"er":12},"region":"\u00e9\n"}"#;
    let headers = of(arguments);
    let given: Vec<(&str, &[u8])> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    assert_eq!(mirrors.check(Some(raw(arguments)), &given), Ok(()));
}

#[test]
fn marks_that_mean_nothing() {
    assert!(mirrors("{}").unwrap().is_empty());
    assert_eq!(mirrors(&marked("\"string\"", "\"A-b_1\"")).unwrap().0.len(), 1);
    for name in ["\"\"", "\"a b\"", "\"a:b\"", "\"é\"", "\"a\\r\\nb\"", "7", "null"] {
        let fault = mirrors(&marked("\"string\"", name)).unwrap_err();
        assert!(matches!(fault, MirrorFault::Name(_)), "{name}");
    }
    for sort in
        ["\"number\"", "\"object\"", "\"array\"", "[\"string\",\"integer\"]", "null", "[\"null\"]"]
    {
        let fault = mirrors(&marked(sort, "\"A\"")).unwrap_err();
        assert_eq!(fault, MirrorFault::Type("A".to_owned()), "{sort}");
    }
    let twice =
        r#"{"a":{"type":"string","x-mcp-header":"A"},"b":{"type":"string","x-mcp-header":"a"}}"#;
    assert_eq!(mirrors(twice), Err(MirrorFault::Twice("a".to_owned())));
    let mark = r#"{"type":"string","x-mcp-header":"A"}"#;
    for place in [
        format!(r#"{{"a":{{"type":"array","items":{mark}}}}}"#),
        format!(r#"{{"a":{{"anyOf":[{mark}]}}}}"#),
        format!(r#"{{"a":{{"$defs":{{"x":{mark}}}}}}}"#),
        format!(r#"{{"a":{{"not":{{"properties":{{"x":{mark}}}}}}}}}"#),
        format!(r#"{{"a":{{"additionalProperties":{{"allOf":[{{"if":{mark}}}]}}}}}}"#),
    ] {
        assert_eq!(mirrors(&place), Err(MirrorFault::Place("A".to_owned())), "{place}");
    }
    let root = br#"{"type":"string","x-mcp-h\u0065ader":"A"}"#;
    assert_eq!(Mirrors::of_schema(root), Err(MirrorFault::Place("A".to_owned())));
    // A property of that name is no mark, nor is a value of that shape.
    assert!(mirrors(r#"{"x-mcp-header":{"type":"number"}}"#).unwrap().is_empty());
    assert!(mirrors(&format!(r#"{{"a":{{"default":{mark}}}}}"#)).unwrap().is_empty());
    assert_eq!(Mirrors::of_schema(b"[\"x-mcp-header\"]"), Err(MirrorFault::Schema));
    let many: Vec<String> = (0..=MIRRORS)
        .map(|n| format!(r#""a{n}":{{"type":"string","x-mcp-header":"A{n}"}}"#))
        .collect();
    assert!(mirrors(&format!("{{{}}}", many[..MIRRORS].join(","))).is_ok());
    assert_eq!(mirrors(&format!("{{{}}}", many.join(","))), Err(MirrorFault::TooMany));
    let long = format!("\"{}\"", "a".repeat(MIRROR_BYTES));
    assert!(mirrors(&marked("\"string\"", &long)).is_ok());
    let long = format!("\"{}\"", "a".repeat(MIRROR_BYTES + 1));
    assert!(mirrors(&marked("\"string\"", &long)).is_err());
}
