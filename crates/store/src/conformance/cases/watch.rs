//! Watches: no gap after a list, none after a resumption, and a clear word when one is inevitable.

use bytes::Bytes;

use crate::conformance::{
    Outcome, REMEMBERED, Subject, ensure, ensure_error, key, next, next_event, prefix,
};
use crate::{Cursor, Error, Event, Prefix, Write};

/// What is in the list is not told again; everything after it is.
pub async fn watch_continues_from_a_list(s: Subject) -> Outcome {
    let (a, b) = (key(&["apps", "a"])?, key(&["apps", "b"])?);
    s.store().create(&a, Bytes::from("1"), None).await?;
    let list = s.store().range(&prefix(&["apps"])?).await?;
    s.store().put(&a, Bytes::from("2"), None).await?;
    let mut watch = s.store().watch(vec![prefix(&["apps"])?], list.cursor).await?;
    s.store().create(&b, Bytes::from("1"), Some(s.in_seconds(5))).await?;
    s.store().delete(&a).await?;
    let told = next_event(&mut watch).await?;
    ensure!(told == "put apps/a 2", "told {told}");
    let created = next(&mut watch).await?.event;
    let kept = s.store().get(&b).await?;
    ensure!(created == Event::Put(kept.clone()), "told {created:?}, kept {kept:?}");
    let told = next_event(&mut watch).await?;
    ensure!(told == "delete apps/a", "told {told}");
    // Refused writes are no changes.
    ensure_error!(s.store().create(&b, Bytes::new(), None).await, Error::AlreadyExists { .. });
    s.store().put(&b, Bytes::from("last"), None).await?;
    let told = next_event(&mut watch).await?;
    ensure!(told == "put apps/b last", "told {told}");
    Ok(())
}

/// Whole segments, several prefixes, and none at all for everything.
pub async fn watch_selects_by_prefix(s: Subject) -> Outcome {
    let start = s.store().range(&Prefix::all()).await?.cursor;
    let wanted = vec![prefix(&["apps"])?, prefix(&["roles", "x"])?];
    let mut some = s.store().watch(wanted, start.clone()).await?;
    let mut all = s.store().watch(Vec::new(), start).await?;
    let keys =
        [&["apps", "a"][..], &["apps2", "a"], &["roles", "y"], &["roles", "x", "1"], &["apps"]];
    for segments in keys {
        s.store().create(&key(segments)?, Bytes::new(), None).await?;
    }
    s.store().create(&key(&["apps", "last"])?, Bytes::new(), None).await?;
    for expected in ["apps/a", "roles/x/1", "apps/last"] {
        let told = next(&mut some).await?;
        ensure!(told.event.key().as_str() == expected, "told {told:?} instead of {expected}");
    }
    for segments in keys {
        let told = next(&mut all).await?;
        ensure!(*told.event.key() == key(segments)?, "told {told:?} instead of {segments:?}");
    }
    Ok(())
}

/// The cursor of each change continues with the change after it.
pub async fn watch_resumes_from_any_cursor(s: Subject) -> Outcome {
    let start = s.store().range(&Prefix::all()).await?.cursor;
    for n in 0..10 {
        s.store().put(&key(&["apps", "a"])?, Bytes::from(n.to_string()), None).await?;
    }
    let mut watch = s.store().watch(Vec::new(), start.clone()).await?;
    let mut cursors = vec![start];
    for _ in 0..10 {
        cursors.push(next(&mut watch).await?.cursor);
    }
    s.store().put(&key(&["apps", "a"])?, Bytes::from("10"), None).await?;
    for (n, cursor) in cursors.into_iter().enumerate() {
        // As text, the way it travels between processes.
        let mut watch = s.store().watch(Vec::new(), Cursor::new(cursor.as_str())).await?;
        for value in n..=10 {
            let told = next_event(&mut watch).await?;
            ensure!(told == format!("put apps/a {value}"), "after {n}: told {told}");
        }
    }
    Ok(())
}

/// All changes of a group, and a resumption within it.
pub async fn watch_tells_of_groups_in_order(s: Subject) -> Outcome {
    let start = s.store().range(&Prefix::all()).await?.cursor;
    let (a, b, c) = (key(&["x", "a"])?, key(&["x", "b"])?, key(&["x", "c"])?);
    let group = vec![
        Write::create(c, Bytes::from("3"), None),
        Write::create(a.clone(), Bytes::from("1"), None),
        Write::create(b, Bytes::from("2"), None),
    ];
    s.store().write(group).await?;
    let mut watch = s.store().watch(Vec::new(), start.clone()).await?;
    let first = next(&mut watch).await?;
    let mut told = vec![first.event.key().name().into_owned()];
    let mut resumed = s.store().watch(Vec::new(), first.cursor).await?;
    for _ in 0..2 {
        told.push(next(&mut resumed).await?.event.key().name().into_owned());
    }
    told.sort();
    ensure!(told == ["a", "b", "c"], "told {told:?}");
    Ok(())
}

/// A cursor from before the compaction is refused; listing again gives one that works.
pub async fn watch_across_compaction_says_so(s: Subject) -> Outcome {
    let name = key(&["apps", "a"])?;
    let old = s.store().range(&Prefix::all()).await?.cursor;
    s.store().create(&name, Bytes::from("x"), None).await?;
    s.compact().await?;
    let prefixes = vec![prefix(&["apps"])?];
    // At once or as the first word, both are the contract.
    match s.store().watch(prefixes.clone(), old).await {
        Err(Error::Compacted) => {}
        Err(other) => return Err(other.into()),
        Ok(mut watch) => ensure_error!(watch.next().await, Error::Compacted),
    }
    let list = s.store().range(&prefix(&["apps"])?).await?;
    ensure!(list.items.len() == 1, "listed {:?}", list.items);
    let mut watch = s.store().watch(prefixes, list.cursor).await?;
    s.store().put(&name, Bytes::from("y"), None).await?;
    let told = next_event(&mut watch).await?;
    ensure!(told == "put apps/a y", "told {told}");
    Ok(())
}

/// A watch that nobody reads either still knows every change or says that it does not.
pub async fn watch_that_falls_behind_says_so(s: Subject) -> Outcome {
    let name = key(&["apps", "a"])?;
    let start = s.store().range(&Prefix::all()).await?.cursor;
    let mut watch = s.store().watch(Vec::new(), start).await?;
    let changes = REMEMBERED * 20;
    for n in 0..changes {
        s.store().put(&name, Bytes::from(n.to_string()), None).await?;
    }
    for n in 0..changes {
        match watch.next().await {
            Ok(change) => match change.event {
                Event::Put(item) if item.value == n.to_string() => {}
                other => ensure!(false, "told {other:?} as change {n}"),
            },
            Err(Error::Compacted) => return Ok(()),
            Err(other) => return Err(other.into()),
        }
    }
    Ok(())
}

/// Text that the store never gave out, and a place that it has not reached.
pub async fn unknown_cursors_are_compacted(s: Subject) -> Outcome {
    s.store().put(&key(&["apps", "a"])?, Bytes::new(), None).await?;
    let real = s.store().range(&Prefix::all()).await?.cursor;
    for text in [String::new(), "nonsense".to_owned(), format!("{real}9999"), format!("x{real}")] {
        match s.store().watch(Vec::new(), Cursor::new(&text)).await {
            Err(Error::Compacted) => {}
            Err(other) => return Err(other.into()),
            Ok(mut watch) => ensure_error!(watch.next().await, Error::Compacted),
        }
    }
    Ok(())
}
