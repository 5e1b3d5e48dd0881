use resource::Secret;
use runtime::Tasks;

use super::{MAX_BYTES, Passwords, check};

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

#[tokio::test]
async fn a_hash_is_of_one_password_only() {
    let passwords = Passwords::new(Tasks::new()).unwrap();
    let hash = passwords.hash(secret("a rather long sentence")).await.unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    assert!(passwords.verify(Some(hash.clone()), secret("a rather long sentence")).await.unwrap());
    assert!(!passwords.verify(Some(hash), secret("a rather long sentencE")).await.unwrap());
}

#[tokio::test]
async fn two_hashes_of_one_password_differ() {
    let passwords = Passwords::new(Tasks::new()).unwrap();
    let one = passwords.hash(secret("a rather long sentence")).await.unwrap();
    let two = passwords.hash(secret("a rather long sentence")).await.unwrap();
    assert_ne!(one, two);
}

#[tokio::test]
async fn nobody_has_no_password() {
    let passwords = Passwords::new(Tasks::new()).unwrap();
    assert!(!passwords.verify(None, secret("")).await.unwrap());
    assert!(!passwords.verify(None, secret("a rather long sentence")).await.unwrap());
}

#[tokio::test]
async fn a_broken_hash_is_a_fault_and_not_an_answer() {
    let passwords = Passwords::new(Tasks::new()).unwrap();
    assert!(passwords.verify(Some("$plain$x".to_owned()), secret("x")).await.is_err());
}

#[tokio::test]
async fn whoever_comes_when_too_many_wait_is_sent_away() {
    let passwords = Passwords::new(Tasks::new()).unwrap();
    let _others = passwords.entrance.clone().acquire_many_owned(64).await.unwrap();
    let refused = passwords.verify(None, secret("x")).await.unwrap_err();
    assert!(refused.to_string().contains("too many"), "{refused}");
}

#[test]
fn rules() {
    assert!(check("alice", "elevenchars").is_err());
    assert!(check("alice", "twelve chars").is_ok());
    assert!(check("alice", "ünïcödé wörd").is_ok());
    assert!(check("alice", &"ab7!".repeat(MAX_BYTES / 4)).is_err(), "a short period");
    let long: String = ("abcdefghijklmnopqrs".chars().cycle().zip("0123456789ABC".chars().cycle()))
        .flat_map(|(a, b)| [a, b])
        .take(MAX_BYTES)
        .collect();
    assert!(check("alice", &long).is_ok());
    assert!(check("alice", &format!("{long}x")).is_err());
    for common in [
        "password1234",
        "Password123!",
        "passwordpassword",
        "123456789012",
        "qwertyuiop12",
        "aaaaaaaaaaaa",
        "abababababab",
        "iloveyou1234",
        "Administrator1",
        "1q2w3e4r5t6y",
        "letmeinletmein",
        "Summer2026!!!",
        "tessera12345",
        "P@ssw0rd2026",
    ] {
        assert!(check("bob", common).is_err(), "{common} was accepted");
    }
    assert!(check("alice", "alicealiceal").is_err(), "made of the name");
    assert!(check("alice", "Summer of tessera trees").is_ok());
}
