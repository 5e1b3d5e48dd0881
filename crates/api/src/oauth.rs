//! What proxies and the auth service agree on about clients that have a person sign in by OAuth.

use url::Url;

/// What access tokens begin with. Nothing else that is shown as a bearer token does: others' are JWTs.
pub const OAUTH_ACCESS_PREFIX: &str = "tso_a_";
/// What refresh tokens begin with.
pub const OAUTH_REFRESH_PREFIX: &str = "tso_r_";
/// What the ids of clients begin with that registered themselves.
pub const OAUTH_CLIENT_PREFIX: &str = "tso_i_";
/// What codes begin with.
pub const OAUTH_CODE_PREFIX: &str = "tso_c_";

/// The longest of these texts.
pub const MAX_OAUTH_TOKEN: usize = 256;

/// An app as clients name it (RFC 8707): its own address, or that in another cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OauthResource {
    /// The cluster, if the address names one.
    pub cluster: Option<String>,
    /// The app.
    pub app: String,
}

/// Who issues tokens (RFC 8414, section 2), at the proxy with this public address, `host:port`.
#[must_use]
pub fn oauth_issuer(proxy_addr: &str) -> String {
    let address = proxy_addr.to_ascii_lowercase();
    format!("https://{}", address.strip_suffix(":443").unwrap_or(&address))
}

/// Whether this is, by its looks, an access token of the cluster's own.
#[must_use]
pub fn is_oauth_access_token(text: &str) -> bool {
    text.starts_with(OAUTH_ACCESS_PREFIX)
}

/// The access token in the value of an `Authorization` header (RFC 6750, section 2.1), if it is one of the cluster's
/// own.
#[must_use]
pub fn oauth_access_token(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.trim().split_once(' ')?;
    let token = token.trim_start();
    (scheme.eq_ignore_ascii_case("bearer") && is_oauth_access_token(token)).then_some(token)
}

/// A text in the characters that descriptions of errors are of (RFC 6749, section 5.2; RFC 6750, section 3).
#[must_use]
pub fn oauth_description(text: &str) -> String {
    let plain = |c: char| match c {
        ' ' | '!' | '#'..='[' | ']'..='~' => c,
        _ => '\'',
    };
    text.chars().map(plain).collect()
}

// === impl OauthResource ===

impl OauthResource {
    /// Its address at a proxy.
    #[must_use]
    pub fn url(&self, proxy_addr: &str) -> String {
        let issuer = oauth_issuer(proxy_addr);
        match &self.cluster {
            None => format!("{issuer}/mcp/apps/{}", self.app),
            Some(cluster) => format!("{issuer}/mcp/sites/{cluster}/apps/{}", self.app),
        }
    }

    /// Reads such an address; none if it is that of another proxy, or of anything else.
    #[must_use]
    pub fn parse(text: &str, proxy_addr: &str) -> Option<Self> {
        let (url, own) = (Url::parse(text).ok()?, Url::parse(&oauth_issuer(proxy_addr)).ok()?);
        let bare = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !bare || url.origin() != own.origin() {
            return None;
        }
        let path: Vec<&str> = url.path().strip_prefix("/mcp/")?.split('/').collect();
        let (cluster, app) = match path.as_slice() {
            ["apps", app] => (None, *app),
            ["sites", cluster, "apps", app] => (Some(*cluster), *app),
            _ => return None,
        };
        let is_name = |text: &str| {
            !text.is_empty()
                && text.len() <= 253
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        if !is_name(app) || !cluster.is_none_or(is_name) {
            return None;
        }
        Some(Self { cluster: cluster.map(str::to_owned), app: app.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: &str = "Tessera.example.com:443";

    #[test]
    fn an_app_is_named_by_its_own_address_and_by_no_other() {
        let here = OauthResource { cluster: None, app: "files".to_owned() };
        let there = OauthResource { cluster: Some("leaf".to_owned()), ..here.clone() };
        for resource in [here, there] {
            assert_eq!(OauthResource::parse(&resource.url(PROXY), PROXY), Some(resource));
        }
        assert!(
            OauthResource::parse("https://tessera.example.com:443/mcp/apps/a", PROXY).is_some()
        );
        for wrong in [
            "http://tessera.example.com/mcp/apps/files",
            "https://tessera.example.com:3080/mcp/apps/files",
            "https://other.example.com/mcp/apps/files",
            "https://tessera.example.com@other.example.com/mcp/apps/files",
            "https://u@tessera.example.com/mcp/apps/files",
            "https://tessera.example.com/mcp/apps/files?x=1",
            "https://tessera.example.com/mcp/apps/files#x",
            "https://tessera.example.com/mcp/apps/files/",
            "https://tessera.example.com/mcp/apps/",
            "https://tessera.example.com/mcp/apps/a%2fb",
            "https://tessera.example.com/mcp/apps/../apps",
            "https://tessera.example.com/mcp/sites//apps/files",
            "https://tessera.example.com/",
            "/mcp/apps/files",
        ] {
            assert_eq!(OauthResource::parse(wrong, PROXY), None, "{wrong}");
        }
    }

    #[test]
    fn own_tokens_are_told_from_others_by_how_they_begin() {
        assert_eq!(oauth_access_token("Bearer tso_a_x"), Some("tso_a_x"));
        assert_eq!(oauth_access_token("bearer  tso_a_x"), Some("tso_a_x"));
        assert_eq!(oauth_access_token("Bearer a.b.c"), None);
        assert_eq!(oauth_access_token("Bearer tso_r_x"), None);
        assert_eq!(oauth_access_token("Basic tso_a_x"), None);
        assert_eq!(oauth_access_token("tso_a_x"), None);
    }
}
