//! Resources of one kind by name, made to be copied: a copy shares everything with what it was made
//! of, and a change copies the few entries around it.
//!
//! A service publishes a new copy with every change, and there are ten thousand apps: copying all of
//! their names each time would cost more than everything else that a change causes.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// At most so many entries lie together, and are copied when one of them changes.
const CHUNK: usize = 64;

/// Resources of one kind by name, in the order of their names. Cloning shares.
pub struct Index<T> {
    /// Each has entries; all names of one are before all names of the next.
    chunks: Arc<Chunks<T>>,
    len: usize,
}

/// Grow and shrink where they are, if nobody else has them.
type Chunks<T> = Vec<Arc<Chunk<T>>>;
type Chunk<T> = Vec<(Arc<str>, Arc<T>)>;

// === impl Index ===

impl<T> Index<T> {
    /// The resource of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<T>> {
        let chunk = self.chunks.get(self.chunk_of(name))?;
        let at = position(chunk, name).ok()?;
        chunk.get(at).map(|(_, value)| value)
    }

    /// Whether there is one of this name.
    #[must_use]
    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Arc<T>)> {
        let entries = self.chunks.iter().flat_map(|chunk| chunk.iter());
        entries.map(|(name, value)| (&**name, value))
    }

    /// The names, in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    /// All, in the order of their names.
    pub fn values(&self) -> impl Iterator<Item = &Arc<T>> {
        self.iter().map(|(_, value)| value)
    }

    /// Whether both are the same copy, so that nothing can differ.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.chunks, &other.chunks)
    }

    /// Puts one in, instead of what had the name; gives that.
    pub fn insert(&mut self, name: &str, value: Arc<T>) -> Option<Arc<T>> {
        let number = self.chunk_of(name);
        let chunks = Arc::make_mut(&mut self.chunks);
        let Some(chunk) = chunks.get_mut(number) else {
            chunks.push(Arc::new(vec![(name.into(), value)]));
            self.len += 1;
            return None;
        };
        let chunk = Arc::make_mut(chunk);
        match position(chunk, name) {
            Ok(at) => chunk.get_mut(at).map(|(_, old)| std::mem::replace(old, value)),
            Err(at) => {
                chunk.insert(at, (name.into(), value));
                if chunk.len() > CHUNK {
                    let half = chunk.split_off(CHUNK / 2);
                    chunks.insert(number + 1, Arc::new(half));
                }
                self.len += 1;
                None
            }
        }
    }

    /// Takes one out; gives it.
    pub fn remove(&mut self, name: &str) -> Option<Arc<T>> {
        let number = self.chunk_of(name);
        let at = position(self.chunks.get(number)?, name).ok()?;
        let chunks = Arc::make_mut(&mut self.chunks);
        let chunk = Arc::make_mut(chunks.get_mut(number)?);
        let (_, value) = chunk.remove(at);
        let left = chunk.len();
        self.len -= 1;
        if left == 0 {
            chunks.remove(number);
        } else if let Some(next) = chunks.get(number + 1)
            && left + next.len() <= CHUNK / 2
        {
            let next = chunks.remove(number + 1);
            if let Some(chunk) = chunks.get_mut(number) {
                Arc::make_mut(chunk).extend(next.iter().cloned());
            }
        }
        Some(value)
    }

    /// The names under which the two hold different resources, in order. What they share costs next to
    /// nothing.
    #[must_use]
    pub fn changed<'a>(&'a self, new: &'a Self) -> Vec<&'a str> {
        let (mut old, mut new) = (Walk::new(self), Walk::new(new));
        let mut names = Vec::new();
        loop {
            if let (Some(one), Some(other)) = (old.whole(), new.whole())
                && Arc::ptr_eq(one, other)
            {
                old.skip();
                new.skip();
                continue;
            }
            let (one, other) = (old.entry(), new.entry());
            let order = match (one, other) {
                (None, None) => return names,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((one, _)), Some((other, _))) => one.cmp(other),
            };
            match (order, one, other) {
                (Ordering::Less, Some((name, _)), _) | (Ordering::Greater, _, Some((name, _))) => {
                    names.push(name);
                }
                (Ordering::Equal, Some((name, one)), Some((_, other)))
                    if !Arc::ptr_eq(one, other) =>
                {
                    names.push(name);
                }
                _ => {}
            }
            if order.is_le() {
                old.step();
            }
            if order.is_ge() {
                new.step();
            }
        }
    }

    /// The number of the chunk in which a name is, or belongs.
    fn chunk_of(&self, name: &str) -> usize {
        let first =
            |chunk: &Arc<Chunk<T>>| chunk.first().is_some_and(|(first, _)| **first <= *name);
        self.chunks.partition_point(first).saturating_sub(1)
    }
}

fn position<T>(chunk: &Chunk<T>, name: &str) -> Result<usize, usize> {
    chunk.binary_search_by(|(one, _)| (**one).cmp(name))
}

impl<T> Clone for Index<T> {
    fn clone(&self) -> Self {
        Self { chunks: self.chunks.clone(), len: self.len }
    }
}

impl<T> Default for Index<T> {
    fn default() -> Self {
        Self { chunks: Arc::default(), len: 0 }
    }
}

impl<T: PartialEq> PartialEq for Index<T> {
    fn eq(&self, other: &Self) -> bool {
        self.is_same(other) || (self.len == other.len && self.iter().eq(other.iter()))
    }
}

impl<T: fmt::Debug> fmt::Debug for Index<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<T> FromIterator<(String, Arc<T>)> for Index<T> {
    fn from_iter<I: IntoIterator<Item = (String, Arc<T>)>>(entries: I) -> Self {
        let mut index = Self::default();
        for (name, value) in entries {
            index.insert(&name, value);
        }
        index
    }
}

/// A place in an index.
struct Walk<'a, T> {
    chunks: &'a [Arc<Chunk<T>>],
    at: usize,
}

// === impl Walk ===

impl<'a, T> Walk<'a, T> {
    fn new(index: &'a Index<T>) -> Self {
        Self { chunks: &index.chunks, at: 0 }
    }

    /// The chunk that begins here, if one does.
    fn whole(&self) -> Option<&'a Arc<Chunk<T>>> {
        if self.at == 0 { self.chunks.first() } else { None }
    }

    fn entry(&self) -> Option<(&'a str, &'a Arc<T>)> {
        let (name, value) = self.chunks.first()?.get(self.at)?;
        Some((name, value))
    }

    fn step(&mut self) {
        self.at += 1;
        if self.chunks.first().is_some_and(|chunk| self.at >= chunk.len()) {
            self.skip();
        }
    }

    fn skip(&mut self) {
        self.chunks = self.chunks.get(1..).unwrap_or_default();
        self.at = 0;
    }
}

#[cfg(test)]
mod tests;
