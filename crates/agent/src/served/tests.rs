use std::sync::Arc;

use futures_util::FutureExt as _;
use mcp::definition::{Definition, Shown};
use resource::ServerState;
use runtime::Clock;

use super::{Served, Table};
use crate::catalog::Wanted;
use crate::catalog::tests::app;

fn wanted(command: &str) -> Wanted {
    Wanted { app: Arc::new(app("a", &[], command)), shadows: false }
}

fn command(served: &Served) -> String {
    served.launchable().spec.mcp.as_ref().unwrap().command.clone()
}

fn error(served: &Served) -> Option<String> {
    served.observe().last_error.map(|error| error.message)
}

#[test]
fn an_update_that_cannot_be_served_leaves_the_old_one() {
    let table = Table::new(Clock::system());
    let (old, bad, good) = (wanted("old"), wanted("bad"), wanted("good"));
    let served = table.register(old.clone());
    assert_eq!(command(&served), "old");
    served.checked(&old.app, Ok(()));
    assert_eq!(served.observe().state, ServerState::Serving);
    assert!(served.unchecked().is_none());

    served.update(bad.clone());
    assert_eq!(command(&served), "old");
    served.checked(&bad.app, Err("no such command".to_owned()));
    assert_eq!(command(&served), "old");
    assert_eq!(served.observe().state, ServerState::Outdated);
    assert_eq!(error(&served).as_deref(), Some("no such command"));
    assert!(Arc::ptr_eq(&served.unchecked().unwrap(), &bad.app));

    served.update(good.clone());
    served.checked(&good.app, Ok(()));
    assert_eq!(command(&served), "good");
    assert_eq!((served.observe().state, error(&served)), (ServerState::Serving, None));
}

#[test]
fn what_never_could_be_served_says_why() {
    let table = Table::new(Clock::system());
    let bad = wanted("bad");
    let served = table.register(bad.clone());
    served.checked(&bad.app, Err("no such user".to_owned()));
    assert_eq!(served.observe().state, ServerState::Failed);
    assert_eq!(error(&served).as_deref(), Some("no such user"));
    // Somebody creates the user.
    served.checked(&served.unchecked().unwrap(), Ok(()));
    assert_eq!((served.observe().state, error(&served)), (ServerState::Serving, None));
}

#[test]
fn a_check_of_what_was_replaced_meanwhile_says_nothing() {
    let table = Table::new(Clock::system());
    let (old, new) = (wanted("old"), wanted("new"));
    let served = table.register(old.clone());
    served.update(new);
    served.checked(&old.app, Ok(()));
    assert_eq!(served.observe().state, ServerState::Starting);
}

#[test]
fn a_name_that_is_taken_is_told() {
    let table = Table::new(Clock::system());
    let hiding = Wanted { shadows: true, ..wanted("ours") };
    let served = table.register(hiding.clone());
    served.checked(&hiding.app, Ok(()));
    assert!(error(&served).unwrap().contains("configuration file"));
}

#[test]
fn connections_are_counted() {
    let table = Table::new(Clock::system());
    let served = table.register(wanted("x"));
    let (one, two) = (served.connect(), served.connect());
    assert_eq!(served.observe().connections, 2);
    drop((one, two));
    assert_eq!(served.observe().connections, 0);
}

#[tokio::test]
async fn what_was_seen_of_tools_is_told_though_the_app_is_registered_anew() {
    let table = Table::new(Clock::system());
    let (old, new) = (wanted("old"), wanted("new"));
    let served = table.register(old.clone());
    served.checked(&old.app, Ok(()));
    let definition = Definition { name: "read".into(), digest: [7; 32] };
    served.tools().saw_all(Shown { tools: vec![definition], more: false });
    served.update(new.clone());
    served.checked(&new.app, Ok(()));
    assert!(Arc::ptr_eq(&served.target().app, &new.app));
    let news = served.tools().news("a").unwrap();
    assert_eq!((news.tools.len(), news.whole), (1, Some(vec!["read".to_owned()])));
}

#[tokio::test]
async fn a_server_is_looked_at_when_it_is_known_which() {
    let table = Table::new(Clock::system());
    let (old, new) = (wanted("old"), wanted("new"));
    let served = table.register(old.clone());
    for one in [&old, &new] {
        served.update(one.clone());
        let mut settled = Box::pin(served.settled());
        assert!(settled.as_mut().now_or_never().is_none(), "the check is under way");
        served.checked(&one.app, Ok(()));
        assert!(settled.now_or_never().is_some());
        assert!(Arc::ptr_eq(&served.target().app, &one.app));
    }
}
