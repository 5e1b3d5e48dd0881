//! Single items, groups of them, and lists.

use std::time::Duration;

use bytes::Bytes;

use crate::conformance::{Outcome, Subject, ensure, ensure_error, key, prefix};
use crate::{Error, MAX_ITEM_BYTES, MAX_WRITES, Prefix, Revision, Write};

/// What was created is what is read.
pub async fn created_items_are_read_back(s: Subject) -> Outcome {
    let name = key(&["apps", "a"])?;
    // Engines keep whole milliseconds, and so does what they are given.
    let expires = s.in_seconds(60) + Duration::from_nanos(1_234_567);
    let revision = s.store().create(&name, Bytes::from("one"), Some(expires)).await?;
    let item = s.store().get(&name).await?;
    ensure!(item.key == name && item.value == "one", "wrong item: {item:?}");
    ensure!(item.revision == revision, "{:?} was told, {item:?} read", revision);
    let kept = s.in_seconds(60) + Duration::from_millis(1);
    ensure!(item.expires == Some(kept), "expires {:?} instead of {kept}", item.expires);
    let listed = s.store().range(&prefix(&["apps"])?).await?.items;
    ensure!(listed == [item], "listed {listed:?}");
    Ok(())
}

/// The first creator wins, and the item stays as it was.
pub async fn creating_twice_fails(s: Subject) -> Outcome {
    let name = key(&["apps", "a"])?;
    s.store().create(&name, Bytes::from("one"), None).await?;
    let again = s.store().create(&name, Bytes::from("two"), None).await;
    ensure_error!(again, Error::AlreadyExists { .. });
    ensure!(s.store().get(&name).await?.value == "one", "the item changed");
    s.store().delete(&name).await?;
    s.store().create(&name, Bytes::from("three"), None).await?;
    ensure!(s.store().get(&name).await?.value == "three", "not created after deletion");
    Ok(())
}

/// An unconditional put does both.
pub async fn put_creates_and_replaces(s: Subject) -> Outcome {
    let name = key(&["apps", "a"])?;
    let first = s.store().put(&name, Bytes::from("one"), Some(s.in_seconds(5))).await?;
    let second = s.store().put(&name, Bytes::from("two"), None).await?;
    ensure!(first != second, "both revisions are {first:?}");
    let item = s.store().get(&name).await?;
    ensure!(item.value == "two" && item.expires.is_none(), "wrong item: {item:?}");
    ensure!(item.revision == second, "the revision is {:?}, not {second:?}", item.revision);
    Ok(())
}

/// What is not there is said not to be there.
pub async fn missing_items_are_not_found(s: Subject) -> Outcome {
    let name = key(&["apps", "a"])?;
    ensure_error!(s.store().get(&name).await, Error::NotFound { .. });
    ensure_error!(s.store().delete(&name).await, Error::NotFound { .. });
    let listed = s.store().range(&Prefix::all()).await?.items;
    ensure!(listed.is_empty(), "listed {listed:?}");
    Ok(())
}

/// Only who saw the newest state may replace it.
pub async fn compare_and_swap_replaces_the_expected_revision_only(s: Subject) -> Outcome {
    let (name, other) = (key(&["apps", "a"])?, key(&["apps", "b"])?);
    let swap = |expected: Revision, value: &'static str| {
        let (store, name) = (s.shared(), name.clone());
        async move { store.compare_and_swap(&name, &expected, Bytes::from(value), None).await }
    };
    ensure_error!(swap(Revision::new("1"), "x").await, Error::NotFound { .. });
    let first = s.store().create(&name, Bytes::from("one"), None).await?;
    let second = swap(first.clone(), "two").await?;
    ensure!(first != second, "the revision did not change");
    ensure_error!(swap(first.clone(), "three").await, Error::Conflict { .. });
    let foreign = s.store().create(&other, Bytes::from("b"), None).await?;
    ensure_error!(swap(foreign, "three").await, Error::Conflict { .. });
    ensure_error!(swap(Revision::new("no revision"), "three").await, Error::Conflict { .. });
    ensure!(s.store().get(&name).await?.value == "two", "a refused write was kept");
    s.store().delete(&name).await?;
    ensure_error!(swap(second, "three").await, Error::NotFound { .. });
    Ok(())
}

