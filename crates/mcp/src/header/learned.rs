//! What lists of tools say of the headers that calls need, for whoever sends the calls.
//!
//! A client whose own transport has no headers does not make them; sent on over HTTP, its calls need them.

use std::collections::HashMap;

use super::param::Mirrors;
use crate::json::{self, Kind, Raw, Scanner};
use crate::limits::Limits;
use crate::message::{Body, Message, Outcome};
use crate::refused::{Reason, Refused};
use crate::request::{Ask, Request};

/// The most tools with such headers that are remembered of one server.
pub const LEARNED_TOOLS: usize = 4_096;

/// The arguments that headers repeat, by tool, as far as the server's lists said so.
#[derive(Debug, Default)]
pub struct Learned(HashMap<Box<str>, Mirrors>);

// === impl Learned ===

impl Learned {
    /// Reads a message of the server's; only an answer that lists tools teaches anything.
    pub fn learn(&mut self, message: &[u8]) {
        let marks = memchr::memmem::find(message, b"x-mcp-header").is_some();
        let unmarks = !self.0.is_empty() && memchr::memmem::find(message, b"\"tools\"").is_some();
        if !marks && !unmarks {
            return;
        }
        let Ok(Message { body: Body::Response(response), .. }) =
            Message::parse(message, &Limits::SERVER)
        else {
            return;
        };
        let Outcome::Result(answer) = response.outcome else { return };
        if answer.raw().kind() == Kind::Object
            && let Ok([Some(tools)]) = json::members(answer.raw(), &["tools"])
            && tools.kind() == Kind::Array
        {
            // What cannot be read is not shown to the client either.
            _ = Scanner::again(tools).array(|scanner| {
                scanner.space();
                let tool = scanner.value()?;
                self.learn_tool(tool).or(Ok(()))
            });
        }
    }

    fn learn_tool(&mut self, tool: Raw<'_>) -> Result<(), Reason> {
        if tool.kind() != Kind::Object {
            return Ok(());
        }
        let [name, schema] = json::members(tool, &["name", "inputSchema"])?;
        let Some(name) = name.and_then(Raw::string) else { return Ok(()) };
        let mirrors = schema.and_then(|schema| Mirrors::of_schema(schema.as_bytes()).ok());
        match mirrors.filter(|mirrors| !mirrors.is_empty()) {
            Some(mirrors) if self.0.len() < LEARNED_TOOLS || self.0.contains_key(&*name) => {
                self.0.insert(name.as_ref().into(), mirrors);
            }
            Some(_) => {}
            None => {
                self.0.remove(&*name);
            }
        }
        Ok(())
    }

    /// Checks the headers of a request whose name begins with [`super::PARAM_PREFIX`], which are `headers`: those that
    /// are known to repeat an argument must do so.
    pub fn check(&self, request: &Request<'_>, headers: &[(&str, &[u8])]) -> Result<(), Refused> {
        if self.0.is_empty() {
            return Ok(());
        }
        let Ok(Ask::Tool(call)) = request.ask() else { return Ok(()) };
        let Some(mirrors) = self.0.get(&*call.name) else { return Ok(()) };
        mirrors.check(call.arguments, headers).map_err(|reason| reason.under(&request.id))
    }

    /// The headers that a request needs beside [`super::of`]: names and values.
    pub fn headers(&self, request: &Request<'_>) -> Vec<(String, String)> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let Ok(Ask::Tool(call)) = request.ask() else { return Vec::new() };
        let mirrors = self.0.get(&*call.name);
        mirrors.and_then(|mirrors| mirrors.of_arguments(call.arguments).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
