//! The way of messages to a server that speaks HTTP of the client's era: requests travel as requests, answers
//! keep their status and form, event streams their ids; only what must not pass does not.

mod answer;
mod bodiless;
mod challenge;
mod decide;
mod events;
mod legacy;
mod modern;
mod request;
mod watch;

pub(super) use self::bodiless::{end, listen};
pub(crate) use self::legacy::sweep;
pub(super) use self::legacy::{begin, finish, post};
pub(super) use self::modern::{post as post_modern, takes_modern};
