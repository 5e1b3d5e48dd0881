//! Labels as tables show them.

use resource::Labels;
use resource::label::{DEV_PREFIX, INTERNAL_PREFIX};

/// `key=value,key=value`. What the cluster sets itself is left out unless it is asked for.
pub(crate) fn text(labels: &Labels, with_internal: bool) -> String {
    let is_internal = |key: &str| key.starts_with(INTERNAL_PREFIX) || key.starts_with(DEV_PREFIX);
    labels
        .iter()
        .filter(|(key, _)| with_internal || !is_internal(key))
        .map(|(key, value)| format!("{key}={value}"))
        .collect::<Vec<_>>()
        .join(",")
}

#[cfg(test)]
mod tests;
