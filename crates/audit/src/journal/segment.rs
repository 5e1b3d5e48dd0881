//! One file of a journal.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Records are for the operator of the service.
const OWNER_ONLY: u32 = 0o600;

const EXTENSION: &str = ".jsonl";

/// Digits of a number in a name: all of u64, so that names sort like numbers.
const DIGITS: usize = 20;

/// A segment as it was at some moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) path: PathBuf,
    /// The number of its first line.
    pub(crate) first: u64,
    /// The number of the first line after it.
    pub(crate) end: u64,
    /// Its size.
    pub(crate) bytes: u64,
}

// === impl Segment ===

impl Segment {
    /// Reads what the segment held at that moment.
    pub(crate) fn read(&self) -> io::Result<Vec<u8>> {
        self.read_from(0, None)
    }

    /// Reads from `offset` on, as much as there is or at most `limit` bytes.
    pub(crate) fn read_from(&self, offset: u64, limit: Option<usize>) -> io::Result<Vec<u8>> {
        let rest = self.bytes.saturating_sub(offset);
        let size = limit.map_or(rest, |limit| rest.min(u64::try_from(limit).unwrap_or(rest)));
        let mut content = Vec::new();
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(offset))?;
        file.take(size).read_to_end(&mut content)?;
        Ok(content)
    }
}

/// The whole lines of a segment's content with their numbers, without their newlines.
pub(crate) fn lines(first: u64, content: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let whole = memchr::memrchr(b'\n', content).and_then(|end| content.get(..end));
    let lines = whole.map(|whole| whole.split(|byte| *byte == b'\n'));
    (first..).zip(lines.into_iter().flatten())
}

/// The file of the segment that begins with this line.
pub(super) fn path_of(directory: &Path, first: u64) -> PathBuf {
    directory.join(format!("{first:0DIGITS$}{EXTENSION}"))
}

/// The first line of the segment with this file name, if it is one.
pub(super) fn first_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(EXTENSION)?;
    let all_digits = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| digits.parse().ok()).flatten()
}

/// Makes an empty segment.
pub(super) fn create(directory: &Path, first: u64) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create_new(true).mode(OWNER_ONLY);
    options.open(path_of(directory, first))
}

/// Opens a segment to continue it.
pub(super) fn reopen(directory: &Path, first: u64) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).open(path_of(directory, first))
}
