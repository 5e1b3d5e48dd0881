use super::*;

const SOME: &str = "some";

/// A subject that is `SOME` in everything, and a target for each field that names it.
fn everything(roles: &[String]) -> LockSubject<'_> {
    LockSubject {
        users: [None, Some(SOME)],
        roles,
        devices: [Some("first"), Some(SOME)],
        server_id: Some(SOME),
        app: Some(SOME),
        bot_instance_id: Some(SOME),
        join_tokens: [None, Some(SOME)],
        oauth_grant: Some(SOME),
    }
}

fn targets(value: &str) -> Vec<LockTarget> {
    let value = || Some(value.to_owned());
    let none = LockTarget::default;
    let targets = vec![
        LockTarget { user: value(), ..none() },
        LockTarget { role: value(), ..none() },
        LockTarget { login: value(), ..none() },
        LockTarget { mfa_device: value(), ..none() },
        LockTarget { server_id: value(), ..none() },
        LockTarget { app: value(), ..none() },
        LockTarget { bot_instance_id: value(), ..none() },
        LockTarget { join_token: value(), ..none() },
        LockTarget { oauth_grant: value(), ..none() },
    ];
    assert_eq!(targets.len(), none().fields().len(), "every field has a target here");
    targets
}

fn merged(one: &LockTarget, other: &LockTarget) -> LockTarget {
    let or = |a: &Option<String>, b: &Option<String>| a.clone().or_else(|| b.clone());
    LockTarget {
        user: or(&one.user, &other.user),
        role: or(&one.role, &other.role),
        login: or(&one.login, &other.login),
        mfa_device: or(&one.mfa_device, &other.mfa_device),
        server_id: or(&one.server_id, &other.server_id),
        app: or(&one.app, &other.app),
        bot_instance_id: or(&one.bot_instance_id, &other.bot_instance_id),
        join_token: or(&one.join_token, &other.join_token),
        oauth_grant: or(&one.oauth_grant, &other.oauth_grant),
    }
}

#[test]
fn each_field_fits_who_has_it_and_nobody_else() {
    let roles = [SOME.to_owned()];
    for (named, other) in targets(SOME).iter().zip(targets("another")) {
        assert!(named.fits(&everything(&roles)), "{named:?}");
        assert!(!other.fits(&everything(&roles)), "{other:?}");
        assert!(!named.fits(&LockSubject::default()), "what is not known is not named: {named:?}");
    }
    assert!(!LockTarget::default().fits(&everything(&roles)), "nobody is named");
}

#[test]
fn fields_together_must_all_fit() {
    let roles = [SOME.to_owned()];
    let (named, others) = (targets(SOME), targets("another"));
    for (a, one) in named.iter().enumerate() {
        for (b, other) in named.iter().enumerate().filter(|(b, _)| *b != a) {
            assert!(merged(one, other).fits(&everything(&roles)));
            assert!(!merged(one, &others[b]).fits(&everything(&roles)), "{one:?} {other:?}");
        }
    }
}
