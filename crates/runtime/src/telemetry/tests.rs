use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use tracing::subscriber::with_default;

use super::{Format, check_level, filter, subscriber};

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Buffer {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn logged(level: &str, format: Format, colour: bool, write: impl FnOnce()) -> String {
    let buffer = Buffer::default();
    let writer = buffer.clone();
    let subscriber = subscriber(filter(level).unwrap(), format, colour, move || writer.clone());
    with_default(subscriber, write);
    let bytes = buffer.0.lock().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn text_has_no_colour_unless_asked() {
    let write = || tracing::info!(app = "everything", "app registered");
    let plain = logged("info", Format::Text, false, write);
    assert!(plain.contains("app registered") && plain.contains("app=\"everything\""), "{plain}");
    assert!(!plain.contains('\u{1b}'));
    assert!(logged("info", Format::Text, true, write).contains('\u{1b}'));
}

#[test]
fn json_is_one_object_a_line() {
    let out = logged("debug", Format::Json, false, || {
        tracing::debug!(app = "everything", "app registered");
        tracing::warn!("second");
    });
    let lines: Vec<serde_json::Value> =
        out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["message"], "app registered");
    assert_eq!(lines[0]["app"], "everything");
    assert_eq!(lines[0]["level"], "DEBUG");
}

#[test]
fn the_level_decides() {
    let write = || {
        tracing::debug!("quiet");
        tracing::warn!("loud");
        tracing::info!(target: "h2", "chatter");
    };
    for (level, quiet, loud, chatter) in [
        ("INFO", false, true, false),
        ("warning", false, true, false),
        ("error", false, false, false),
        ("debug", true, true, false),
        ("trace", true, true, true),
        ("off", false, false, false),
        ("warn,runtime=debug", true, true, false),
        ("warn,h2=info", false, true, true),
    ] {
        let out = logged(level, Format::Text, false, write);
        assert_eq!(
            (out.contains("quiet"), out.contains("loud"), out.contains("chatter")),
            (quiet, loud, chatter),
            "{level}: {out}"
        );
    }
}

#[test]
fn a_misspelt_level_is_an_error() {
    for bad in ["", "inof", "verbose", "agent=loud", "info,agent"] {
        assert!(check_level(bad).is_err(), "{bad}");
    }
    assert!("yaml".parse::<Format>().is_err());
    assert_eq!("JSON".parse::<Format>().unwrap(), Format::Json);
}
