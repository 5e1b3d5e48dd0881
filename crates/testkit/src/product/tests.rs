use std::fs::File;
use std::time::Duration;

use super::*;
use crate::Scratch;

fn touch(file: &Path, at: SystemTime) {
    File::options().write(true).open(file).unwrap().set_modified(at).unwrap();
}

#[test]
fn a_binary_older_than_its_source_is_found() {
    let scratch = Scratch::new();
    let binary = scratch.write("bin/tsh", "");
    let old = scratch.write("src/a b/old.rs", "");
    let new = scratch.write("src/new.rs", "");
    let built = changed(&binary).unwrap();
    touch(&old, built - Duration::from_secs(9));
    touch(&new, built);
    let escaped = old.to_str().unwrap().replace(' ', "\\ ");
    scratch.write("bin/tsh.d", format!("{}: {escaped} {}\n", binary.display(), new.display()));
    assert_eq!(newer_source(&binary), None);
    touch(&new, built + Duration::from_secs(9));
    assert_eq!(newer_source(&binary), Some(new));
    touch(&old, built + Duration::from_secs(9));
    assert_eq!(newer_source(&binary), Some(old));
}
