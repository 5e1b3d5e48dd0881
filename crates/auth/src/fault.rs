//! Faults of the parts below, as answers of the API.

use api::Error;

/// A failure of the store that is nobody's mistake.
pub(crate) fn store(error: &store::Error) -> Error {
    match error {
        store::Error::Unavailable { .. } | store::Error::Closed => {
            Error::unavailable("the store does not answer; nothing was changed").because(error)
        }
        store::Error::TooLarge { size, limit, .. } => {
            Error::invalid(format!("it has {size} bytes, at most {limit} are kept"))
        }
        store::Error::Compacted => Error::new(
            api::ErrorKind::Gone,
            "the changes since that position are not kept any more; list again",
        ),
        other => Error::internal(other),
    }
}
