//! The tables, and how an older file becomes a current one.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::open::{OpenError, explain};

/// Marks the file as ours: "TESS".
const APPLICATION_ID: i64 = 0x5445_5353;

/// The steps from an empty file to the current schema. A file's version is the number of steps
/// that were applied to it. Steps are never changed, only added.
const STEPS: [&str; 1] = [include_str!("schema/1.sql")];

/// Applies all steps to an empty file.
pub(super) fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    let epoch = uuid::Uuid::new_v4().simple().to_string();
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    for step in STEPS {
        transaction.execute_batch(step)?;
    }
    transaction.execute("INSERT INTO meta (id, epoch, number) VALUES (1, ?1, 0)", [epoch])?;
    transaction.pragma_update(None, "user_version", current())?;
    transaction.commit()
}

/// Sees whether the file is a store of a version that is understood.
pub(super) fn recognise(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    if pragma("application_id").map_err(|e| explain(path, e))? != APPLICATION_ID {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    let found = pragma("user_version").map_err(|e| explain(path, e))?;
    if found > current() {
        return Err(OpenError::Newer { path: path.to_owned(), found, known: current() });
    }
    Ok(())
}

/// Applies the steps that an older file lacks: all of them or none.
pub(super) fn upgrade(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    apply_missing(connection).map_err(|e| explain(path, e))
}

fn apply_missing(connection: &mut Connection) -> rusqlite::Result<()> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found == current() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for step in STEPS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", current())?;
    transaction.commit()
}

fn current() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}
