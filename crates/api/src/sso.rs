//! What proxies and the auth service agree on about browsers that sign in through connectors.

/// The name of the cookie that ties a browser to the login with this state: one a login, so that one does
/// not undo another that the same browser is at. `__Host-` has browsers believe no other host about it.
#[must_use]
pub fn sso_cookie(state: &str) -> String {
    let digest = pki::digest_of(&[b"sso cookie", state.as_bytes()]);
    let name: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("__Host-tessera-sso-{name}")
}
