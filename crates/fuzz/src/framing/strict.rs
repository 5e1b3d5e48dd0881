//! A reader of requests by RFC 9112 alone. It refuses what that lets a recipient refuse, but for two liberties that it
//! gives every recipient: empty lines before a request, and LF for CR LF in what is not content (section 2.2).

use super::Seen;

/// Why there is no next request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// There is none, for this reason.
    Not(&'static str),
    /// It changes what the connection is for.
    Other,
}

/// Reads the requests of a connection, one after the other.
#[derive(Debug)]
pub(super) struct Reader<'b> {
    left: &'b [u8],
    closed: bool,
}

/// What the header says of the content.
#[derive(Debug, Default)]
struct Framing {
    length: Option<usize>,
    /// The last coding that is named.
    coding: Option<Vec<u8>>,
    closes: bool,
    keeps: bool,
    upgrades: bool,
}

// === impl Reader ===

impl<'b> Reader<'b> {
    pub(super) const fn new(bytes: &'b [u8]) -> Self {
        Self { left: bytes, closed: false }
    }

    /// The next request.
    pub(super) fn next(&mut self) -> Result<Seen, Stop> {
        if self.closed {
            return Err(Stop::Not("the connection is to be closed"));
        }
        let mut line = self.line()?;
        while line.is_empty() {
            line = self.line()?;
        }
        let text = str::from_utf8(line).map_err(|_bytes| Stop::Not("a request line of bytes"))?;
        let mut parts = text.split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Stop::Not("a request line has three parts"));
        };
        if method.is_empty() || !method.bytes().all(is_token) || target.is_empty() {
            return Err(Stop::Not("no method, or no target"));
        }
        let old = match version {
            "HTTP/1.1" => false,
            "HTTP/1.0" => true,
            _ => return Err(Stop::Not("another version")),
        };
        let framing = self.header()?;
        if framing.upgrades || method == "CONNECT" {
            return Err(Stop::Other);
        }
        let body = self.content(&framing, old)?;
        // Both say how long it is: one of them was wrong (section 6.3).
        let both = framing.coding.is_some() && framing.length.is_some();
        self.closed = both || framing.closes || (old && !framing.keeps);
        Ok(Seen { method: method.to_owned(), target: target.to_owned(), body })
    }

    /// A line without its end.
    fn line(&mut self) -> Result<&'b [u8], Stop> {
        let end = self.left.iter().position(|byte| *byte == b'\n');
        let end = end.ok_or(Stop::Not("it ends within a line"))?;
        let (line, rest) = self.left.split_at_checked(end).unwrap_or_default();
        self.left = rest.split_first().map(|(_, rest)| rest).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.contains(&b'\r') {
            return Err(Stop::Not("CR within a line"));
        }
        Ok(line)
    }

    fn header(&mut self) -> Result<Framing, Stop> {
        let mut framing = Framing::default();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(framing);
            }
            let (name, value) = field(line)?;
            match name.as_str() {
                "content-length" => framing.length(value)?,
                "transfer-encoding" => {
                    let last = value.rsplit(|byte| *byte == b',').next().unwrap_or_default();
                    framing.coding = Some(last.trim_ascii().to_ascii_lowercase());
                }
                "connection" => framing.connection(value),
                "upgrade" => framing.upgrades = true,
                _ => {}
            }
        }
    }

    fn content(&mut self, framing: &Framing, old: bool) -> Result<Vec<u8>, Stop> {
        match (&framing.coding, framing.length) {
            (Some(_), _) if old => Err(Stop::Not("codings are not of HTTP/1.0")),
            (Some(coding), _) if coding == b"chunked" => self.chunks(),
            (Some(_), _) => Err(Stop::Not("chunked is not the last coding")),
            (None, length) => self.take(length.unwrap_or_default()).map(<[u8]>::to_vec),
        }
    }

    fn chunks(&mut self) -> Result<Vec<u8>, Stop> {
        let mut content = Vec::new();
        loop {
            let line = self.line()?;
            let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
            let (digits, rest) = line.split_at_checked(digits).unwrap_or_default();
            let rest = rest.trim_ascii();
            if !(rest.is_empty() || rest.starts_with(b";")) {
                return Err(Stop::Not("more than the size of a chunk"));
            }
            let digits = str::from_utf8(digits).unwrap_or_default();
            let size = usize::from_str_radix(digits, 16);
            let size = size.map_err(|_no_number| Stop::Not("no size of a chunk"))?;
            if size == 0 {
                break;
            }
            content.extend_from_slice(self.take(size)?);
            if !self.line()?.is_empty() {
                return Err(Stop::Not("a chunk is longer than its size"));
            }
        }
        // Trailers.
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(content);
            }
            field(line)?;
        }
    }

    fn take(&mut self, length: usize) -> Result<&'b [u8], Stop> {
        let (content, rest) =
            self.left.split_at_checked(length).ok_or(Stop::Not("it ends within its content"))?;
        self.left = rest;
        Ok(content)
    }
}

/// The name and the value of a field.
fn field(line: &[u8]) -> Result<(String, &[u8]), Stop> {
    let colon = line.iter().position(|byte| *byte == b':').ok_or(Stop::Not("no field"))?;
    let (name, value) = line.split_at_checked(colon).unwrap_or_default();
    // A line that goes on with the one before, and space before the colon, are among these (sections 5.1 and 5.2).
    if name.is_empty() || !name.iter().copied().all(is_token) {
        return Err(Stop::Not("no name of a field"));
    }
    let value = value.split_first().map(|(_, value)| value).unwrap_or_default();
    if value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        return Err(Stop::Not("no value of a field"));
    }
    Ok((String::from_utf8_lossy(name).to_ascii_lowercase(), value))
}

// === impl Framing ===

impl Framing {
    fn length(&mut self, value: &[u8]) -> Result<(), Stop> {
        let text = str::from_utf8(value).unwrap_or_default().trim_matches([' ', '\t']);
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let length = text.parse().ok().filter(|_| digits);
        let length = length.ok_or(Stop::Not("no length"))?;
        if self.length.replace(length).is_some_and(|before| before != length) {
            return Err(Stop::Not("two lengths"));
        }
        Ok(())
    }

    fn connection(&mut self, value: &[u8]) {
        for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            self.closes |= option.eq_ignore_ascii_case(b"close");
            self.keeps |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }
}

/// `tchar` (RFC 9110, section 5.6.2).
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}
