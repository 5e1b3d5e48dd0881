use http::Request;

use super::*;

fn answer(uri: &str, headers: &[(&str, &str)]) -> Result<(), &'static str> {
    let mut request = Request::builder().uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    check(&request.body(()).unwrap().into_parts().0)
}

#[test]
fn clients_of_this_machine_are_served() {
    for host in ["127.0.0.1:8080", "localhost:8080", "LOCALHOST", "[::1]:8080", "[::1]"] {
        assert_eq!(answer("/mcp", &[("host", host)]), Ok(()), "{host}");
    }
    let same = [("host", "localhost:1"), ("origin", "http://localhost:1")];
    assert_eq!(answer("/", &same), Ok(()));
    assert_eq!(answer("/", &[("host", "localhost"), ("sec-fetch-site", "none")]), Ok(()));
    assert_eq!(answer("http://127.0.0.1:8080/", &[("host", "127.0.0.1:8080")]), Ok(()));
}

#[test]
fn names_that_lead_here_by_rebinding_are_not() {
    for host in [
        "evil.example:8080",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "localhost@evil.example",
        "evil.example@localhost",
        "[::1].evil.example",
        "127.0.0.1:8080:80",
        "0.0.0.0",
        "",
    ] {
        assert!(answer("/", &[("host", host)]).is_err(), "{host}");
    }
    assert!(answer("/", &[]).is_err());
    assert!(answer("/", &[("host", "localhost"), ("host", "evil.example")]).is_err());
    assert!(answer("http://evil.example/", &[("host", "localhost")]).is_err());
}

#[test]
fn pages_are_not() {
    let host = ("host", "localhost:8080");
    for origin in [
        "null",
        "http://evil.example",
        "http://localhost:3000",
        "https://localhost:8080",
        "http://localhost",
    ] {
        assert!(answer("/", &[host, ("origin", origin)]).is_err(), "{origin}");
    }
    let two = [host, ("origin", "http://localhost:8080"), ("origin", "http://evil.example")];
    assert!(answer("/", &two).is_err());
    for site in ["cross-site", "same-site", "what"] {
        assert!(answer("/", &[host, ("sec-fetch-site", site)]).is_err(), "{site}");
    }
}
