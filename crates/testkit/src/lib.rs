//! What the end-to-end tests are made of: real servers and clients that nobody here wrote, the
//! product's own binaries, guarded processes, and waiting for a condition instead of sleeping.
//!
//! Nothing here knows how Tessera works inside. A helper that cannot do its work panics with a
//! sentence that says what is missing and which command brings it; none of them skips.
#![expect(
    clippy::panic,
    clippy::print_stderr,
    reason = "a test harness reports by panicking and printing"
)]

pub mod argv;
pub mod browser;
pub mod census;
pub mod ci_platform;
pub mod clients;
pub mod cluster;
pub mod github;
pub mod grid;
pub mod http;
pub mod identity_provider;
pub mod peer;
pub mod process;
pub mod product;
pub mod real;
pub mod saml_provider;
pub mod scratch;
pub mod scripted;
pub mod servers;
pub mod simplesamlphp;
pub mod suite;
pub mod visitor;
pub mod wait;

pub use argv::Argv;
pub use browser::Browser;
pub use ci_platform::CiPlatform;
pub use cluster::Cluster;
pub use github::Github;
pub use identity_provider::IdentityProvider;
pub use peer::Peer;
pub use process::Process;
pub use product::Binaries;
pub use real::Real;
pub use saml_provider::SamlProvider;
pub use scratch::Scratch;
pub use scripted::Scripted;
pub use servers::HttpServer;
pub use simplesamlphp::SimpleSamlPhp;
pub use suite::Suite;
pub use visitor::Visitor;
