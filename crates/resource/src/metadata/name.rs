//! Which names resources may have.

use crate::report::is_invisible;

/// The longest name, in bytes.
pub const MAX_NAME_BYTES: usize = 255;

/// Why a name cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There is none.
    #[error("missing parameter Name")]
    Empty,
    /// It has more than [`MAX_NAME_BYTES`] bytes.
    #[error("the name is longer than {MAX_NAME_BYTES} bytes")]
    TooLong,
    /// `/` separates kinds from names.
    #[error("a name cannot contain \"/\"")]
    Slash,
    /// It would be seen as something else than it is.
    #[error("a name cannot contain control or invisible characters")]
    Invisible,
    /// It would be mistaken for the same name without blanks.
    #[error("a name cannot begin or end with a blank")]
    Blank,
    /// These mean something else in paths.
    #[error("a name cannot be \".\" or \"..\"")]
    Dots,
}

/// Checks a name. Names end up in keys, URLs, tables and certificates.
///
/// # Errors
/// When the name cannot be used, with the reason.
pub fn check_name(name: &str) -> Result<(), NameError> {
    match name {
        "" => Err(NameError::Empty),
        "." | ".." => Err(NameError::Dots),
        _ if name.len() > MAX_NAME_BYTES => Err(NameError::TooLong),
        _ if name.contains('/') => Err(NameError::Slash),
        _ if name.contains(|c: char| c.is_control() || is_invisible(c)) => {
            Err(NameError::Invisible)
        }
        _ if name.trim() != name => Err(NameError::Blank),
        _ => Ok(()),
    }
}
