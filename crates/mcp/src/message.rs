//! Messages: requests, notifications and responses, read strictly.

use crate::answer::{Answer, Filtered};
use crate::json::{Kind, Raw, Scanner, Text};
use crate::keys::confusable;
use crate::limits::{Limits, Unique};
use crate::list::ListKind;
use crate::method::Asked;
use crate::refused::{Reason, Refused};
use crate::{Era, Id, Method, Params, Request};

/// The keys of a message that are read.
const KEYS: [&str; 6] = ["jsonrpc", "id", "method", "params", "result", "error"];

/// The byte-order mark in UTF-8.
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// One message, and the text it was read from.
#[derive(Debug, Clone)]
pub struct Message<'a> {
    /// The message as it was sent.
    pub text: &'a str,
    /// Request, notification or response.
    pub body: Body<'a>,
}

/// What sort of message it is.
#[derive(Debug, Clone)]
pub enum Body<'a> {
    /// Wants an answer.
    Request(Request<'a>),
    /// Wants none.
    Notification(Notification<'a>),
    /// Is one.
    Response(Response<'a>),
}

/// A message without an id.
#[derive(Debug, Clone)]
pub struct Notification<'a> {
    /// Its method, never a governed one.
    pub method: Method<'a>,
    /// Its parameters.
    pub params: Params<'a>,
}

/// An answer to a request.
#[derive(Debug, Clone)]
pub struct Response<'a> {
    /// The id of the request; only an error may lack it.
    pub id: Option<Id<'a>>,
    /// What became of the request.
    pub outcome: Outcome<'a>,
    /// The message as it was sent.
    pub(crate) text: &'a str,
}

/// What became of a request.
#[derive(Debug, Clone)]
pub enum Outcome<'a> {
    /// It was carried out.
    Result(Answer<'a>),
    /// It was not.
    Error(Raw<'a>),
}

/// The members of a message, as far as they have been read.
#[derive(Debug, Default)]
struct Members<'a> {
    version: Option<Raw<'a>>,
    id: Option<Raw<'a>>,
    method: Option<Raw<'a>>,
    params: Option<Params<'a>>,
    result: Option<Answer<'a>>,
    error: Option<Raw<'a>>,
}

// === impl Message ===

impl<'a> Message<'a> {
    /// Reads one message.
    pub fn parse(bytes: &'a [u8], limits: &Limits) -> Result<Self, Refused> {
        let text = text(bytes, limits)?;
        Self::read(text, limits)
            .map_err(|reason| Refused { reason, id: request_id(text).map(|id| id.to_static()) })
    }

    /// Reads a batch: a message alone, or several in an array. Only revision 2025-03-26 has them.
    pub fn parse_batch(bytes: &'a [u8], limits: &Limits) -> Result<Vec<Self>, Refused> {
        let text = text(bytes, limits)?;
        let mut scanner = Scanner::new(text, &Limits { unique: Unique::WhereRead, ..*limits });
        scanner.space();
        if scanner.peek() != Some(b'[') {
            return Self::parse(bytes, limits).map(|message| vec![message]);
        }
        let mut messages = Vec::new();
        scanner.array(|scanner| {
            scanner.space();
            if messages.len() >= limits.batch {
                return Err(Reason::BatchSize { limit: limits.batch });
            }
            messages.push(scanner.value()?);
            Ok(())
        })?;
        scanner.end()?;
        if messages.is_empty() {
            return Err(Reason::BatchSize { limit: limits.batch }.into());
        }
        messages.into_iter().map(|message| Self::parse(message.as_bytes(), limits)).collect()
    }

    fn read(text: &'a str, limits: &Limits) -> Result<Self, Reason> {
        let mut scanner = Scanner::new(text, limits);
        scanner.space();
        match scanner.peek() {
            Some(b'{') => {}
            Some(b'[') => return Err(Reason::Batch),
            _ => {
                scanner.skip()?;
                return Err(Reason::NotAnObject);
            }
        }
        let mut members = Members::default();
        scanner.object(|scanner, key| members.member(scanner, key))?;
        scanner.end()?;
        Ok(Self { text, body: members.body(text)? })
    }
}

// === impl Response ===

impl<'a> Response<'a> {
    /// The answer as the client may have it, given what was asked: lists are filtered, answers made for one
    /// identity are marked so. A list that cannot be told where one was asked for is withheld. What a server
    /// answers goes to a client through here and no other way.
    ///
    /// Any list at the top of a result is filtered, whatever was asked: a list does not slip through under
    /// the id of another request.
    pub fn release(
        &self,
        asked: Asked,
        era: Era,
        keep: &mut dyn FnMut(ListKind, &str) -> bool,
    ) -> Result<Filtered<'a>, Refused> {
        match &self.outcome {
            Outcome::Error(_) => Ok(Filtered::unchanged(self.text)),
            Outcome::Result(answer) => answer
                .release(self.text, asked, era, keep)
                .map_err(|reason| Refused { reason, id: self.id.as_ref().map(Id::to_static) }),
        }
    }
}