/// An item that is deleted and made again with the same value is another one.
pub async fn revisions_never_return(s: Subject) -> Outcome {
    let name = key(&["apps", "a"])?;
    let first = s.store().create(&name, Bytes::from("same"), None).await?;
    s.store().delete(&name).await?;
    let second = s.store().create(&name, Bytes::from("same"), None).await?;
    let stale = s.store().compare_and_swap(&name, &first, Bytes::from("x"), None).await;
    ensure_error!(stale, Error::Conflict { .. });
    let third = s.store().put(&name, Bytes::from("same"), None).await?;
    ensure!(first != second && second != third && first != third, "a revision came back");
    Ok(())
}

/// Deleting can insist on a revision.
pub async fn deleting_is_conditional_too(s: Subject) -> Outcome {
    let name = key(&["apps", "a"])?;
    let first = s.store().create(&name, Bytes::from("one"), None).await?;
    let second = s.store().put(&name, Bytes::from("two"), None).await?;
    ensure_error!(s.store().delete_if(&name, &first).await, Error::Conflict { .. });
    ensure!(s.store().get(&name).await?.value == "two", "the item is gone");
    s.store().delete_if(&name, &second).await?;
    ensure_error!(s.store().get(&name).await, Error::NotFound { .. });
    ensure_error!(s.store().delete_if(&name, &second).await, Error::NotFound { .. });
    Ok(())
}

/// Empty values, every byte, and keys with everything in them.
pub async fn values_are_kept_byte_for_byte(s: Subject) -> Outcome {
    let all: Vec<u8> = (0..=u8::MAX).cycle().take(100_000).collect();
    for name in ["plain", "a/b", "%2F", "nul\0\n", "jürgen 😀", "'; DROP TABLE items; --"] {
        for value in [Bytes::new(), Bytes::from("\0"), Bytes::from(all.clone())] {
            let name = key(&["odd", name])?;
            s.store().put(&name, value.clone(), None).await?;
            let item = s.store().get(&name).await?;
            ensure!(item.key == name && item.value == value, "{name} came back differently");
        }
    }
    let listed = s.store().range(&prefix(&["odd"])?).await?.items.len();
    ensure!(listed == 6, "{listed} items listed instead of 6");
    Ok(())
}

/// At the limit it is kept, one past it refused.
pub async fn an_item_may_be_as_large_as_the_limit(s: Subject) -> Outcome {
    let name = key(&["apps", "a"])?;
    let largest = Bytes::from(vec![7; MAX_ITEM_BYTES]);
    s.store().create(&name, largest.clone(), None).await?;
    ensure!(s.store().get(&name).await?.value == largest, "the value came back differently");
    let larger = Bytes::from(vec![7; MAX_ITEM_BYTES + 1]);
    ensure_error!(s.store().put(&name, larger, None).await, Error::TooLarge { .. });
    let two = vec![
        Write::put(key(&["apps", "b"])?, largest, None),
        Write::put(key(&["apps", "c"])?, Bytes::from("x"), None),
    ];
    ensure_error!(s.store().write(two).await, Error::TooLarge { .. });
    Ok(())
}

/// Nothing, too much, and one key twice.
pub async fn senseless_writes_are_refused(s: Subject) -> Outcome {
    let writes = |count: usize| -> Result<Vec<Write>, crate::conformance::Failure> {
        let names = (0..count).map(|n| key(&["apps", &n.to_string()]));
        names.map(|name| Ok(Write::put(name?, Bytes::from("x"), None))).collect()
    };
    ensure_error!(s.store().write(Vec::new()).await, Error::InvalidWrite { .. });
    ensure_error!(s.store().write(writes(MAX_WRITES + 1)?).await, Error::InvalidWrite { .. });
    let told = s.store().write(writes(MAX_WRITES)?).await?.len();
    ensure!(told == MAX_WRITES, "{told} revisions for {MAX_WRITES} writes");
    let mut twice = writes(2)?;
    twice.push(Write::delete(key(&["apps", "0"])?));
    ensure_error!(s.store().write(twice).await, Error::InvalidWrite { .. });
    Ok(())
}

