//! MCP over HTTP: what calls and lists take, by each way in turn, and what idle sessions hold.

mod course;
mod idle;

use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};
use testkit::Cluster;

use self::course::Course;
use crate::calls;
use crate::http::{Era, Target, Web};
use crate::report::{Report, Table};
use crate::site::Site;
use crate::upstream::{FIRST_ID, Upstream};

/// Connections at once.
const CONNECTIONS: [usize; 3] = [1, 16, 64];
/// Bytes that a call brings, and gets back.
pub(crate) const PAYLOADS: [(&str, usize); 3] =
    [("100 B", 100), ("10 KB", 10_000), ("1 MB", 1_000_000)];
/// The server that is called, and its tools.
pub(crate) const CALLED: (&str, usize) = ("web", 10);
/// Servers of more tools, whose lists are asked for.
const LISTED: [(&str, usize); 2] = [("list-1000", 1_000), ("list-10000", 10_000)];
/// How often each way has its turn.
const TURNS: usize = 3;
/// No stage takes longer, or something hangs.
const STAGE: Duration = Duration::from_secs(120);
/// For how long a way has its turn, and for how many requests at the most.
const TURN: Duration = Duration::from_secs(1);
const TURN_REQUESTS: usize = 30_000;

/// The clusters, and which stages are wanted.
struct Sites<'s> {
    one: Site,
    strict: Site,
    three: Site,
    wanted: &'s str,
}

/// A running server, registered everywhere.
#[derive(Debug)]
struct Served {
    name: &'static str,
    tools: usize,
    web: Web,
}

/// What is asked for again and again.
#[derive(Debug)]
pub(crate) struct Asked {
    what: String,
    pub(crate) method: &'static str,
    params: Value,
}

/// Measures it all, or the stages whose names have `wanted` in them.
pub(crate) async fn measure(wanted: &str) -> anyhow::Result<Report> {
    let sites = Sites {
        one: Site::new(Cluster::single())?,
        strict: Site::new(Cluster::strict())?,
        three: Site::new(Cluster::apart())?,
        wanted,
    };
    let mut table =
        Table::new("over HTTP, directly and through Tessera, audit on", &course::COLUMNS);
    let echo = sites.serve(CALLED).await?;
    for payload in PAYLOADS {
        let call = Asked::call(payload);
        for connections in CONNECTIONS {
            let all = payload == PAYLOADS[0];
            sites.measure(&call, &echo, connections, all, &mut table).await?;
        }
    }
    for served in LISTED {
        let web = sites.serve(served).await?;
        sites.measure(&Asked::call(PAYLOADS[0]), &web, 1, false, &mut table).await?;
        sites.measure(&Asked::list(), &web, 1, false, &mut table).await?;
    }
    let mut notes = vec![
        "modern, legacy: HTTP/1.1 over TLS to the proxy; all services in one process".to_owned(),
        "strict: a record is on the disk before the call goes on".to_owned(),
        "apart: auth, proxy and agent in a process each".to_owned(),
        "a list through Tessera shows half of the tools".to_owned(),
    ];
    let mut tables = vec![table];
    let upstreams = [Upstream::echo()?];
    let stdio = calls::compare(&sites.one, &sites.three, &upstreams);
    if let Some((table, more)) = sites.stage("calls of a stdio server", stdio).await? {
        tables.push(table);
        notes.extend(more);
    }
    let idle = idle::measure(&sites.one, &sites.three, CALLED.0);
    tables.extend(sites.stage("idle sessions", idle).await?);
    Ok(Report { name: "mcp", tables, notes })
}

/// Nothing but load by one way.
pub(crate) async fn load(era: Era, connections: usize, time: Duration) -> anyhow::Result<Report> {
    let site = Site::new(Cluster::single())?;
    let web = Web::start(CALLED.1).await?;
    site.register_web(CALLED.0, web.port);
    let mut course = Course::new("through", era, site.by_http(CALLED.0)?, Some(&site));
    let call = Asked::call(PAYLOADS[0]);
    course.connect(&call, connections).await?;
    println!("calls for {} seconds go through process {:?}", time.as_secs(), site.pids());
    course.turn(time, usize::MAX).await?;
    let mut table = Table::new("load", &course::COLUMNS);
    course.finish(&call.what, &mut None, &mut table);
    Ok(Report { name: "load", tables: vec![table], notes: Vec::new() })
}

