//! `tctl`: administer a cluster.

/// Runs `tctl`.
#[must_use]
pub fn main(_args: Vec<std::ffi::OsString>) -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
