//! People whom a provider calls by another name than before.

use api::ErrorKind;
use resource::{Lock, LockTarget};
use serde_json::{Value, json};

use crate::cluster::refused;
use crate::oidc::Office;

impl Office {
    fn says(&self, claims: &Value) {
        self.liar.lie(|lies| {
            lies.claims = claims.as_object().unwrap().clone();
            lies.userinfo = json!({"sub": claims.get("sub").unwrap_or(&json!("u1"))});
        });
    }

    async fn lock(&self, user: &str) {
        let target = LockTarget { user: Some(user.to_owned()), ..LockTarget::default() };
        self.cluster.put(Lock::new("the-lock", target, "come to my office")).await;
    }
}

#[tokio::test]
async fn a_lock_holds_whatever_its_user_is_called_now() {
    let office = Office::open(&json!({})).await;
    let alice = json!({"email": "alice@example.com", "groups": ["eng"]});
    let eve = json!({"email": "eve@example.com", "groups": ["eng"]});
    let again = json!({"email": "Alice@example.com", "groups": ["eng"]});
    let other = json!({"sub": "u2", "email": "bob@example.com", "groups": ["eng"]});
    office.says(&alice);
    office.login().await.unwrap();
    office.lock("alice@example.com").await;
    for name in [&eve, &again, &alice] {
        office.says(name);
        let error = refused(office.login().await.map(drop), ErrorKind::Denied);
        assert_eq!(error.hints(), ["come to my office"]);
    }
    office.says(&other);
    office.login().await.unwrap();
    // A name of long ago, and of somebody who is not locked meanwhile.
    office.lock("nobody@example.com").await;
    office.says(&eve);
    office.login().await.unwrap();
    office.lock("alice@example.com").await;
    refused(office.login().await.map(drop), ErrorKind::Denied);
}
