//! The sessions that clients know by an identifier.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::conversation::Conversation;
use super::owner::Owner;
use super::pass;
use super::passage::Passage;
use crate::end::End;
use crate::limits::Limits;

/// The sessions, by identifier.
#[derive(Debug)]
pub(crate) struct Sessions {
    /// How many there may be of one user with one app, and with all.
    most: (usize, usize),
    /// Guards the table; held for a look-up or a change.
    table: Mutex<HashMap<String, Arc<Known>>>,
}

/// A session, and whose it is.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) id: String,
    pub(crate) owner: Owner,
    pub(crate) app: String,
    pub(crate) way: Way,
}

/// How a session reaches its server.
#[derive(Debug)]
pub(crate) enum Way {
    Conversation(Arc<Conversation>),
    Passage(Arc<Passage>),
}

/// Why there is no such session for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoSession {
    /// It is over, or never was, or is for another certificate of the login.
    Gone,
    /// It is somebody else's, or with another app.
    Foreign,
}

// === impl Sessions ===

impl Sessions {
    pub(crate) fn new(limits: &Limits) -> Self {
        let most = (limits.sessions_per_app, limits.sessions_per_user);
        Self { most, table: Mutex::default() }
    }

    pub(crate) fn count(&self) -> usize {
        self.table.lock().len()
    }

    pub(crate) fn find(&self, id: &str, owner: &Owner, app: &str) -> Result<Arc<Known>, NoSession> {
        let known = self.table.lock().get(id).cloned().ok_or(NoSession::Gone)?;
        if !known.owner.is_same_login(owner) || known.app != app {
            return Err(NoSession::Foreign);
        }
        // Begun with a certificate that said something else: it is begun anew with this one.
        if known.owner == *owner { Ok(known) } else { Err(NoSession::Gone) }
    }

    /// Adds a session. Says no when its owner has too many that are in use.
    pub(crate) fn insert(&self, known: Known) -> Result<Arc<Known>, TooMany> {
        let (most_of_one, most_of_user) = self.most;
        let known = Arc::new(known);
        let mut table = self.table.lock();
        make_room(&mut table, most_of_one, |one| {
            one.owner.is_same_login(&known.owner) && one.app == known.app
        })?;
        let user = known.owner.user();
        make_room(&mut table, most_of_user, |one| one.owner.user() == user)?;
        table.insert(known.id.clone(), known.clone());
        Ok(known)
    }

    pub(crate) fn remove(&self, id: &str) {
        self.table.lock().remove(id);
    }

    /// Those that pass without a session of ours in between, and have this to say.
    pub(crate) fn passages<T>(
        &self,
        say: impl Fn(&Passage) -> Option<T>,
    ) -> Vec<(String, Arc<Passage>, T)> {
        let passage = |known: &Arc<Known>| match &known.way {
            Way::Passage(passage) => Some((known.id.clone(), passage.clone(), say(passage)?)),
            Way::Conversation(_) => None,
        };
        self.table.lock().values().filter_map(passage).collect()
    }
}

/// Ends the one that was unused for longest, if there are as many of these as there may be.
fn make_room(
    table: &mut HashMap<String, Arc<Known>>,
    most: usize,
    is_one: impl Fn(&Known) -> bool,
) -> Result<(), TooMany> {
    let those = || table.values().filter(|one| is_one(one));
    if those().count() < most {
        return Ok(());
    }
    let idle = those().filter_map(|one| Some((one.idle_since()?, one.clone())));
    let (_, oldest) = idle.min_by_key(|(since, _)| *since).ok_or(TooMany)?;
    table.remove(&oldest.id);
    oldest.close();
    Ok(())
}

/// Somebody has too many sessions.
#[derive(Debug)]
pub(crate) struct TooMany;

// === impl Known ===

impl Known {
    fn idle_since(&self) -> Option<tokio::time::Instant> {
        match &self.way {
            Way::Conversation(conversation) => conversation.idle_since(),
            Way::Passage(passage) => passage.idle_since(),
        }
    }

    /// Ends the session.
    pub(crate) fn close(&self) {
        match &self.way {
            Way::Conversation(conversation) => conversation.close(),
            Way::Passage(passage) => pass::finish(passage, End::client_done(), true),
        }
    }
}
