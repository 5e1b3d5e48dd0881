//! How much work one input may be.
//!
//! Work is counted in time on the processor and in memory asked for, neither of which depends on what else
//! the machine does. The bounds are for a build without optimisation, where everything takes ten to thirty
//! times as long as in the product.

use std::time::Duration;

/// The largest input. It holds four patterns of the longest kind, or a role with hundreds of entries.
pub const INPUT_BYTES: usize = 16 * 1024;

/// Time on the processor that one input may take in a build without optimisation.
pub const CPU: Duration = Duration::from_secs(20);

/// The same in the build that searches for inputs, which is optimised and counts what it reaches.
pub const CPU_COUNTED: Duration = Duration::from_secs(5);

/// Bytes that one input may ask for, over all: what is freed again counts as well.
pub const ALLOCATED_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// Bytes that one input may hold at one time: three times what the programs of one role set may have.
pub const HELD_BYTES: u64 = 192 * 1024 * 1024;
