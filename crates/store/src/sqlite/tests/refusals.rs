//! Every file that cannot be opened gets its own sentence, and stays as it was.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use runtime::Clock;

use super::{key, open};
use crate::{Backend as _, OpenError, SqliteBackend, SqliteOptions};

fn refusal(path: &Path) -> OpenError {
    SqliteBackend::open(SqliteOptions::new(path, Clock::system())).unwrap_err()
}

/// A store with some items, closed.
async fn filled(directory: &tempfile::TempDir) -> PathBuf {
    let path = directory.path().join("store.db");
    let store = open(&path);
    for n in 0..100 {
        store.put(&key(&n.to_string()), Bytes::from(vec![7; 500]), None).await.unwrap();
    }
    store.close().await;
    path
}

#[test]
fn a_missing_directory() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("missing/store.db");
    let error = refusal(&path);
    assert!(matches!(error, OpenError::NoDirectory { .. }), "{error:?}");
    let message = error.to_string();
    assert!(message.ends_with("missing\" does not exist; create it, or name another data_dir"));
}

#[test]
fn a_file_instead_of_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("file"), "").unwrap();
    let error = refusal(&directory.path().join("file/store.db"));
    assert!(matches!(error, OpenError::NoDirectory { .. }), "{error:?}");
}

#[test]
fn a_directory_that_cannot_be_written() {
    // Not even the superuser makes files here.
    let error = refusal(Path::new("/sys/kernel/store.db"));
    assert!(matches!(error, OpenError::NotWritable { .. }), "{error:?}");
    assert!(error.to_string().contains("cannot be written; give this user write access"));
}

#[tokio::test]
async fn a_store_that_is_open() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = open(&path);
    let error = refusal(&path);
    let process = std::process::id();
    assert!(matches!(&error, OpenError::InUse { holder, .. } if *holder == Some(process)));
    assert!(error.to_string().contains(&format!("in use by another process (process {process})")));
    store.put(&key("a"), Bytes::new(), None).await.unwrap();
    store.close().await;
    open(&path);
}

#[test]
fn a_file_that_is_no_database() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    for content in ["", "x", "SQLite format 3\0", &"no database at all\n".repeat(1000)] {
        fs::write(&path, content).unwrap();
        let error = refusal(&path);
        assert!(
            matches!(error, OpenError::NotAStore { .. } | OpenError::Foreign { .. }),
            "{} bytes: {error:?}",
            content.len()
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
}

#[tokio::test]
async fn a_file_that_was_only_half_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = filled(&directory).await;
    let whole = fs::read(&path).unwrap();
    for size in [0, 1, 15, 16, 50, 99, 100, 512, 1000, 4095, 4096, 4097, 8192, 12_288, 40_000] {
        assert!(size < whole.len());
        fs::write(&path, &whole[..size]).unwrap();
        let error = refusal(&path);
        assert!(
            matches!(error, OpenError::NotAStore { .. } | OpenError::Damaged { .. }),
            "{size} of {} bytes: {error:?}",
            whole.len()
        );
        assert!(error.to_string().contains("restore it from a backup, or move it away"));
    }
    fs::write(&path, &whole).unwrap();
    open(&path);
}

#[tokio::test]
async fn a_file_with_a_page_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let path = filled(&directory).await;
    let mut bytes = fs::read(&path).unwrap();
    let pages = bytes.len() / 4096;
    let damaged = bytes.chunks_mut(4096).skip(1).take(pages / 2);
    damaged.for_each(|page| page.fill(0xAA));
    fs::write(&path, &bytes).unwrap();
    let error = refusal(&path);
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
}

#[tokio::test]
async fn a_log_without_its_store() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    fs::write(directory.path().join("store.db-wal"), "left behind").unwrap();
    let error = refusal(&path);
    assert!(matches!(error, OpenError::OrphanedLog { .. }), "{error:?}");
    assert!(!path.exists());
}

#[tokio::test]
async fn a_database_of_another_program() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE bookmarks (url TEXT)").unwrap();
    other.close().unwrap();
    let before = fs::read(&path).unwrap();
    let error = refusal(&path);
    assert!(matches!(error, OpenError::Foreign { .. }), "{error:?}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_store_of_a_later_version() {
    let directory = tempfile::tempdir().unwrap();
    let path = filled(&directory).await;
    let newer = rusqlite::Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 7).unwrap();
    newer.close().unwrap();
    let before = fs::read(&path).unwrap();
    let error = refusal(&path);
    assert!(matches!(error, OpenError::Newer { found: 7, known: 1, .. }), "{error:?}");
    assert!(error.to_string().contains("has schema version 7, this version of Tessera knows"));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn leftovers_of_an_interrupted_creation_do_no_harm() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    fs::write(directory.path().join("store.db.new"), "half").unwrap();
    fs::write(directory.path().join("store.db.new-journal"), "half").unwrap();
    let store = open(&path);
    store.put(&key("a"), Bytes::new(), None).await.unwrap();
    assert!(!directory.path().join("store.db.new").exists());
    assert!(!directory.path().join("store.db.new-journal").exists());
}
