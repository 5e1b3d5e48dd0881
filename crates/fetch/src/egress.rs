//! Which addresses upstreams may have, as far as the operator of an agent says.
//!
//! Names are resolved once, each address that comes of it is judged, and just those that may be are
//! connected to: a name that means something else a moment later gains nothing.
//!
//! Without any configuration every address is fine but those that can only be meant ill: where clouds
//! keep credentials for their machines, other link-local addresses, and those that are not one
//! machine's. Loopback and private addresses are where most MCP servers are.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The rules of an agent. By default only [`NEVER`] is refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Egress {
    /// When there are any, everything else is refused.
    pub allow: Vec<Place>,
    /// Refused whatever `allow` says.
    pub deny: Vec<Place>,
}

/// A range of addresses, or a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// `192.0.2.0/24`, or one address.
    Range(Range),
    /// `mcp.example.com`.
    Host(String),
    /// `*.example.com`: every name below.
    Below(String),
}

/// A range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    first: IpAddr,
    bits: u8,
}

/// Text that is neither a range of addresses nor a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no address, range of addresses or host name: {why}")]
pub struct NoPlace {
    text: String,
    why: &'static str,
}

/// Why an address is not connected to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A rule says so.
    #[error("{what} is denied by the egress rules of this agent ({rule})")]
    Denied {
        /// Name or address.
        what: String,
        /// The rule.
        rule: String,
    },
    /// No rule allows it.
    #[error("{what} is not among what the egress rules of this agent allow")]
    NotAllowed {
        /// Name or address.
        what: String,
    },
    /// See [`NEVER`].
    #[error(
        "{what} is an address that agents do not connect to ({rule}) unless their egress rules \
         allow it"
    )]
    Never {
        /// The address.
        what: String,
        /// The range.
        rule: &'static str,
    },
}

/// Refused unless a range in `allow` holds the address: metadata services of clouds and the rest of
/// the link-local addresses; "this" host and network, which mean loopback without looking like it;
/// groups and everybody.
pub const NEVER: [&str; 10] = [
    "169.254.0.0/16",
    "fe80::/10",
    "fd00:ec2::254/128",
    "100.100.100.200/32",
    "168.63.129.16/32",
    "0.0.0.0/8",
    "::/128",
    "224.0.0.0/4",
    "255.255.255.255/32",
    "ff00::/8",
];

/// The well-known prefix under which networks of version 6 reach version 4 (RFC 6052).
const NAT64: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];

// === impl Egress ===

impl Egress {
    /// Whether an address that `host` stands for may be connected to.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, host: &str, address: IpAddr) -> Result<(), Refused> {
        let faces = faces(address);
        let what = || {
            if host.parse() == Ok(address) {
                host.to_owned()
            } else {
                format!("{host} ({address})")
            }
        };
        if let Some(rule) = self.deny.iter().find(|place| place.holds(host, &faces)) {
            return Err(Refused::Denied { what: what(), rule: rule.to_string() });
        }
        let by_range =
            |place: &Place| matches!(place, Place::Range(_)) && place.holds(host, &faces);
        if self.allow.iter().any(by_range) {
            return Ok(());
        }
        if !self.allow.is_empty() && !self.allow.iter().any(|place| place.holds(host, &faces)) {
            return Err(Refused::NotAllowed { what: what() });
        }
        let never = NEVER.into_iter().find(|text| {
            let range = text.parse::<Range>();
            range.is_ok_and(|range| faces.iter().flatten().any(|face| range.holds(*face)))
        });
        match never {
            Some(rule) => Err(Refused::Never { what: what(), rule }),
            None => Ok(()),
        }
    }
}

/// An address, and the one of version 4 that it leads to if it is of version 6.
fn faces(address: IpAddr) -> [Option<IpAddr>; 2] {
    let address = address.to_canonical();
    let IpAddr::V6(six) = address else { return [Some(address), None] };
    let behind = match six.segments() {
        [a, b, c, d, e, f, high, low] if [a, b, c, d, e, f] == NAT64 => {
            let [one, two] = high.to_be_bytes();
            let [three, four] = low.to_be_bytes();
            Some(Ipv4Addr::new(one, two, three, four).into())
        }
        _ => None,
    };
    [Some(address), behind]
}

// === impl Place ===

impl Place {
    fn holds(&self, host: &str, faces: &[Option<IpAddr>]) -> bool {
        let host = host.trim_end_matches('.');
        match self {
            Self::Range(range) => faces.iter().flatten().any(|address| range.holds(*address)),
            Self::Host(name) => host.eq_ignore_ascii_case(name),
            Self::Below(name) => {
                let below =
                    host.len().checked_sub(name.len()).and_then(|at| host.split_at_checked(at));
                below.is_some_and(|(before, end)| {
                    before.len() > 1 && before.ends_with('.') && end.eq_ignore_ascii_case(name)
                })
            }
        }
    }
}

impl FromStr for Place {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        if text.contains('/') || text.parse::<IpAddr>().is_ok() {
            return text.parse().map(Self::Range);
        }
        let name = text.strip_prefix("*.").unwrap_or(text);
        let is_label = |label: &str| {
            let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            !label.is_empty() && label.chars().all(fits)
        };
        let looks_numeric = name
            .rsplit('.')
            .next()
            .is_some_and(|last| last.chars().all(|c| c.is_ascii_digit()) || last.starts_with("0x"));
        if looks_numeric || !name.split('.').all(is_label) {
            let why = "write 192.0.2.0/24, 2001:db8::1, mcp.example.com or *.example.com";
            return Err(NoPlace { text: text.to_owned(), why });
        }
        let name = name.to_ascii_lowercase();
        Ok(if text.starts_with("*.") { Self::Below(name) } else { Self::Host(name) })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(range) => write!(f, "{}/{}", range.first, range.bits),
            Self::Host(name) => f.write_str(name),
            Self::Below(name) => write!(f, "*.{name}"),
        }
    }
}

// === impl Range ===

impl Range {
    fn holds(self, address: IpAddr) -> bool {
        match (self.first, address) {
            (IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_)) => {
                masked(address, self.bits) == self.first
            }
            _ => false,
        }
    }
}

fn masked(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(four) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            Ipv4Addr::from_bits(four.to_bits() & mask).into()
        }
        IpAddr::V6(six) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            Ipv6Addr::from_bits(six.to_bits() & mask).into()
        }
    }
}

impl FromStr for Range {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let no = |why| NoPlace { text: text.to_owned(), why };
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().map_err(|_e| no("that is not an address"))?;
        if first.to_canonical() != first {
            return Err(no("write addresses of version 4 as such"));
        }
        let width = if first.is_ipv4() { 32 } else { 128 };
        let bits =
            bits.map_or(Ok(width), |bits| bits.parse().map_err(|_e| no("that is no length")))?;
        if bits > width {
            return Err(no("the length is more than an address has bits"));
        }
        if masked(first, bits) != first {
            return Err(no("bits behind the length are set"));
        }
        Ok(Self { first, bits })
    }
}

#[cfg(test)]
mod tests;
