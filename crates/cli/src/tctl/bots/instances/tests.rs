use time::macros::datetime;

use super::*;

fn place() -> BotInstance {
    BotInstance {
        bot_name: "ci".to_owned(),
        instance_id: "0a1b2c3d-0000-4000-8000-000000000001".to_owned(),
        join_method: Some("github".to_owned()),
        join_token: Some("ci-github".to_owned()),
        first_seen: Some(datetime!(2026-07-01 10:00:00 UTC)),
        last_seen: Some(datetime!(2026-07-01 10:20:00 UTC)),
        generation: None,
        address: Some("192.0.2.7:5123".to_owned()),
        version: Some("0.1.0".to_owned()),
        expires: datetime!(2026-07-01 11:20:00 UTC),
    }
}

#[test]
fn a_place_is_told_with_all_that_is_known_of_it() {
    assert_eq!(joined_by(&place()), "github, ci-github");
    let text = lines(&place());
    for known in ["ci", "0a1b2c3d", "github, ci-github", "10:20:00", "192.0.2.7:5123", "0.1.0"] {
        assert!(text.contains(known), "{known}: {text}");
    }
    assert!(text.contains("tctl bots instances rm ci/0a1b2c3d-0000-4000-8000-000000000001"));
    assert_eq!(cells(&place())[5], "-");
    let renewed = BotInstance { generation: Some(7), ..place() };
    assert_eq!(cells(&renewed)[5], "7");
    assert_eq!(value(&renewed)["generation"], 7);
    assert_eq!(value(&place())["last_seen"], "2026-07-01T10:20:00Z");
    // Of a place from before more was kept, what is known is told.
    let old = BotInstance {
        join_method: None,
        join_token: None,
        first_seen: None,
        last_seen: None,
        address: None,
        version: None,
        ..renewed
    };
    assert_eq!(cells(&old)[2..], ["", "", "", "7", "", ""]);
}

#[test]
fn a_place_is_typed_as_it_is_listed() {
    let place = Place::parse("ci/0a1b").unwrap();
    assert_eq!((place.bot.as_str(), place.id.as_str()), ("ci", "0a1b"));
    for wrong in ["", "ci", "ci/", "/0a1b"] {
        assert!(Place::parse(wrong).is_err(), "{wrong}");
    }
}
