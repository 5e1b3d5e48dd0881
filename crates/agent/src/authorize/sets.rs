//! Compiled role sets, shared by all connections of an identity.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use api::Snapshot;
use parking_lot::Mutex;
use pki::{Principal, UserIdentity, VisitTools};
use policy::{RoleSet, RootTools, User};
use resource::Role;

/// Sets in each half of the memory; the largest number of identities that are served well at once.
const HALF: usize = 2048;

/// Remembers role sets in two halves: what is in use survives in the young one.
#[derive(Debug, Default)]
pub(crate) struct RoleSets {
    /// Guards the tables; held for a look-up, never while compiling.
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    young: HashMap<Key, Entry>,
    old: HashMap<Key, Entry>,
}

/// Whose roles.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    user: Principal,
    roles: Vec<String>,
    traits: BTreeMap<String, Vec<String>>,
    /// What the user's own cluster says of tools.
    tools: Option<VisitTools>,
}

/// A set, and the roles that it was compiled from, in the order of their names.
#[derive(Clone, Debug)]
struct Entry {
    roles: Vec<Option<Arc<Role>>>,
    set: RoleSet,
}

// === impl RoleSets ===

impl RoleSets {
    /// The set of a user's roles, as they are in `snapshot`.
    pub(crate) fn resolve(&self, user: &UserIdentity, snapshot: &Snapshot) -> RoleSet {
        let key = Key {
            user: user.principal(),
            roles: user.roles.clone(),
            traits: user.traits.clone(),
            tools: user.visit.as_ref().map(|visit| visit.tools.clone()),
        };
        let roles: Vec<_> =
            key.roles.iter().map(|name| snapshot.roles.get(name).cloned()).collect();
        if let Some(entry) = self.tables.lock().find(&key)
            && entry.is_made_of(&roles)
        {
            return entry.set;
        }
        let name = user.known_as();
        let root = key
            .tools
            .as_ref()
            .map(|tools| RootTools { allowed: &tools.allowed, denied: &tools.denied });
        let who = User { root, ..User::new(&name, &user.traits) };
        let set = RoleSet::resolve(&user.roles, |name| snapshot.roles.get(name).cloned(), who);
        self.tables.lock().insert(key, Entry { roles, set: set.clone() });
        set
    }
}

// === impl Tables ===

impl Tables {
    fn find(&mut self, key: &Key) -> Option<Entry> {
        if let Some(entry) = self.young.get(key) {
            return Some(entry.clone());
        }
        let (key, entry) = self.old.remove_entry(key)?;
        self.insert(key, entry.clone());
        Some(entry)
    }

    fn insert(&mut self, key: Key, entry: Entry) {
        if self.young.len() >= HALF {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, entry);
    }
}

// === impl Entry ===

impl Entry {
    fn is_made_of(&self, roles: &[Option<Arc<Role>>]) -> bool {
        let same = |pair: (&Option<Arc<Role>>, &Option<Arc<Role>>)| match pair {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        };
        self.roles.len() == roles.len() && self.roles.iter().zip(roles).all(same)
    }
}