// === impl Members ===

impl<'a> Members<'a> {
    fn member(&mut self, scanner: &mut Scanner<'a>, key: Text<'a>) -> Result<(), Reason> {
        let first = match key.plain() {
            Some("jsonrpc") => self.version.replace(scanner.value()?).is_none(),
            Some("id") => self.id.replace(scanner.value()?).is_none(),
            Some("method") => self.method.replace(scanner.value()?).is_none(),
            Some("params") => self.params.replace(Params::scan(scanner)?).is_none(),
            Some("result") => self.result.replace(Answer::scan(scanner)?).is_none(),
            Some("error") => self.error.replace(scanner.value()?).is_none(),
            _ => {
                if let Some(key) = confusable(key, &KEYS) {
                    return Err(Reason::ConfusableKey { key });
                }
                scanner.skip()?;
                true
            }
        };
        if first {
            Ok(())
        } else {
            Err(Reason::RepeatedKey { key: key.decode_lossy().into_owned() })
        }
    }

    fn body(self, text: &'a str) -> Result<Body<'a>, Reason> {
        let Self { version, id, method, params, result, error } = self;
        if version.and_then(Raw::string).as_deref() != Some("2.0") {
            return Err(Reason::Version);
        }
        match (method, result, error, params) {
            (Some(method), None, None, params) => {
                let method = Method::read(method)?;
                let params = params.unwrap_or_default();
                match (id, method.governed_name()) {
                    (Some(id), _) => {
                        Ok(Body::Request(Request { id: Id::read(id)?, method, params }))
                    }
                    (None, Some(method)) => Err(Reason::RequestWithoutId { method }),
                    (None, None) => Ok(Body::Notification(Notification { method, params })),
                }
            }
            (None, Some(result), None, None) => {
                let id = Id::read(id.ok_or(Reason::Id)?)?;
                Ok(Body::Response(Response {
                    id: Some(id),
                    outcome: Outcome::Result(result),
                    text,
                }))
            }
            (None, None, Some(error), None) if error.kind() == Kind::Object => {
                let id = id.filter(|id| !id.is_null()).map(Id::read).transpose()?;
                Ok(Body::Response(Response { id, outcome: Outcome::Error(error), text }))
            }
            _ => Err(Reason::Shape),
        }
    }
}

/// Checks length and encoding.
fn text<'a>(bytes: &'a [u8], limits: &Limits) -> Result<&'a str, Reason> {
    if bytes.len() > limits.bytes {
        return Err(Reason::TooLong { limit: limits.bytes });
    }
    if bytes.starts_with(BOM) {
        return Err(Reason::ByteOrderMark);
    }
    std::str::from_utf8(bytes).map_err(|fault| Reason::NotUtf8 { offset: fault.valid_up_to() })
}

/// The id of a refused message, when it was visibly a request and the id is clear. Nobody is answered under
/// an id that a second reader could see differently.
fn request_id(text: &str) -> Option<Id<'_>> {
    clear_id(text).filter(|(_, methods)| *methods > 0).map(|(id, _)| id)
}

/// The id of a refused message of a server's, when it was visibly an answer and the id is clear: somebody
/// waits for it. Bytes that are no UTF-8 are somewhere else in it.
pub fn answered_id(bytes: &[u8]) -> Option<Id<'static>> {
    let text = String::from_utf8_lossy(bytes);
    clear_id(&text).filter(|(_, methods)| *methods == 0).map(|(id, _)| id.to_static())
}

/// The one id of a message, and how many methods it has.
fn clear_id(text: &str) -> Option<(Id<'_>, usize)> {
    let mut scanner = Scanner::new(text, &Limits::SERVER);
    scanner.space();
    let (mut id, mut ids, mut methods) = (None, 0, 0);
    let object = scanner.object(|scanner, key| {
        let value = scanner.value()?;
        match key.plain() {
            Some("id") => {
                id = Some(value);
                ids += 1;
            }
            Some("method") => methods += 1,
            _ => ids += usize::from(confusable(key, &["id"]).is_some()),
        }
        Ok(())
    });
    let clear = object.is_ok() && scanner.end().is_ok() && ids == 1;
    let id = id.filter(|_| clear).and_then(|id| Id::read(id).ok())?;
    Some((id, methods))
}

#[cfg(test)]
mod tests;
