//! Logs to stderr, as text for people or JSON for collectors. Stdout is data and is never touched.

use std::fmt;
use std::io::{self, IsTerminal};
use std::str::FromStr;

use tracing::Subscriber;
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

/// Libraries whose own chatter is of no use below this: said so unless the operator names targets.
const QUIET_LIBRARIES: &str = "h2=warn,hyper=warn,hyper_util=warn,rustls=warn,tower=warn";

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// One line of text; in colour when stderr is a terminal and `NO_COLOR` is not set.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The level is neither a level nor a list of directives.
    #[error(
        "log level {level:?} is not one of error, warn, info, debug, trace, off, \
         nor a list such as \"info,agent=debug\""
    )]
    InvalidLevel {
        /// What was given.
        level: String,
    },
    /// The format is unknown.
    #[error("log format {format:?} is neither \"text\" nor \"json\"")]
    InvalidFormat {
        /// What was given.
        format: String,
    },
    /// Logging was set up before in this process.
    #[error("logging is set up already in this process")]
    AlreadyInstalled,
}

/// Sends the process's logs to stderr.
///
/// `level` is a level in any case (`info`, `WARN`, `warning`), or a comma-separated list of
/// `target=level` directives for finer choice.
///
/// # Errors
///
/// When the level cannot be read, or when logging was set up before.
pub fn init(level: &str, format: Format) -> Result<(), TelemetryError> {
    let filter = filter(level)?;
    let colour = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    subscriber(filter, format, colour, io::stderr)
        .try_init()
        .map_err(|_already| TelemetryError::AlreadyInstalled)
}

/// Whether [`init`] would accept this level; for checking a configuration before it is used.
///
/// # Errors
///
/// When the level cannot be read.
pub fn check_level(level: &str) -> Result<(), TelemetryError> {
    filter(level).map(drop)
}

// === impl Format ===

impl FromStr for Format {
    type Err = TelemetryError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        match s.to_ascii_lowercase().as_str() {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(TelemetryError::InvalidFormat { format: s.to_owned() }),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}

fn filter(level: &str) -> Result<EnvFilter, TelemetryError> {
    let invalid = || TelemetryError::InvalidLevel { level: level.to_owned() };
    let trimmed = level.trim();
    let directives = match trimmed.to_ascii_lowercase().as_str() {
        "warning" => format!("warn,{QUIET_LIBRARIES}"),
        // Whoever asks for everything, or for nothing, gets that.
        plain @ ("trace" | "off" | "error") => plain.to_owned(),
        plain @ ("debug" | "info" | "warn") => format!("{plain},{QUIET_LIBRARIES}"),
        // A lone word would be taken as a target: a misspelt level must not be silence.
        _ if trimmed.contains('=') => trimmed.to_owned(),
        _ => return Err(invalid()),
    };
    EnvFilter::builder().parse(directives).map_err(|_source| invalid())
}

fn subscriber<W>(
    filter: EnvFilter,
    format: Format,
    colour: bool,
    writer: W,
) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    match format {
        Format::Text => Box::new(builder.with_ansi(colour).finish()),
        Format::Json => {
            Box::new(builder.json().flatten_event(true).with_current_span(true).finish())
        }
    }
}

#[cfg(test)]
mod tests;
