//! What a command asks about: connecting to an app, or the use of something that it offers.

use policy::{Kind, Subject};

/// The options that name it.
#[derive(Clone, Debug, Default, clap::Args)]
#[group(multiple = false)]
pub(super) struct SubjectArgs {
    /// A tool of the app.
    #[arg(long, value_name = "NAME")]
    tool: Option<String>,
    /// A prompt of the app.
    #[arg(long, value_name = "NAME")]
    prompt: Option<String>,
    /// A resource of the app.
    #[arg(long, value_name = "URI")]
    resource: Option<String>,
}

// === impl SubjectArgs ===

impl SubjectArgs {
    /// What is asked about; without any option, connecting.
    pub(super) fn subject(&self) -> Subject<'static> {
        let named = [
            (Kind::Tool, &self.tool),
            (Kind::Prompt, &self.prompt),
            (Kind::Resource, &self.resource),
        ];
        named
            .into_iter()
            .find_map(|(kind, name)| Some(Subject::of(kind, name.clone()?.into())))
            .unwrap_or(Subject::Connect)
    }

    /// The tool, if it is one.
    pub(super) fn tool(&self) -> Option<&str> {
        self.tool.as_deref()
    }

    pub(super) fn is_given(&self) -> bool {
        self.subject() != Subject::Connect
    }
}
