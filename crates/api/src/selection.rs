//! A source of less: of the registered apps, those that are of interest; of kinds that are not read, that something is
//! different.
//!
//! An agent serves what its selectors fit. With a hundred agents, telling each of all apps would cost a
//! hundred times as much, and each would keep what it never serves.

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use resource::{Kind, LabelSelector, Secrets};
use serde_json::Value;

use crate::client::Client;
use crate::error::Error;
use crate::path;
use crate::source::{Listing, Source, WatchEvent};

/// What is longer does not go into an address; then all apps are told of.
const MAX_QUERY: usize = 4 << 10;

/// The auth API, without the apps that none of some selectors fits.
#[derive(Clone, Debug)]
pub struct Selected {
    client: Client,
    query: Option<String>,
    changed: Vec<Kind>,
}

// === impl Selected ===

impl Selected {
    /// Only apps that one of `selectors` fits are told of.
    #[must_use]
    pub fn new(client: Client, selectors: &[LabelSelector]) -> Self {
        let selectors: Vec<Value> = selectors.iter().map(LabelSelector::to_json).collect();
        let query = path::escape(&Value::from(selectors).to_string());
        let query = Some(query).filter(|query| query.len() <= MAX_QUERY);
        Self { client, query, changed: Vec::new() }
    }

    /// Of these kinds it is told, in a watch, what changes, and not how.
    #[must_use]
    pub fn noticing(self, changed: Vec<Kind>) -> Self {
        Self { changed, ..self }
    }
}

impl Source for Selected {
    fn list(&self, kind: Kind) -> BoxFuture<'_, Result<Listing, Error>> {
        let query = self.query.as_deref().filter(|_| kind == Kind::App);
        Box::pin(self.client.list_where(kind, Secrets::Redact, query))
    }

    fn watch(
        &self,
        kinds: Vec<Kind>,
        cursor: String,
    ) -> BoxFuture<'_, Result<BoxStream<'static, Result<WatchEvent, Error>>, Error>> {
        Box::pin(async move {
            let Self { client, query, changed } = self;
            client.watch_where(&kinds, changed, &cursor, query.as_deref()).await
        })
    }
}
