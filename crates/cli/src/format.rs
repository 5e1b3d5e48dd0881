//! `--format text|json|yaml`, the same for everything that lists.

use clap::ValueEnum;

/// How data is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table for people.
    #[default]
    Text,
    /// JSON, indented by two spaces.
    Json,
    /// YAML.
    Yaml,
}
