use super::*;

#[test]
fn addresses_get_their_port() {
    for (given, expected) in [
        ("example.com", "example.com:3080"),
        ("example.com:443", "example.com:443"),
        ("https://example.com/", "example.com:3080"),
        ("https://example.com:443/", "example.com:443"),
        ("192.0.2.1", "192.0.2.1:3080"),
        ("::1", "[::1]:3080"),
        ("[::1]", "[::1]:3080"),
        ("[::1]:443", "[::1]:443"),
    ] {
        assert_eq!(with_port(given, 3080), expected);
    }
}
