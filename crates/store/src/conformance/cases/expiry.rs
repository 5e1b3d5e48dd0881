//! The end of items.

use std::time::Duration;

use bytes::Bytes;

use crate::conformance::{Outcome, Subject, ensure, ensure_error, key, next_event, prefix};
use crate::{Error, Prefix, Write};

/// No reader and no condition sees an item whose end has come, swept or not.
pub async fn expired_items_are_absent_at_once(s: Subject) -> Outcome {
    let name = key(&["apps", "a"])?;
    let revision = s.store().create(&name, Bytes::from("x"), Some(s.in_seconds(10))).await?;
    s.clock.advance(Duration::from_millis(9_999));
    ensure!(s.store().get(&name).await?.value == "x", "gone before its time");
    s.clock.advance(Duration::from_millis(1));
    ensure_error!(s.store().get(&name).await, Error::NotFound { .. });
    let listed = s.store().range(&prefix(&["apps"])?).await?.items;
    ensure!(listed.is_empty(), "listed {listed:?}");
    let swap = s.store().compare_and_swap(&name, &revision, Bytes::new(), None).await;
    ensure_error!(swap, Error::NotFound { .. });
    ensure_error!(s.store().delete(&name).await, Error::NotFound { .. });
    ensure_error!(s.store().delete_if(&name, &revision).await, Error::NotFound { .. });
    s.store().create(&name, Bytes::from("new"), None).await?;
    ensure!(s.store().get(&name).await?.value == "new", "could not be created again");
    Ok(())
}

/// What replaced an item is not swept because of the item's end.
pub async fn expiry_does_not_outlive_a_replacement(s: Subject) -> Outcome {
    let (later, never) = (key(&["apps", "later"])?, key(&["apps", "never"])?);
    for name in [&later, &never] {
        s.store().create(name, Bytes::from("old"), Some(s.in_seconds(10))).await?;
    }
    s.store().put(&later, Bytes::from("new"), Some(s.in_seconds(20))).await?;
    s.store().put(&never, Bytes::from("new"), None).await?;
    s.clock.advance(Duration::from_secs(15));
    ensure!(s.store().sweep().await? == 0, "something was swept");
    ensure!(s.store().range(&Prefix::all()).await?.items.len() == 2, "something is gone");
    s.clock.advance(Duration::from_secs(15));
    ensure!(s.store().sweep().await? == 1, "not exactly one was swept");
    ensure!(s.store().get(&never).await?.value == "new", "the wrong one was swept");
    Ok(())
}

/// A heartbeat: the same value with a later end.
pub async fn items_are_kept_alive_by_compare_and_swap(s: Subject) -> Outcome {
    let name = key(&["app_servers", "a"])?;
    let mut revision = s.store().create(&name, Bytes::from("x"), Some(s.in_seconds(10))).await?;
    for _ in 0..5 {
        s.clock.advance(Duration::from_secs(8));
        let end = Some(s.in_seconds(10));
        revision = s.store().compare_and_swap(&name, &revision, Bytes::from("x"), end).await?;
        ensure!(s.store().sweep().await? == 0, "a living item was swept");
    }
    ensure!(s.store().get(&name).await?.value == "x", "the item is gone");
    Ok(())
}

/// Each expired item is told once as deleted, in the order of their ends.
pub async fn sweeping_tells_watchers(s: Subject) -> Outcome {
    for (name, seconds) in [("c", 3), ("a", 1), ("b", 2), ("stays", 100)] {
        let expires = Some(s.in_seconds(seconds));
        s.store().create(&key(&["apps", name])?, Bytes::new(), expires).await?;
    }
    let before = s.store().range(&Prefix::all()).await?;
    let mut watch = s.store().watch(Vec::new(), before.cursor).await?;
    s.clock.advance(Duration::from_secs(1));
    ensure!(s.store().sweep().await? == 1, "not exactly one was swept");
    ensure!(s.store().sweep().await? == 0, "it was swept twice");
    let told = next_event(&mut watch).await?;
    ensure!(told == "delete apps/a", "told {told}");
    s.clock.advance(Duration::from_secs(10));
    ensure!(s.store().sweep().await? == 2, "not exactly two were swept");
    let mut told = [next_event(&mut watch).await?, next_event(&mut watch).await?];
    told.sort();
    ensure!(told == ["delete apps/b", "delete apps/c"], "told {told:?}");

    // More at once than any engine does in one go.
    let names: Vec<String> = (0..600).map(|n| format!("{n}")).collect();
    for names in names.chunks(50) {
        let group = names.iter().map(|name| {
            Ok(Write::create(key(&["many", name])?, Bytes::new(), Some(s.in_seconds(1))))
        });
        s.store().write(group.collect::<Result<_, crate::conformance::Failure>>()?).await?;
    }
    s.clock.advance(Duration::from_secs(1));
    let swept = s.store().sweep().await?;
    ensure!(swept == 600, "{swept} swept instead of 600");
    ensure!(s.store().range(&Prefix::all()).await?.items.len() == 1, "something is left");
    Ok(())
}
