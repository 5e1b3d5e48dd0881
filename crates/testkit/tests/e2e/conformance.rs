//! The official conformance suite against its official fixture server: directly, and through the
//! gateway, where every scenario must go as it does directly.

use std::path::Path;

use testkit::suite::{Round, Table};
use testkit::{Real, Suite};

/// The tables that are checked in, one for each round.
const TABLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/conformance");

/// Set, the tables are written instead of compared: for a new version of the suite or the fixture.
const WRITE_VARIABLE: &str = "TESSERA_WRITE_TABLES";

/// Compares with a table that is checked in.
#[track_caller]
fn checked_in(file: &str, table: &Table) {
    let path = Path::new(TABLES).join(format!("{file}.txt"));
    if std::env::var_os(WRITE_VARIABLE).is_some() {
        std::fs::write(&path, table.to_string()).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(table.to_string() == expected, "{} is not what was seen:\n{table}", path.display());
}

/// What holds directly. Whatever fails behind the gateway is the gateway's.
#[test]
fn the_fixture_passes_everything_directly() {
    let real = Real::locate();
    let (fixture, suite) = (real.fixture(), Suite::new(&real));
    for (round, passed) in Round::ALL.into_iter().zip([44, 56, 84, 152]) {
        let table = suite.server(round, &fixture.url());
        assert_eq!(table.total(), (passed, 0), "{table}");
        checked_in(round.name(), &table);
    }
}

/// The suite can fail: a server of the legacy era is no server of the modern one.
#[test]
fn the_suite_finds_fault_with_another_server() {
    let real = Real::locate();
    let (everything, suite) = (real.everything_http(), Suite::new(&real));
    let table = suite.server(Round::At("2026-07-28"), &everything.url());
    let (passed, failed) = table.total();
    assert!(failed > 50 && passed > 0, "{table}");
    let direct = suite.server(Round::At("2026-07-28"), &real.fixture().url());
    let differences = table.differences(&direct).join("\n");
    assert!(differences.contains("server-stateless: "), "{differences}");
}
