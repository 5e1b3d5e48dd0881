use std::collections::VecDeque;

use futures_util::future::BoxFuture;
use futures_util::stream;
use parking_lot::Mutex;
use resource::{Resource, Role};

use super::*;
use crate::source::Listing;

type Event = Result<WatchEvent, Error>;

/// A source that plays a script: what each list and each watch answers.
#[derive(Default)]
struct Script {
    lists: Mutex<VecDeque<Result<Listing, Error>>>,
    watches: Mutex<VecDeque<Vec<Event>>>,
    asked: Mutex<Vec<String>>,
}

impl Source for Script {
    fn list(&self, _kind: Kind) -> BoxFuture<'_, Result<Listing, Error>> {
        let next = self.lists.lock().pop_front();
        Box::pin(async move {
            match next {
                Some(listing) => listing,
                None => std::future::pending().await,
            }
        })
    }

    fn watch(&self, _kinds: Vec<Kind>, cursor: String) -> BoxFuture<'_, Result<Changes, Error>> {
        self.asked.lock().push(cursor);
        let next = self.watches.lock().pop_front();
        Box::pin(async move {
            match next {
                // As strict as they come: it panics when it is asked after its end.
                Some(events) => Ok(stream::unfold(events.into_iter(), async |mut events| {
                    events.next().map(|event| (event, events))
                })
                .boxed()),
                None => std::future::pending().await,
            }
        })
    }
}

fn role(name: &str) -> Resource {
    Resource::Role(Role::new(name))
}

#[expect(clippy::unnecessary_wraps, reason = "it stands among errors in a script")]
fn listing(names: &[&str], cursor: &str) -> Result<Listing, Error> {
    Ok(Listing { items: names.iter().map(|name| role(name)).collect(), cursor: cursor.into() })
}

#[expect(clippy::unnecessary_wraps, reason = "it stands among errors in a script")]
fn put(name: &str, cursor: &str) -> Event {
    Ok(WatchEvent::Put { resource: Arc::new(role(name)), cursor: cursor.into() })
}

#[expect(clippy::unnecessary_wraps, reason = "it stands among errors in a script")]
fn delete(name: &str, cursor: &str) -> Event {
    Ok(WatchEvent::Delete { kind: Kind::Role, name: name.into(), cursor: cursor.into() })
}

fn names(replica: &Replica) -> Vec<String> {
    replica.snapshot().roles.keys().map(str::to_owned).collect()
}

async fn until(replica: &Replica, expected: &[&str]) {
    let mut changes = replica.changes();
    while names(replica) != expected {
        changes.changed().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn changes_are_applied_in_order_and_the_watch_goes_on_where_it_was() {
    let script = Arc::new(Script::default());
    script.lists.lock().push_back(listing(&["a"], "1"));
    script.watches.lock().extend([vec![put("b", "2"), delete("a", "3")], vec![put("c", "4")]]);
    let tasks = Tasks::new();
    let replica = Replica::follow(&tasks, script.clone(), &[Kind::Role]);
    until(&replica, &["b", "c"]).await;
    assert_eq!(script.asked.lock()[..2], ["1", "3"]);
    tasks.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_position_that_is_gone_is_answered_by_listing_again() {
    let script = Arc::new(Script::default());
    script.lists.lock().extend([listing(&["a", "old"], "1"), listing(&["a", "new"], "9")]);
    let gone = Err(Error::new(ErrorKind::Gone, "compacted"));
    script.watches.lock().push_back(vec![put("b", "2"), gone]);
    let tasks = Tasks::new();
    let replica = Replica::follow(&tasks, script.clone(), &[Kind::Role]);
    until(&replica, &["a", "new"]).await;
    tasks.cancel();
}

#[tokio::test(start_paused = true)]
async fn what_is_known_stays_while_the_source_is_away() {
    let script = Arc::new(Script::default());
    let away = || Error::unavailable("away");
    script.lists.lock().extend([Err(away()), Err(away()), listing(&["a"], "1")]);
    script.watches.lock().extend([vec![Err(away())], vec![put("b", "2")]]);
    let tasks = Tasks::new();
    let replica = Replica::follow(&tasks, script.clone(), &[Kind::Role]);
    assert!(!replica.is_ready());
    replica.ready().await;
    assert_eq!(names(&replica), ["a"]);
    until(&replica, &["a", "b"]).await;
    tasks.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_source_that_falls_silent_is_asked_again() {
    let script = Arc::new(Script::default());
    script.lists.lock().push_back(listing(&["a"], "1"));
    let tasks = Tasks::new();
    let silent: Arc<dyn Source> = Arc::new(Silent(script.clone()));
    let replica = Replica::follow(&tasks, silent, &[Kind::Role]);
    replica.ready().await;
    let twice = async {
        while script.asked.lock().len() < 2 {
            tokio::time::sleep(SILENCE_LIMIT).await;
        }
    };
    tokio::time::timeout(SILENCE_LIMIT * 4, twice).await.expect("it is asked again");
    tasks.cancel();
}

/// A source whose watches open and say nothing.
struct Silent(Arc<Script>);

impl Source for Silent {
    fn list(&self, kind: Kind) -> BoxFuture<'_, Result<Listing, Error>> {
        self.0.list(kind)
    }

    fn watch(&self, _kinds: Vec<Kind>, cursor: String) -> BoxFuture<'_, Result<Changes, Error>> {
        self.0.asked.lock().push(cursor);
        Box::pin(async { Ok(stream::pending().boxed()) })
    }
}
