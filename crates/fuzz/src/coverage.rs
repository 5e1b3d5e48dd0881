//! The program that libFuzzer drives: it reads inputs by the target that `TESSERA_FUZZ_TARGET` names.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use fuzz::{Target, bound};
use libfuzzer_sys::fuzz_target;
use nix::time::{ClockId, clock_gettime};

static TARGET: LazyLock<Option<Target>> = LazyLock::new(|| {
    let name = std::env::var("TESSERA_FUZZ_TARGET").ok()?;
    Target::find(&name)
});

fuzz_target!(|input: &[u8]| {
    assert!(TARGET.is_some(), "TESSERA_FUZZ_TARGET names no target");
    if let Some(target) = &*TARGET {
        let begun = now();
        target.run(input);
        let taken = now().saturating_sub(begun);
        assert!(taken <= bound::CPU_COUNTED, "{taken:?} on the processor");
    }
});

/// Time of this thread on the processor.
fn now() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}
