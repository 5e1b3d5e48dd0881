//! Where clients are sent answers: https, a program on the person's machine by a loopback address (RFC 8252, section
//! 7.3) or by a scheme of its own (section 7.1), and nothing else.

use url::{Host, Url};

use super::MAX_REDIRECT_URI;

/// A redirect URI that may be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Redirect {
    text: String,
    url: Url,
    to: To,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum To {
    Site,
    Loopback,
    Scheme,
}

// === impl Redirect ===

impl Redirect {
    /// Reads one, or says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > MAX_REDIRECT_URI {
            return Err("the redirect URI is too long");
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
            return Err("the redirect URI has characters that no URI has");
        }
        let url = Url::parse(text).map_err(|_error| "the redirect URI is not an absolute URI")?;
        if url.fragment().is_some() {
            return Err("the redirect URI has a fragment");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("the redirect URI names a user");
        }
        let to = match (url.scheme(), url.host()) {
            ("https", Some(_)) => To::Site,
            ("http", Some(host)) if is_loopback(&host) => To::Loopback,
            ("http", _) => return Err("the redirect URI is http elsewhere than on loopback"),
            // Nobody else's, if it is by the rules: a domain name backwards.
            (scheme, _) if scheme.contains('.') => To::Scheme,
            _ => return Err("the redirect URI has a scheme that answers are not sent to"),
        };
        Ok(Self { text: text.to_owned(), url, to })
    }

    /// Whether an answer may go where `asked` says, when this is what was registered. A program on the person's
    /// machine listens where there is room.
    pub(super) fn admits(&self, asked: &Self) -> bool {
        if self.text == asked.text {
            return true;
        }
        let portless = |redirect: &Self| {
            let mut url = redirect.url.clone();
            url.set_port(None).ok().map(|()| url)
        };
        self.to == To::Loopback
            && asked.to == To::Loopback
            && portless(self).is_some_and(|own| portless(asked) == Some(own))
    }

    /// Where it leads, for a person.
    pub(super) fn host(&self) -> String {
        match (self.to, self.url.host_str()) {
            (To::Site | To::Loopback, Some(host)) => match self.url.port() {
                Some(port) if self.to == To::Site => format!("{host}:{port}"),
                _ => host.to_owned(),
            },
            _ => format!("{}:", self.url.scheme()),
        }
    }

    /// Whether that is a program on the person's own machine.
    pub(super) fn is_local(&self) -> bool {
        self.to != To::Site
    }

    /// The same with parameters.
    pub(super) fn with(&self, parameters: &[(&str, &str)]) -> String {
        let mut url = self.url.clone();
        url.query_pairs_mut().extend_pairs(parameters);
        url.into()
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => *address == std::net::Ipv4Addr::LOCALHOST,
        Host::Ipv6(address) => *address == std::net::Ipv6Addr::LOCALHOST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(registered: &str, asked: &str) -> bool {
        Redirect::parse(registered).unwrap().admits(&Redirect::parse(asked).unwrap())
    }

    #[test]
    fn answers_go_to_sites_and_to_programs_on_the_persons_machine() {
        for (text, host, is_local) in [
            ("https://client.example.com/cb", "client.example.com", false),
            ("https://client.example.com:8443/cb?a=b", "client.example.com:8443", false),
            ("http://127.0.0.1/cb", "127.0.0.1", true),
            ("http://127.0.0.1:5000/cb", "127.0.0.1", true),
            ("http://[::1]:5000/cb", "[::1]", true),
            ("http://localhost:5000/cb", "localhost", true),
            ("com.example.client:/cb", "com.example.client:", true),
            ("com.example.client://host/cb", "com.example.client:", true),
        ] {
            let redirect = Redirect::parse(text).unwrap();
            assert_eq!((redirect.host().as_str(), redirect.is_local()), (host, is_local), "{text}");
        }
    }

    #[test]
    fn answers_go_nowhere_else() {
        for text in [
            "http://client.example.com/cb",
            "http://127.0.0.2/cb",
            "http://localhost.example.com/cb",
            "http://user@127.0.0.1/cb",
            "https://client.example.com@evil.example.com/cb",
            "https://client.example.com/cb#fragment",
            "https://client.example.com/cb#",
            "https:\\\\client.example.com/cb",
            "https://client.example.com/c b",
            "https://client.example.com/\n",
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "myapp:/cb",
            "/cb",
            "",
        ] {
            assert!(Redirect::parse(text).is_err(), "{text}");
        }
        let long = format!("https://client.example.com/{}", "x".repeat(MAX_REDIRECT_URI - 27));
        assert_eq!(long.len(), MAX_REDIRECT_URI);
        assert!(Redirect::parse(&long).is_ok());
        assert!(Redirect::parse(&format!("{long}x")).is_err());
    }

    #[test]
    fn what_was_registered_is_what_is_asked_for_but_for_the_port_on_loopback() {
        assert!(admits("https://c.example.com/cb", "https://c.example.com/cb"));
        assert!(admits("http://127.0.0.1/cb", "http://127.0.0.1:5000/cb"));
        assert!(admits("http://127.0.0.1:1/cb", "http://127.0.0.1:5000/cb"));
        assert!(admits("http://localhost:1/cb", "http://localhost:5000/cb"));
        for (registered, asked) in [
            ("https://c.example.com/cb", "https://c.example.com/cb/"),
            ("https://c.example.com/cb", "https://c.example.com/cb?x=1"),
            ("https://c.example.com/cb", "https://c.example.com:8443/cb"),
            ("https://c.example.com/cb", "https://C.example.com/cb"),
            ("https://c.example.com/", "https://c.example.com"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:5000/other"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:5000/cb?x=1"),
            ("http://127.0.0.1/cb", "http://localhost:5000/cb"),
            ("http://127.0.0.1/cb", "https://127.0.0.1/cb"),
            ("com.example.a:/cb", "com.example.b:/cb"),
        ] {
            assert!(!admits(registered, asked), "{registered} {asked}");
        }
    }

    #[test]
    fn parameters_are_added_to_those_that_are_there() {
        let redirect = Redirect::parse("https://c.example.com/cb?a=b").unwrap();
        let location = redirect.with(&[("code", "x y"), ("iss", "https://p")]);
        assert_eq!(location, "https://c.example.com/cb?a=b&code=x+y&iss=https%3A%2F%2Fp");
        let redirect = Redirect::parse("com.example.a:/cb").unwrap();
        assert_eq!(redirect.with(&[("code", "x")]), "com.example.a:/cb?code=x");
    }
}
