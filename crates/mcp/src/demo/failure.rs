//! An error to answer with.

use serde_json::Value;

use crate::error::code;
use crate::{Method, Reason, Refused};

/// An error to answer with.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: i64,
    pub(super) message: String,
    pub(super) data: Option<Value>,
}

// === impl Failure ===

impl Failure {
    pub(super) const fn new(code: i64, message: String) -> Self {
        Self { code, message, data: None }
    }

    pub(super) fn with_data(self, data: Value) -> Self {
        Self { data: Some(data), ..self }
    }

    pub(super) fn unknown_method(method: &Method<'_>) -> Self {
        Self::new(code::METHOD_NOT_FOUND, format!("method not found: {method}"))
    }
}

impl From<Reason> for Failure {
    fn from(reason: Reason) -> Self {
        Self { code: reason.code(), message: reason.to_string(), data: reason.data() }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        refused.reason.into()
    }
}
