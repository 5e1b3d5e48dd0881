//! A trie over bytes: everything filed under a prefix of a text, in one walk.

use super::Posting;

/// Bytes of a prefix that are looked at; what is longer is filed with its beginning.
const MAX_DEPTH: usize = 32;

#[derive(Debug)]
pub(super) struct Trie {
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    /// Next bytes, sorted, with the nodes they lead to.
    edges: Vec<(u8, u32)>,
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
        let mut at = 0_u32;
        for byte in prefix.take(MAX_DEPTH) {
            at = self.child(at, byte);
        }
        if let Some(node) = self.nodes.get_mut(at as usize) {
            node.postings.push(posting);
        }
    }

    fn child(&mut self, at: u32, byte: u8) -> u32 {
        let next = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let Some(node) = self.nodes.get_mut(at as usize) else { return at };
        match node.edges.binary_search_by_key(&byte, |(byte, _)| *byte) {
            Ok(found) => node.edges.get(found).map_or(at, |(_, child)| *child),
            Err(place) => {
                node.edges.insert(place, (byte, next));
                self.nodes.push(Node::default());
                next
            }
        }
    }

    /// Visits everything filed under a prefix of `text`.
    pub(super) fn walk(&self, text: impl Iterator<Item = u8>, mut visit: impl FnMut(&Posting)) {
        let Some(mut node) = self.nodes.first() else { return };
        for byte in text {
            node.postings.iter().for_each(&mut visit);
            let edge = node.edges.binary_search_by_key(&byte, |(byte, _)| *byte);
            let next = edge.ok().and_then(|found| node.edges.get(found));
            let Some(next) = next.and_then(|(_, child)| self.nodes.get(*child as usize)) else {
                return;
            };
            node = next;
        }
        node.postings.iter().for_each(&mut visit);
    }
}
