use super::*;

#[test]
fn the_limit_is_raised_and_never_lowered() {
    assert_eq!(wanted(1024, 4096), 4096);
    assert_eq!(wanted(1024, 1 << 20), ENOUGH);
    assert_eq!(wanted(1 << 20, 1 << 20), 1 << 20);
    assert_eq!(wanted(256, 256), 256);
}
