use clap::Parser;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    rotate: Rotate,
}

fn request(words: &[&str]) -> RotationRequest {
    Line::try_parse_from([&["rotate"], words].concat()).unwrap().rotate.request()
}

#[test]
fn nothing_said_is_an_automatic_change_of_everything() {
    let request = request(&[]);
    assert_eq!((request.types.len(), request.phase), (0, None));
    assert_eq!(request.mode.as_deref(), Some("auto"));
    assert_eq!(request.grace_period_seconds, None);
}

#[test]
fn who_names_a_phase_takes_the_steps() {
    let asked = request(&["--type=host", "--type=user", "--phase=update_servers"]);
    assert_eq!(asked.types, ["host", "user"]);
    assert_eq!(asked.phase.as_deref(), Some("update_servers"));
    assert_eq!(asked.mode.as_deref(), Some("manual"));
    assert_eq!(request(&["--manual"]).mode.as_deref(), Some("manual"));
    assert_eq!(request(&["--grace-period=2h"]).grace_period_seconds, Some(7200));
}

#[test]
fn what_contradicts_itself_is_refused() {
    for words in [
        &["--manual", "--grace-period=2h"][..],
        &["--phase=init", "--grace-period=2h"],
        &["--phase=nothing"],
        &["--type=db"],
    ] {
        assert!(Line::try_parse_from([&["rotate"], words].concat()).is_err(), "{words:?}");
    }
}
