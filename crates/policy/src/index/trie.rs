//! A trie over bytes: everything filed under a prefix of a text, in one walk. Runs without a branch are one
//! step of it.

use super::Posting;

/// Bytes of a prefix that are looked at; what is longer is filed with its beginning.
pub(super) const MAX_DEPTH: usize = 32;

#[derive(Debug)]
pub(super) struct Trie {
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    /// What leads here, behind the first byte.
    run: Box<[u8]>,
    /// Next bytes, and the nodes they lead to. Apart, and in no order: all the bytes are looked through
    /// faster than half of the pairs.
    bytes: Vec<u8>,
    children: Vec<u32>,
    postings: Vec<Posting>,
}

// === impl Trie ===

impl Default for Trie {
    fn default() -> Self {
        Self { nodes: vec![Node::default()] }
    }
}

impl Trie {
    pub(super) fn insert(&mut self, prefix: impl Iterator<Item = u8>, posting: Posting) {
        let prefix: Vec<u8> = prefix.take(MAX_DEPTH).collect();
        let mut rest = prefix.as_slice();
        let mut at = 0_u32;
        while let [first, behind @ ..] = rest {
            match self.child(at, *first) {
                Some(child) => {
                    let run = self.nodes.get(child as usize).map_or(&[][..], |node| &node.run);
                    let shared = run.iter().zip(behind).take_while(|(one, two)| one == two).count();
                    self.split(child, shared);
                    rest = behind.get(shared..).unwrap_or_default();
                    at = child;
                }
                None => {
                    at = self.grow(at, *first, behind);
                    rest = &[];
                }
            }
        }
        if let Some(node) = self.nodes.get_mut(at as usize) {
            node.postings.push(posting);
        }
    }

    fn child(&self, at: u32, byte: u8) -> Option<u32> {
        self.nodes.get(at as usize).and_then(|node| node.next(byte))
    }

    /// Ends the run of a node behind its first `len` bytes; the rest becomes a node of its own.
    fn split(&mut self, at: u32, len: usize) {
        let lower = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let Some(node) = self.nodes.get_mut(at as usize) else { return };
        let (Some(upper), Some([byte, behind @ ..])) = (node.run.get(..len), node.run.get(len..))
        else {
            return;
        };
        let (upper, byte, run) = (upper.into(), *byte, behind.into());
        node.run = upper;
        let bytes = std::mem::replace(&mut node.bytes, vec![byte]);
        let children = std::mem::replace(&mut node.children, vec![lower]);
        let postings = std::mem::take(&mut node.postings);
        self.nodes.push(Node { run, bytes, children, postings });
    }

    /// A new node below one that has no edge for `byte`.
    fn grow(&mut self, at: u32, byte: u8, behind: &[u8]) -> u32 {
        let new = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let Some(node) = self.nodes.get_mut(at as usize) else { return at };
        node.bytes.push(byte);
        node.children.push(new);
        self.nodes.push(Node { run: behind.into(), ..Node::default() });
        new
    }

    /// Visits everything filed under a prefix of `text`, until `visit` has enough.
    pub(super) fn walk(
        &self,
        mut text: impl Iterator<Item = u8>,
        mut visit: impl FnMut(&[Posting]) -> bool,
    ) {
        let Some(mut node) = self.nodes.first() else { return };
        loop {
            if !node.postings.is_empty() && visit(&node.postings) {
                return;
            }
            let next = text.next().and_then(|byte| node.next(byte));
            let Some(next) = next.and_then(|next| self.nodes.get(next as usize)) else { return };
            if !next.run.iter().all(|byte| text.next() == Some(*byte)) {
                return;
            }
            node = next;
        }
    }
}

// === impl Node ===

impl Node {
    fn next(&self, byte: u8) -> Option<u32> {
        let found = self.bytes.iter().position(|known| *known == byte)?;
        self.children.get(found).copied()
    }
}