/// One condition that does not hold keeps all of a group from happening.
pub async fn groups_apply_whole_or_not_at_all(s: Subject) -> Outcome {
    let (a, b, c) = (key(&["x", "a"])?, key(&["x", "b"])?, key(&["x", "c"])?);
    let first = s.store().create(&a, Bytes::from("1"), None).await?;
    let before = s.store().range(&Prefix::all()).await?;
    let group = vec![
        Write::compare_and_swap(a.clone(), first.clone(), Bytes::from("2"), None),
        Write::create(b.clone(), Bytes::from("b"), None),
        Write::delete(c.clone()),
    ];
    match s.store().write(group).await {
        Err(Error::NotFound { key }) if key == c => {}
        other => ensure!(false, "expected that {c} is missing, got {other:?}"),
    }
    let after = s.store().range(&Prefix::all()).await?;
    ensure!(after.items == before.items, "something was kept: {:?}", after.items);
    ensure!(after.cursor == before.cursor, "a refused group left a trace");

    let group = vec![
        Write::compare_and_swap(a.clone(), first, Bytes::from("2"), None),
        Write::create(b.clone(), Bytes::from("b"), None),
    ];
    let told = s.store().write(group).await?;
    let listed = s.store().range(&prefix(&["x"])?).await?.items;
    let kept: Vec<_> = listed.iter().map(|item| (&item.key, item.revision.clone())).collect();
    ensure!(
        kept.iter().map(|(k, _)| *k).eq([&a, &b]) && kept.iter().map(|(_, r)| r).eq(&told),
        "kept {kept:?}, told {told:?}"
    );
    Ok(())
}

/// Ordered by key, and `apps` does not select `apps2/x`.
pub async fn range_is_ordered_and_by_whole_segments(s: Subject) -> Outcome {
    for segments in [
        &["apps", "b"][..],
        &["apps", "a"],
        &["apps", "a", "deep"],
        &["apps", "é"],
        &["apps", "Z"],
        &["apps-x", "a"],
        &["apps0", "a"],
        &["apps2", "a"],
        &["app", "a"],
        &["apps"],
    ] {
        s.store().create(&key(segments)?, Bytes::new(), None).await?;
    }
    let listed = s.store().range(&prefix(&["apps"])?).await?.items;
    let names: Vec<&str> = listed.iter().map(|item| item.key.as_str()).collect();
    ensure!(names == ["apps/Z", "apps/a", "apps/a/deep", "apps/b", "apps/é"], "listed {names:?}");
    let all = s.store().range(&Prefix::all()).await?.items;
    ensure!(all.len() == 10 && all.is_sorted_by_key(|item| item.key.clone()), "listed {all:?}");
    Ok(())
}

/// After closing, everything says so, and running watches end.
pub async fn a_closed_store_says_so(s: Subject) -> Outcome {
    let name = key(&["apps", "a"])?;
    s.store().create(&name, Bytes::new(), None).await?;
    let cursor = s.store().range(&Prefix::all()).await?.cursor;
    let mut watch = s.store().watch(Vec::new(), cursor.clone()).await?;
    s.store().close().await;
    ensure_error!(watch.next().await, Error::Closed);
    ensure_error!(s.store().get(&name).await, Error::Closed);
    ensure_error!(s.store().range(&Prefix::all()).await, Error::Closed);
    ensure_error!(s.store().put(&name, Bytes::new(), None).await, Error::Closed);
    ensure_error!(s.store().sweep().await, Error::Closed);
    ensure_error!(s.store().watch(Vec::new(), cursor).await, Error::Closed);
    s.store().close().await;
    Ok(())
}
