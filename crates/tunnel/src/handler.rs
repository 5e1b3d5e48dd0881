//! What an agent does with a request that came through a tunnel.

use api::Body;
use futures_util::future::BoxFuture;
use http::{Request, Response};

/// Answers requests. One handler serves every tunnel of an agent.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request. Dropping the future abandons it.
    fn call(&self, request: Request<Body>) -> BoxFuture<'static, Response<Body>>;
}
