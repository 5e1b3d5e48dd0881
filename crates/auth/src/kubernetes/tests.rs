use super::*;

fn status(change: impl FnOnce(&mut Value)) -> Status {
    let mut status = json!({
        "authenticated": true,
        "user": {
            "username": "system:serviceaccount:mcp:agent",
            "extra": {POD_NAME: ["agent-0"], TOKEN_ID: ["JTI=7"]},
        },
        "audiences": ["example"],
    });
    change(&mut status);
    serde_json::from_value(status).unwrap()
}

fn judged(change: impl FnOnce(&mut Value)) -> Result<Map<String, Value>, Error> {
    claims(status(change), "https://kubernetes.default.svc".to_owned(), "example")
}

#[test]
fn whose_the_token_is_becomes_what_rules_look_at() {
    let claims = judged(|_| {}).unwrap();
    assert_eq!(claims["sub"], "system:serviceaccount:mcp:agent");
    assert_eq!(claims["iss"], "https://kubernetes.default.svc");
    assert_eq!(claims["kubernetes.io"]["pod"]["name"], "agent-0");
    assert_eq!(claims["jti"], "JTI=7");
}

#[test]
fn nothing_is_made_of_what_kubernetes_does_not_say() {
    let all: [fn(&mut Value); 9] = [
        |status| *status = json!({}),
        |status| status["authenticated"] = json!(false),
        |status| status["error"] = json!("expired"),
        |status| status["audiences"] = json!([]),
        |status| drop(status.as_object_mut().unwrap().remove("audiences")),
        |status| status["audiences"] = json!(["https://kubernetes.default.svc", "example2"]),
        |status| status["user"]["extra"] = json!({}),
        |status| status["user"]["extra"][POD_NAME] = json!([]),
        |status| status["user"]["extra"][POD_NAME] = json!([""]),
    ];
    for (number, change) in all.into_iter().enumerate() {
        let error = judged(change).expect_err(&number.to_string());
        assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{number}: {error}");
    }
}

#[test]
fn a_pod_is_told_where_the_api_is() {
    let from = |variables: &[(&str, &str)]| {
        KubernetesApi::from_environment(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    };
    let api = from(&[(HOST, "10.96.0.1"), (PORT, "443")]).unwrap();
    let address = "https://10.96.0.1/apis/authentication.k8s.io/v1/tokenreviews";
    assert_eq!((api.reviews.as_str(), api.mounted.to_str()), (address, Some(MOUNTED)));
    let api = from(&[(HOST, "fd00::1"), (PORT, "6443"), (MOUNTED_ELSEWHERE, "/sa")]).unwrap();
    assert!(api.reviews.as_str().starts_with("https://[fd00::1]:6443/apis/"));
    assert_eq!(api.mounted.to_str(), Some("/sa"));
    for none in [&[][..], &[(HOST, "10.96.0.1")], &[(HOST, ""), (PORT, "443")]] {
        assert!(from(none).is_none());
    }
}
