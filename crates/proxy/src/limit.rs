//! How often one address may try to sign in.
//!
//! The limit is per client address, so that a guesser slows only himself; the auth service counts
//! failures per user on top.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;

use governor::clock::MonotonicClock;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

/// The table is pruned when it knows more addresses than this.
const PRUNE_AT: usize = 4096;

/// Counts attempts by client address.
pub(crate) struct Attempts {
    limiter: RateLimiter<IpAddr, HashMapStateStore<IpAddr>, MonotonicClock>,
}

impl Attempts {
    /// So many a minute from one address, and as many at once.
    pub(crate) fn of(attempts: NonZeroU32) -> Self {
        Self {
            limiter: RateLimiter::hashmap_with_clock(Quota::per_minute(attempts), MonotonicClock),
        }
    }

    /// Whether this address may try now.
    pub(crate) fn admit(&self, address: IpAddr) -> bool {
        if self.limiter.len() > PRUNE_AT {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(&network_of(address)).is_ok()
    }
}

/// Whoever has one IPv6 address usually has its whole /64.
fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => IpAddr::V4(mapped),
            None => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !(u128::MAX >> 64))),
        },
    }
}

#[cfg(test)]
mod tests;
