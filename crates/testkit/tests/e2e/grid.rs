//! Every era and transport in front of the gateway with every era and transport behind it: what
//! official clients see of a server through the gateway is what they see of it directly.

mod rust;

use serde_json::Value;
use testkit::clients::Inspector;
use testkit::grid::{GridServer, Kind, Walker, Way, differences};
use testkit::{Cluster, Real, Scratch, wait};

/// What each scenario sees, whoever walks and by whatever way.
const EXPECTED: &str = include_str!("../../testdata/grid.json");

/// Walks, and gives what differed.
fn walk(real: &Real, server: &GridServer, walker: Walker, way: &Way) -> Vec<String> {
    let expected: Value = serde_json::from_str(EXPECTED).unwrap();
    let cancelled = server.cancelled();
    let mut differ = match walker.try_walk(real, way) {
        Ok(seen) => differences(&expected, &seen),
        Err(why) => vec![format!("it did not connect: {why}")],
    };
    if differ.is_empty() {
        let told = wait::poll(wait::PATIENCE, || match server.cancelled() {
            now if now > cancelled => Ok(()),
            _ => Err("the server was not told that the call was cancelled".to_owned()),
        });
        differ.extend(told.err());
    }
    differ.into_iter().map(|one| format!("{walker:?} by {way:?}: {one}")).collect()
}

/// What the Inspector and rmcp see: less than the others walk through, and the same. The Inspector is a
/// program that calls a tool and ends; rmcp is built here without its transport over HTTP, and walks where there
/// is a command to start.
fn glances(real: &Real, modern: bool, way: &Way) -> Vec<String> {
    let expected: Value = serde_json::from_str(EXPECTED).unwrap();
    let mut differ = Vec::new();
    let inspector = Inspector::new(real);
    let words = ["--protocol-era", if modern { "modern" } else { "legacy" }];
    match inspector.try_echo(way, &words) {
        Ok(text) if text == "echo: seen" => {}
        other => differ.push(format!("the Inspector by {way:?}: {other:?}")),
    }
    let Way::Command(argv) = way else { return differ };
    match rust::walk(argv, modern) {
        Ok(seen) => {
            let walked: Value = expected
                .as_object()
                .into_iter()
                .flatten()
                .filter(|(name, _)| rust::SCENARIOS.contains(&name.as_str()))
                .map(|(name, saw)| (name.clone(), saw.clone()))
                .collect::<serde_json::Map<_, _>>()
                .into();
            differ
                .extend(differences(&walked, &seen).into_iter().map(|one| format!("rmcp: {one}")));
        }
        Err(why) => differ.push(format!("rmcp did not connect: {why}")),
    }
    differ
}

#[test]
fn every_client_sees_the_same_of_every_server_of_its_era() {
    let (real, scratch) = (Real::locate(), Scratch::new());
    for kind in Kind::ALL {
        let log = scratch.join(format!("{kind:?}.log"));
        let server = GridServer::start(&real, kind, &log);
        let mut differ = Vec::new();
        for walker in Walker::of(kind.is_modern()) {
            // The other two libraries do not speak this one any more.
            if kind == Kind::LegacySse && *walker != Walker::Js1 {
                continue;
            }
            differ.extend(walk(&real, &server, *walker, &server.direct()));
        }
        differ.extend(glances(&real, kind.is_modern(), &server.direct()));
        assert!(differ.is_empty(), "{kind:?}:\n{}", differ.join("\n"));
    }
}

/// One pair of the grid, with every client of the downstream's era.
#[track_caller]
fn pair(upstream: Kind, modern: bool, http: bool) {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let server = GridServer::start(&real, upstream, &cluster.scratch().join("grid.log"));
    server.register(&cluster, "grid");
    let alice = cluster.identity("alice", &["mcp-user"]);
    let proxy = http.then(|| cluster.local_proxy(&alice, "grid"));
    let way = match &proxy {
        Some(proxy) => Way::Http(proxy.url()),
        None => Way::Command(cluster.way(&alice, "grid")),
    };
    let walkers = Walker::of(modern).iter();
    let mut differ: Vec<_> =
        walkers.flat_map(|walker| walk(&real, &server, *walker, &way)).collect();
    differ.extend(glances(&real, modern, &way));
    assert!(differ.is_empty(), "{}\n{}", differ.join("\n"), cluster.logs());
}

/// A test for each pair.
macro_rules! pairs {
    ($($name:ident: $upstream:ident, $modern:expr, $http:expr;)*) => {
        $(
            #[test]
            fn $name() {
                pair(Kind::$upstream, $modern, $http);
            }
        )*
    };
}

pairs! {
    legacy_stdio_to_legacy_stdio: LegacyStdio, false, false;
    legacy_stdio_to_legacy_http: LegacyHttp, false, false;
    legacy_stdio_to_legacy_sse: LegacySse, false, false;
    legacy_stdio_to_modern_stdio: ModernStdio, false, false;
    legacy_stdio_to_modern_http: ModernHttp, false, false;
    legacy_http_to_legacy_stdio: LegacyStdio, false, true;
    legacy_http_to_legacy_http: LegacyHttp, false, true;
    legacy_http_to_legacy_sse: LegacySse, false, true;
    legacy_http_to_modern_stdio: ModernStdio, false, true;
    legacy_http_to_modern_http: ModernHttp, false, true;
    modern_stdio_to_legacy_stdio: LegacyStdio, true, false;
    modern_stdio_to_legacy_http: LegacyHttp, true, false;
    modern_stdio_to_legacy_sse: LegacySse, true, false;
    modern_stdio_to_modern_stdio: ModernStdio, true, false;
    modern_stdio_to_modern_http: ModernHttp, true, false;
    modern_http_to_legacy_stdio: LegacyStdio, true, true;
    modern_http_to_legacy_http: LegacyHttp, true, true;
    modern_http_to_legacy_sse: LegacySse, true, true;
    modern_http_to_modern_stdio: ModernStdio, true, true;
    modern_http_to_modern_http: ModernHttp, true, true;
}
