use std::time::Duration;

use serde_json::{Value, json};

use super::super::tests::app;
use super::HealthCheck;
use crate::resource::Resource;

fn read(check: &Value) -> Result<HealthCheck, String> {
    let app = app(json!({"uri": "mcp+http://127.0.0.1:1/", "mcp": {"health_check": check}}))?;
    app.spec.mcp.and_then(|mcp| mcp.health_check).ok_or_else(|| "none".to_owned())
}

#[test]
fn a_check_has_defaults() {
    let of = |interval, timeout| HealthCheck {
        interval: Duration::from_secs(interval),
        timeout: Duration::from_secs(timeout),
    };
    assert_eq!(read(&json!({})).unwrap(), of(60, 30));
    assert_eq!(read(&json!({"interval": "15s"})).unwrap(), of(15, 15));
    assert_eq!(read(&json!({"interval": "5m", "timeout": "2m"})).unwrap(), of(300, 120));
}

#[test]
fn each_bound_is_the_last_that_passes() {
    for (good, bad) in [
        (json!({"interval": "10s"}), json!({"interval": "9.999s"})),
        (json!({"interval": "24h"}), json!({"interval": "24h0m1s"})),
        (json!({"timeout": "1s"}), json!({"timeout": "999ms"})),
        (json!({"interval": "1h", "timeout": "5m"}), json!({"interval": "1h", "timeout": "5m1s"})),
        (
            json!({"interval": "20s", "timeout": "20s"}),
            json!({"interval": "20s", "timeout": "21s"}),
        ),
    ] {
        assert!(read(&good).is_ok(), "{good}");
        assert!(read(&bad).unwrap_err().contains("a time between"), "{bad}");
    }
    let error = read(&json!({"intervall": "10s"})).unwrap_err();
    assert!(error.contains("interval"), "{error}");
}

#[test]
fn what_is_printed_reads_the_same() {
    let check = json!({"interval": "1m30s", "timeout": "5s"});
    let app = app(json!({"uri": "mcp+http://127.0.0.1:1/", "mcp": {"health_check": check}}));
    let app = Resource::App(app.unwrap());
    let text = app.to_json(crate::Secrets::Include).to_string();
    assert_eq!(Resource::from_json(text.as_bytes()).unwrap(), app);
}
