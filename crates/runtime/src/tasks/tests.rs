use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use super::{TaskEnd, Tasks};
use crate::latch::Latch;

const LIMIT: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_task_gives_its_output() {
    assert_eq!(Tasks::new().spawn("sum", async { 1 + 1 }).await, Ok(2));
    assert_eq!(Tasks::new().spawn_blocking("sum", || 1 + 1).await, Ok(2));
}

#[tokio::test]
async fn shutdown_cancels_and_waits_for_an_orderly_end() {
    let tasks = Tasks::new();
    let cleaned = Latch::new();
    let (cancelled, clean) = (tasks.cancelled(), cleaned.clone());
    tasks.spawn("orderly", async move {
        cancelled.await;
        tokio::task::yield_now().await;
        clean.open();
    });
    assert_eq!(tasks.running(), ["orderly"]);
    assert!(tasks.shutdown(LIMIT).await.is_empty());
    assert!(cleaned.is_open());
    assert!(tasks.running().is_empty());
}

#[tokio::test(start_paused = true)]
async fn shutdown_names_and_aborts_who_missed_the_deadline() {
    let tasks = Tasks::new();
    let deaf = tasks.spawn("b.deaf", pending::<()>());
    let below = tasks.child().child().spawn("a.deaf below", pending::<()>());
    tasks.spawn_until_cancelled("polite", pending::<()>());
    assert_eq!(tasks.shutdown(Duration::from_secs(1)).await, ["a.deaf below", "b.deaf"]);
    assert_eq!(deaf.await, Err(TaskEnd::Aborted));
    assert_eq!(below.await, Err(TaskEnd::Aborted));
    assert!(tasks.running().is_empty());
}

#[tokio::test]
async fn a_child_ends_alone_and_its_parent_goes_on() {
    let tasks = Tasks::new();
    let sibling = tasks.spawn_until_cancelled("sibling", pending::<()>());
    let child = tasks.child();
    child.spawn_until_cancelled("in child", pending::<()>());
    assert!(child.shutdown(LIMIT).await.is_empty());
    assert!(child.is_cancelled());
    assert!(!tasks.is_cancelled());
    assert_eq!(tasks.running(), ["sibling"]);
    tasks.cancel();
    assert_eq!(sibling.await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn a_parent_waits_for_the_tasks_of_its_children_only_while_they_run() {
    let tasks = Tasks::new();
    let child = tasks.child();
    assert!(tasks.shutdown(LIMIT).await.is_empty(), "an empty child does not delay");
    let late = child.spawn("late", pending::<()>());
    assert_eq!(tasks.shutdown(Duration::from_millis(1)).await, ["late"]);
    assert_eq!(late.await, Err(TaskEnd::Aborted));
}

#[tokio::test]
async fn a_scope_cancels_its_tasks_when_dropped() {
    let tasks = Tasks::new();
    let scope = tasks.scope();
    let task = scope.spawn_until_cancelled("connection", pending::<()>());
    let nested = scope.child().spawn_until_cancelled("stream", pending::<()>());
    drop(scope);
    assert_eq!(task.await, Ok(None));
    assert_eq!(nested.await, Ok(None));
    assert!(!tasks.is_cancelled());
}

#[tokio::test]
async fn a_critical_task_that_returns_cancels_the_whole_tree() {
    let tasks = Tasks::new();
    let other = tasks.child();
    tasks.child().spawn_critical("listener", async {});
    tokio::time::timeout(LIMIT, other.cancelled()).await.unwrap();
    assert_eq!(other.failure().as_deref(), Some("listener"));
}

#[tokio::test]
async fn a_critical_task_that_panics_cancels_the_whole_tree() {
    let tasks = Tasks::new();
    let end = tasks.spawn_critical("listener", async { panic!("on purpose") });
    tokio::time::timeout(LIMIT, tasks.cancelled()).await.unwrap();
    assert_eq!(tasks.failure().as_deref(), Some("listener"));
    assert_eq!(end.await, Err(TaskEnd::Panicked));
}

#[tokio::test]
async fn a_critical_task_that_ends_after_cancellation_is_no_failure() {
    let tasks = Tasks::new();
    tasks.spawn_critical("listener", tasks.cancelled());
    assert!(tasks.shutdown(LIMIT).await.is_empty());
    assert_eq!(tasks.failure(), None);
}

#[tokio::test]
async fn an_ordinary_panic_ends_only_its_task() {
    let tasks = Tasks::new();
    let end = tasks.spawn("unlucky", async { panic!("on purpose") });
    assert_eq!(end.await, Err::<(), _>(TaskEnd::Panicked));
    assert!(tasks.running().is_empty());
    assert!(!tasks.is_cancelled());
}

#[tokio::test]
async fn groups_that_ended_are_freed() {
    let tasks = Tasks::new();
    let child = tasks.child();
    let group = Arc::downgrade(&child.group);
    child.spawn("short", async {}).await.unwrap();
    drop(child);
    assert!(group.upgrade().is_none());
}
