//! Where statements are kept, a bounded number of them.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::cell::Cell;

/// Statements in each half; as many are served well at once. One has a kilobyte or two.
pub(super) const HALF: usize = 2048;

/// By what a statement is made of.
type Key = [u8; 32];

/// Cells in two halves: what is in use survives in the young one.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    /// Guards the tables; held for a look-up.
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    young: HashMap<Key, Arc<Cell>>,
    old: HashMap<Key, Arc<Cell>>,
}

// === impl Shelf ===

impl Shelf {
    /// The cell of a statement; a new one if there is none.
    pub(super) fn cell(&self, key: Key) -> Arc<Cell> {
        let mut tables = self.tables.lock();
        if let Some(cell) = tables.young.get(&key) {
            return cell.clone();
        }
        let cell = tables.old.remove(&key).unwrap_or_default();
        if tables.young.len() >= HALF {
            tables.old = std::mem::take(&mut tables.young);
        }
        tables.young.insert(key, cell.clone());
        cell
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let tables = self.tables.lock();
        tables.young.len() + tables.old.len()
    }
}
