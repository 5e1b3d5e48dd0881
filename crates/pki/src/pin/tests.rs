use super::CaPin;

#[test]
fn pins_are_read_as_they_are_written() {
    let pin = CaPin::of_spki(b"abc");
    // The digest of "abc" is the first example of FIPS 180-2.
    let text = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(pin.to_string(), text);
    assert_eq!(text.parse::<CaPin>().unwrap(), pin);
    assert_eq!(text.to_uppercase().replace("SHA256", "sha256").parse::<CaPin>().unwrap(), pin);
    assert_eq!(serde_json::to_string(&pin).unwrap(), format!("\"{text}\""));
}

#[test]
fn what_is_no_pin_is_refused() {
    let digits = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    for bad in [
        "",
        digits,
        "sha256:",
        "sha256:ab",
        &format!("sha1:{digits}"),
        &format!("sha256:{digits}00"),
    ] {
        assert!(bad.parse::<CaPin>().is_err(), "{bad}");
        assert!(serde_json::from_value::<CaPin>(bad.into()).is_err());
    }
}
