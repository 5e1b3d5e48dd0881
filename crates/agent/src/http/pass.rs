//! The way of messages to a server that speaks HTTP of the client's era: requests travel as requests, answers
//! keep their status and form, event streams their ids; only what must not pass does not.

mod answer;
mod decide;
mod events;
mod legacy;
mod modern;
mod request;
mod watch;

pub(crate) use self::legacy::sweep;
pub(super) use self::legacy::{begin, end, finish, listen, post};
pub(super) use self::modern::{post as post_modern, takes_modern};