// === impl Sites ===

impl Sites<'_> {
    /// A server, registered everywhere.
    async fn serve(&self, (name, tools): (&'static str, usize)) -> anyhow::Result<Served> {
        let web = Web::start(tools).await?;
        for site in [&self.one, &self.strict, &self.three] {
            site.register_web(name, web.port);
        }
        Ok(Served { name, tools, web })
    }

    async fn measure(
        &self,
        asked: &Asked,
        served: &Served,
        connections: usize,
        all: bool,
        table: &mut Table,
    ) -> anyhow::Result<()> {
        let what = format!("{}, {} tools", asked.what, served.tools);
        let stage = self.take_turns(&what, asked, served, connections, all, table);
        self.stage(&format!("{what}, {connections} connections"), stage).await.map(drop)
    }

    /// One stage, if it is wanted. It is told that it began, and that it does not end.
    async fn stage<T>(
        &self,
        name: &str,
        stage: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<Option<T>> {
        if !name.contains(self.wanted) {
            return Ok(None);
        }
        println!("measuring: {name}");
        let outcome = tokio::time::timeout(STAGE, stage).await;
        let late = || format!("{name}: not done within {} seconds", STAGE.as_secs());
        outcome.with_context(late)?.with_context(|| name.to_owned()).map(Some)
    }

    async fn take_turns(
        &self,
        what: &str,
        asked: &Asked,
        served: &Served,
        connections: usize,
        all: bool,
        table: &mut Table,
    ) -> anyhow::Result<()> {
        let name = served.name;
        let direct = Target {
            address: format!("127.0.0.1:{}", served.web.port),
            path: "/mcp".to_owned(),
            tls: None,
        };
        let mut courses = vec![
            Course::new("direct", Era::Modern, direct, None),
            Course::new("modern", Era::Modern, self.one.by_http(name)?, Some(&self.one)),
            Course::new("legacy", Era::Legacy, self.one.by_http(name)?, Some(&self.one)),
        ];
        if all {
            let (strict, three) = (&self.strict, &self.three);
            courses.push(Course::new("strict", Era::Modern, strict.by_http(name)?, Some(strict)));
            courses.push(Course::new("apart", Era::Modern, three.by_http(name)?, Some(three)));
        }
        for course in &mut courses {
            course.connect(asked, connections).await?;
        }
        for _ in 0..TURNS {
            for course in &mut courses {
                course.turn(TURN, TURN_REQUESTS).await?;
            }
        }
        let mut direct = None;
        for site in courses.iter().filter_map(Course::site).filter(|_| asked.is_recorded()) {
            site.require_records(name)?;
        }
        for course in courses {
            course.finish(what, &mut direct, table);
        }
        Ok(())
    }
}

// === impl Asked ===

impl Asked {
    pub(crate) fn call((size, bytes): (&str, usize)) -> Self {
        let text = "a text like others ".chars().cycle().take(bytes).collect::<String>();
        let params = json!({"name": "echo", "arguments": {"text": text}});
        Self { what: format!("call, {size}"), method: "tools/call", params }
    }

    fn list() -> Self {
        Self { what: "list".to_owned(), method: "tools/list", params: json!({}) }
    }

    /// Lists are not recorded.
    fn is_recorded(&self) -> bool {
        self.method == "tools/call"
    }

    /// What the headers of the modern era repeat.
    pub(crate) fn name(&self) -> Option<&str> {
        self.params.get("name")?.as_str()
    }

    pub(crate) fn request(&self, era: Era) -> String {
        let mut params = self.params.clone();
        if let (Era::Modern, Some(params)) = (era, params.as_object_mut()) {
            let meta = json!({
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
                "io.modelcontextprotocol/clientCapabilities": {},
            });
            params.insert("_meta".to_owned(), meta);
        }
        json!({"jsonrpc": "2.0", "id": FIRST_ID, "method": self.method, "params": params})
            .to_string()
    }
}
