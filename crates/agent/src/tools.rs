//! The tools that servers offer, as lists that pass by and health checks show them; and telling the cluster.
//!
//! A list is looked at once: the same answer again costs a hash of its bytes. Nothing that a server does keeps
//! its changes, or those of another, from being told: what does not fit is told of as that.

mod book;

use std::sync::Arc;
use std::time::Duration;

use api::wire::{SeenApp, SeenReport};
use api::{Client, ErrorKind};
use runtime::Backoff;

pub(crate) use self::book::Book;
use crate::agent::Shared;

/// News is told at most so often.
const CALM: Duration = Duration::from_secs(1);
const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_MOST: Duration = Duration::from_secs(30);
/// No more is added to what is told at a time when it is of so many apps,
const MOST_APPS: usize = 64;
/// or so many definitions of tools,
const MOST_TOOLS: usize = 8_192;
/// or about so many bytes.
const MOST_BYTES: usize = 4 << 20;

/// What is to be told, and in which books it stands.
#[derive(Debug, Default)]
struct News {
    books: Vec<Arc<Book>>,
    report: SeenReport,
}

/// Tells what is seen until the agent ends.
pub(crate) async fn tell(shared: Arc<Shared>, client: Client) {
    let mut backoff = Backoff::new(RETRY_FIRST, RETRY_MOST);
    let mut after = String::new();
    loop {
        let apps = shared.table.all();
        let books = apps.iter().map(|(name, served)| (name.as_str(), served.tools()));
        let news = collect(books.collect(), &after);
        let Some(last) = news.report.apps.last() else {
            shared.table.tools_seen().await;
            tokio::time::sleep(CALM).await;
            continue;
        };
        // Also after a failure: what one app is refused for holds up no other.
        after.clone_from(&last.app);
        match client.report_tools(&news.report).await {
            Ok(()) => {
                backoff.reset();
                news.told();
                tokio::time::sleep(CALM).await;
            }
            Err(error) => {
                // The record that the app is served comes a moment later, it may be.
                match error.kind() {
                    ErrorKind::Denied | ErrorKind::Unavailable => {
                        tracing::debug!(%error, "cannot tell the cluster which tools were seen");
                    }
                    _ => tracing::warn!(%error, "cannot tell the cluster which tools were seen"),
                }
                tokio::time::sleep(backoff.next_delay()).await;
            }
        }
    }
}

/// What is to be told of apps, those first that come after this name: each has its turn.
fn collect(mut books: Vec<(&str, &Arc<Book>)>, after: &str) -> News {
    books.sort_by_key(|(name, _)| *name);
    let first = books.partition_point(|(name, _)| *name <= after);
    books.rotate_left(first);
    let (mut news, mut tools, mut bytes) = (News::default(), 0, 0);
    for (name, book) in books {
        if news.books.len() >= MOST_APPS || tools >= MOST_TOOLS || bytes >= MOST_BYTES {
            break;
        }
        if let Some(app) = book.news(name) {
            tools += app.tools.len();
            bytes += size(&app);
            news.books.push(book.clone());
            news.report.apps.push(app);
        }
    }
    news
}

/// About how many bytes are written for an app.
fn size(app: &SeenApp) -> usize {
    let tools = app.tools.iter().map(|tool| tool.name.len() + 2 * tool.digest.len() + 48);
    let whole = app.whole.iter().flatten().map(|name| name.len() + 4);
    tools.chain(whole).sum()
}

// === impl News ===

impl News {
    fn told(&self) {
        self.books.iter().zip(&self.report.apps).for_each(|(book, app)| book.told(app));
    }
}

#[cfg(test)]
mod tests;
