//! What was asked and not yet answered.
//!
//! An answer means only what its request asked for. One that belongs to no open request is not passed on:
//! nobody could say how to filter it.

use std::collections::{HashMap, VecDeque};

use crate::Id;
use crate::id::plain_integer;
use crate::refused::Reason;

/// The most requests that one side of a session may have open. At 64 bytes each with a short id, 256 KB.
pub const OPEN_REQUESTS: usize = 4_096;

/// How many cancelled requests are remembered. A server need not answer them, but it may.
pub const CANCELLED_REQUESTS: usize = 1_024;

/// The open requests of one side of a session, and what is to be known when the answer comes. Each direction
/// has its own: client and server may use the same ids.
#[derive(Debug)]
pub struct Pending<T> {
    numbers: HashMap<i64, Open<T>>,
    strings: HashMap<Box<str>, Open<T>>,
    limit: usize,
    /// Cancelled requests in the order of their cancellation; some have been answered since.
    cancelled: VecDeque<(u64, Id<'static>)>,
    cancellations: u64,
    /// How many of the open requests are not cancelled.
    live: usize,
}

#[derive(Debug)]
struct Open<T> {
    what: T,
    as_string: bool,
    /// Its place in the order of cancellation.
    cancelled: Option<u64>,
}

/// Where a request is kept. A string that spells an integer is kept with the integers, so that two requests
/// which a careless server would answer under one id are never open together.
enum Place<'i> {
    Number(i64),
    String(&'i str),
}

// === impl Pending ===

impl<T> Pending<T> {
    /// Keeps at most `limit` open requests, not counting cancelled ones.
    pub fn new(limit: usize) -> Self {
        Self {
            numbers: HashMap::new(),
            strings: HashMap::new(),
            limit,
            cancelled: VecDeque::new(),
            cancellations: 0,
            live: 0,
        }
    }

    /// Notes a request that is about to be passed on.
    pub fn open(&mut self, id: &Id<'_>, what: T) -> Result<(), Reason> {
        if self.find(id).is_some() {
            return Err(Reason::IdInUse);
        }
        if self.live >= self.limit {
            return Err(Reason::TooManyOpen { limit: self.limit });
        }
        let open = Open { what, as_string: matches!(id, Id::String(_)), cancelled: None };
        match Place::of(id) {
            Place::Number(number) => self.numbers.insert(number, open),
            Place::String(text) => self.strings.insert(text.into(), open),
        };
        self.live += 1;
        Ok(())
    }

    /// What the request was that is answered under this id. Nothing when there was none: the answer must not
    /// be passed on.
    #[must_use]
    pub fn answered(&mut self, id: &Id<'_>) -> Option<T> {
        self.find(id).filter(|open| open.as_string == matches!(id, Id::String(_)))?;
        let open = self.remove(id)?;
        if open.cancelled.is_none() {
            self.live -= 1;
        }
        Some(open.what)
    }

    /// What is open under this id.
    pub fn peek(&self, id: &Id<'_>) -> Option<&T> {
        self.find(id).map(|open| &open.what)
    }

    /// Notes that nobody waits for the answer any more. It may come all the same; until then, or until many
    /// later requests were cancelled, the id is not free.
    pub fn cancel(&mut self, id: &Id<'_>) {
        let order = self.cancellations;
        let Some(open) = self.find_mut(id) else { return };
        if open.cancelled.replace(order).is_none() {
            self.live -= 1;
        }
        self.cancellations += 1;
        self.cancelled.push_back((order, id.to_static()));
        if self.cancelled.len() > CANCELLED_REQUESTS
            && let Some((order, id)) = self.cancelled.pop_front()
            && self.find(&id).is_some_and(|open| open.cancelled == Some(order))
        {
            self.remove(&id);
        }
    }

    /// The requests that somebody waits for and of which this holds.
    pub fn live(&self, holds: impl Fn(&T) -> bool) -> Vec<Id<'static>> {
        let fits = |open: &Open<T>| open.cancelled.is_none() && holds(&open.what);
        let numbers = self.numbers.iter().filter(|(_, open)| fits(open));
        let numbers = numbers.map(|(number, open)| {
            if open.as_string { Id::String(number.to_string().into()) } else { Id::Number(*number) }
        });
        let strings = self.strings.iter().filter(|(_, open)| fits(open));
        numbers.chain(strings.map(|(text, _)| Id::String(text.to_string().into()))).collect()
    }

    /// Takes all requests that somebody waits for, as when the other side is gone and each of them has to be
    /// answered with an error.
    pub fn drain(&mut self) -> Vec<(Id<'static>, T)> {
        self.cancelled.clear();
        self.live = 0;
        let numbers = self.numbers.drain().map(|(number, open)| {
            let id = if open.as_string {
                Id::String(number.to_string().into())
            } else {
                Id::Number(number)
            };
            (id, open)
        });
        let strings =
            self.strings.drain().map(|(text, open)| (Id::String(text.into_string().into()), open));
        numbers
            .chain(strings)
            .filter(|(_, open)| open.cancelled.is_none())
            .map(|(id, open)| (id, open.what))
            .collect()
    }

    /// How many requests somebody waits for.
    pub const fn len(&self) -> usize {
        self.live
    }

    /// Whether nobody waits for anything.
    pub const fn is_empty(&self) -> bool {
        self.live == 0
    }

    fn find(&self, id: &Id<'_>) -> Option<&Open<T>> {
        match Place::of(id) {
            Place::Number(number) => self.numbers.get(&number),
            Place::String(text) => self.strings.get(text),
        }
    }

    fn find_mut(&mut self, id: &Id<'_>) -> Option<&mut Open<T>> {
        match Place::of(id) {
            Place::Number(number) => self.numbers.get_mut(&number),
            Place::String(text) => self.strings.get_mut(text),
        }
    }

    fn remove(&mut self, id: &Id<'_>) -> Option<Open<T>> {
        match Place::of(id) {
            Place::Number(number) => self.numbers.remove(&number),
            Place::String(text) => self.strings.remove(text),
        }
    }
}

// === impl Place ===

impl<'i> Place<'i> {
    fn of(id: &'i Id<'_>) -> Self {
        match id {
            Id::Number(number) => Self::Number(*number),
            Id::String(text) => match plain_integer(text) {
                Some(number) => Self::Number(number),
                None => Self::String(text),
            },
        }
    }
}

#[cfg(test)]
mod tests;
