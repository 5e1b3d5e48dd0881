use super::*;

#[test]
fn gives_the_value_as_soon_as_there_is_one() {
    let mut looks = 0;
    let value = until("the third look", Duration::from_secs(10), || {
        looks += 1;
        if looks == 3 { Ok("here") } else { Err("not yet".to_owned()) }
    });
    assert_eq!((value, looks), ("here", 3));
}

#[test]
#[should_panic(expected = "for the moon: it is at 2")]
fn says_what_is_missing_when_the_limit_has_passed() {
    let mut looks = 0;
    until("the moon", Duration::ZERO, || {
        looks += 1;
        Err::<(), _>(format!("it is at {}", looks + 1))
    });
}

#[test]
#[should_panic(expected = "nobody may knock: somebody did")]
fn notices_what_must_not_happen() {
    never("nobody may knock", Duration::from_secs(10), || Err("somebody did".to_owned()));
}
