//! Paths with `*` for a part of a name and `**` for any number of folders.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// How many files and folders are looked at before giving up: a glob at a wrong place must not walk a disk.
const MAX_ENTRIES: usize = 20_000;

struct Walk {
    found: Vec<PathBuf>,
    seen: usize,
}

/// The files that fit, by name. A path without `*` fits itself, whether it is there or not.
pub(super) fn find(folder: &Path, glob: &str) -> io::Result<Vec<PathBuf>> {
    if !glob.contains('*') {
        return Ok(vec![folder.join(glob)]);
    }
    let (start, rest) = match glob.strip_prefix('/') {
        Some(rest) => (PathBuf::from("/"), rest),
        None => (folder.to_owned(), glob),
    };
    let parts: Vec<&str> =
        rest.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let mut walk = Walk { found: Vec::new(), seen: 0 };
    walk.enter(&start, &parts)?;
    walk.found.sort();
    walk.found.dedup();
    Ok(walk.found)
}

// === impl Walk ===

impl Walk {
    fn enter(&mut self, folder: &Path, parts: &[&str]) -> io::Result<()> {
        let Some((part, rest)) = parts.split_first() else { return Ok(()) };
        if !part.contains('*') {
            let path = folder.join(part);
            return match rest {
                [] if path.is_file() => {
                    self.found.push(path);
                    Ok(())
                }
                [] => Ok(()),
                _ if path.is_dir() => self.enter(&path, rest),
                _ => Ok(()),
            };
        }
        if *part == "**" {
            self.enter(folder, rest)?;
        }
        let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        for entry in fs::read_dir(here)? {
            let entry = entry?;
            self.seen += 1;
            if self.seen > MAX_ENTRIES {
                return Err(io::Error::other(format!("more than {MAX_ENTRIES} files and folders")));
            }
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            // As in a shell, what is hidden is not meant.
            if name.starts_with('.') {
                continue;
            }
            let path = folder.join(name);
            if *part == "**" {
                // Links are not followed: they may lead round in a circle.
                if entry.file_type()?.is_dir() {
                    self.enter(&path, parts)?;
                } else if rest.is_empty() {
                    self.found.push(path);
                }
            } else if fits(part, name) {
                if rest.is_empty() {
                    if path.is_file() {
                        self.found.push(path);
                    }
                } else if path.is_dir() {
                    self.enter(&path, rest)?;
                }
            }
        }
        Ok(())
    }
}

/// Whether a name fits a pattern in which `*` is any run of characters.
fn fits(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let mut pieces: Vec<&str> = pieces.collect();
    let Some(last) = pieces.pop() else { return rest.is_empty() };
    for piece in pieces {
        let Some((_, after)) = rest.split_once(piece) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests;
