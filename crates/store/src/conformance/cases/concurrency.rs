//! Many writers at once.

use bytes::Bytes;
use futures_util::future::{join_all, try_join_all};

use crate::conformance::replica::Replica;
use crate::conformance::{Failure, Outcome, Subject, ensure, key, prefix};
use crate::{Error, Prefix, Write};

/// Writers at the same time.
const WRITERS: usize = 16;

/// Of all who create the same item exactly one is told that it did.
pub async fn many_create_one_wins(s: Subject) -> Outcome {
    for round in 0..10 {
        let name = key(&["apps", &round.to_string()])?;
        let attempts = (0..WRITERS).map(|n| {
            let (store, name) = (s.shared(), name.clone());
            async move { (n, store.create(&name, Bytes::from(n.to_string()), None).await) }
        });
        let mut winners = Vec::new();
        for (n, result) in join_all(attempts).await {
            match result {
                Ok(_) => winners.push(n.to_string()),
                Err(Error::AlreadyExists { .. }) => {}
                Err(other) => return Err(other.into()),
            }
        }
        let kept = s.store().get(&name).await?.value;
        ensure!(winners.len() == 1 && winners.iter().all(|w| *w == kept), "won: {winners:?}");
    }
    Ok(())
}

/// Read, add one, compare and swap, retry: every increment is there at the end.
pub async fn many_increment_none_is_lost(s: Subject) -> Outcome {
    const INCREMENTS: usize = 10;
    let name = key(&["counter"])?;
    s.store().create(&name, Bytes::from("0"), None).await?;
    let writers = (0..WRITERS).map(|_| {
        let (store, name) = (s.shared(), name.clone());
        async move {
            let mut done = 0;
            while done < INCREMENTS {
                let item = store.get(&name).await?;
                let count: usize = String::from_utf8_lossy(&item.value).parse().unwrap_or(0);
                let next = Bytes::from((count + 1).to_string());
                match store.compare_and_swap(&name, &item.revision, next, None).await {
                    Ok(_) => done += 1,
                    Err(Error::Conflict { .. }) => {}
                    Err(other) => return Err(Failure::from(other)),
                }
            }
            Ok(())
        }
    });
    try_join_all(writers).await?;
    let count = s.store().get(&name).await?.value;
    ensure!(count == (WRITERS * INCREMENTS).to_string(), "counted {count:?}");
    Ok(())
}

/// List, watch, list again when told to: what a replica knows is what the store holds, while
/// others create, change, delete and write groups.
pub async fn a_replica_converges_under_concurrent_writers(s: Subject) -> Outcome {
    const ROUNDS: usize = 25;
    let watched = prefix(&["apps"])?;
    let end = key(&["apps", "end"])?;
    let mut replica = Replica::list(s.shared(), watched.clone()).await?;
    let writers = (0..WRITERS).map(|writer| {
        let store = s.shared();
        async move {
            for round in 0..ROUNDS {
                let mine = key(&["apps", &format!("{writer}-{}", round % 3)])?;
                let shared = key(&["apps", "shared"])?;
                let elsewhere = key(&["roles", &writer.to_string()])?;
                let value = Bytes::from(format!("{writer} {round}"));
                store.put(&mine, value.clone(), None).await?;
                store
                    .write(vec![
                        Write::put(shared, value.clone(), None),
                        Write::put(elsewhere, value, None),
                    ])
                    .await?;
                if round % 3 == 2 {
                    store.delete(&mine).await?;
                }
            }
            Ok::<(), Failure>(())
        }
    });
    let writing = async {
        try_join_all(writers).await?;
        s.store().put(&end, Bytes::from("end"), None).await?;
        Ok::<(), Failure>(())
    };
    let following = replica.follow_until(&end);
    let (wrote, followed) = futures_util::join!(writing, following);
    wrote?;
    followed?;
    let kept = s.store().range(&watched).await?.items;
    replica.compare(&kept)?;
    ensure!(s.store().range(&Prefix::all()).await?.items.len() > kept.len(), "nothing elsewhere");
    Ok(())
}
