//! Addresses as people write them.

use std::net::SocketAddr;

/// The port of a proxy, where an address names none.
pub const PROXY_PORT: u16 = 3080;
/// The port of the auth service, where an address names none.
pub const AUTH_PORT: u16 = 3025;

/// `host:port`, with a default port; `https://` before it and a slash behind it do no harm.
#[must_use]
pub fn with_port(address: &str, port: u16) -> String {
    let bare = address.trim_start_matches("https://").trim_end_matches('/');
    let has_port = bare.parse::<SocketAddr>().is_ok()
        || (!bare.ends_with(']')
            && bare.matches(':').count() == 1
            && bare.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()));
    if has_port {
        bare.to_owned()
    } else if bare.matches(':').count() > 1 && !bare.starts_with('[') {
        format!("[{bare}]:{port}")
    } else {
        format!("{bare}:{port}")
    }
}

#[cfg(test)]
mod tests;
