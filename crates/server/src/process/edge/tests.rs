use agent::launch::Binary;

use super::KEEPER_IMAGE;

#[test]
fn the_binary_carries_a_keeper_that_is_small_and_can_be_executed() {
    Binary::in_memory(KEEPER_IMAGE).unwrap();
    assert!(KEEPER_IMAGE.len() < 1 << 20, "{} bytes", KEEPER_IMAGE.len());
}
