use std::fs::{self, File};
use std::io::Write;

use super::Binary;

#[test]
fn a_program_in_memory_can_be_executed_and_not_changed() {
    let image = fs::read("/bin/true").unwrap();
    let binary = Binary::in_memory(&image).unwrap();
    binary.probe().unwrap();
    assert_eq!(fs::read(binary.path()).unwrap(), image);
    // Whoever may open it, as a server of the same user may, can do nothing with it.
    if let Ok(mut opened) = File::options().write(true).open(binary.path()) {
        opened.write_all(b"#!/bin/sh").unwrap_err();
        opened.set_len(0).unwrap_err();
        opened.set_len(1 << 20).unwrap_err();
    }
    assert_eq!(fs::read(binary.path()).unwrap(), image);
}

#[test]
fn what_is_no_program_is_told_at_once() {
    for image in [&b""[..], b"no program", &fs::read("/bin/false").unwrap()] {
        Binary::in_memory(image).unwrap_err();
    }
}
