//! Repairing what a crash left behind.
//!
//! The death of the process leaves at most one line without its end. The death of the machine may
//! also leave blocks of zeros where the newest lines were to be. Neither was ever acknowledged as
//! being on disk.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

use serde::de::IgnoredAny;

/// What is sound of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sound {
    pub(super) lines: u64,
    pub(super) bytes: u64,
}

/// Finds the sound lines of the last segment: all up to the last line that is a JSON object.
pub(super) fn sound(content: &[u8]) -> Sound {
    let mut end = memchr::memrchr(b'\n', content).map_or(0, |at| at.saturating_add(1));
    while end > 0 {
        let whole = content.get(..end.saturating_sub(1)).unwrap_or_default();
        let start = memchr::memrchr(b'\n', whole).map_or(0, |at| at.saturating_add(1));
        if whole.get(start..).is_some_and(is_object) {
            break;
        }
        end = start;
    }
    let lines = memchr::memchr_iter(b'\n', content.get(..end).unwrap_or_default()).count();
    Sound {
        lines: u64::try_from(lines).unwrap_or(u64::MAX),
        bytes: u64::try_from(end).unwrap_or(u64::MAX),
    }
}

/// The size of a segment without a line that has no end. Reads only the end of the file.
pub(super) fn whole_lines(file: &mut File) -> io::Result<u64> {
    let mut end = file.seek(SeekFrom::End(0))?;
    let mut block = [0_u8; 4096];
    while end > 0 {
        let size = end.min(4096);
        let start = end.saturating_sub(size);
        file.seek(SeekFrom::Start(start))?;
        let filled = usize::try_from(size).unwrap_or(0);
        let block = block.get_mut(..filled).unwrap_or_default();
        file.read_exact(block)?;
        if let Some(at) = memchr::memrchr(b'\n', block) {
            let at = u64::try_from(at).unwrap_or(0);
            return Ok(start.saturating_add(at).saturating_add(1));
        }
        end = start;
    }
    Ok(0)
}

fn is_object(line: &[u8]) -> bool {
    line.first() == Some(&b'{') && serde_json::from_slice::<IgnoredAny>(line).is_ok()
}
