use super::Outcome;
use crate::Fault;

fn outcomes() -> [Outcome; 3] {
    [
        Outcome::Exited { code: 3 },
        Outcome::Signalled { signal: "SIGKILL".to_owned() },
        Outcome::NotStarted { fault: Fault::NoSuchUser { user: "m\n\"cp".to_owned() } },
    ]
}

#[test]
fn the_last_line_is_the_keepers() {
    for outcome in outcomes() {
        for before in
            ["", "warning\n", "half a line", "{\"tessera_keeper\":{\"outcome\":\"unknown\"}}\n"]
        {
            let mut written = before.as_bytes().to_vec();
            outcome.write(&mut written).unwrap();
            let (rest, found) = Outcome::split(&written);
            assert_eq!(found.as_ref(), Some(&outcome));
            assert_eq!(rest, [before.as_bytes(), b"\n"].concat());
        }
    }
}

#[test]
fn what_no_keeper_wrote_is_no_outcome() {
    for written in ["", "\n", "warning", "warning\n", "{}\n"] {
        assert_eq!(Outcome::split(written.as_bytes()), (written.as_bytes(), None));
    }
}
