//! MCP over HTTP: what calls and lists take, by each way in turn, and what idle sessions hold.

mod course;
mod idle;

use serde_json::{Value, json};
use testkit::Cluster;

use self::course::Course;
use crate::http::{Era, Target, Web};
use crate::report::{Report, Table};
use crate::site::Site;
use crate::upstream::FIRST_ID;

/// Connections at once.
const CONNECTIONS: [usize; 3] = [1, 16, 64];
/// Bytes that a call brings, and gets back.
const PAYLOADS: [(&str, usize); 3] = [("100 B", 100), ("10 KB", 10_000), ("1 MB", 1_000_000)];
/// Tools of the servers whose lists are asked for.
const TOOLS: [(&str, usize); 2] = [("list-1000", 1_000), ("list-10000", 10_000)];
/// How often each way has its turn.
const TURNS: usize = 3;

/// The clusters.
struct Sites {
    one: Site,
    strict: Site,
    three: Site,
}

/// What is asked for again and again.
#[derive(Debug)]
struct Asked {
    what: String,
    method: &'static str,
    params: Value,
}

/// Measures it all.
pub(crate) async fn measure() -> anyhow::Result<Report> {
    let sites = Sites {
        one: Site::new(Cluster::single())?,
        strict: Site::new(Cluster::strict())?,
        three: Site::new(Cluster::apart())?,
    };
    let mut table =
        Table::new("over HTTP, directly and through Tessera, audit on", &course::COLUMNS);
    let echo = sites.serve("web", 10).await?;
    let call = Asked::call(PAYLOADS[0]);
    for connections in CONNECTIONS {
        sites.measure(&call, "web", &echo, connections, true, &mut table).await?;
    }
    for payload in PAYLOADS.into_iter().skip(1) {
        sites.measure(&Asked::call(payload), "web", &echo, 1, false, &mut table).await?;
    }
    for (name, tools) in TOOLS {
        let web = sites.serve(name, tools).await?;
        sites.measure(&Asked::list(tools), name, &web, 1, false, &mut table).await?;
    }
    for site in [&sites.one, &sites.strict, &sites.three] {
        site.require_records("web")?;
    }
    let idle = idle::measure(&sites.one, "web").await?;
    let notes = vec![
        "modern, legacy: HTTP/1.1 over TLS to the proxy; all services in one process".to_owned(),
        "strict: a record is on the disk before the call goes on".to_owned(),
        "apart: auth, proxy and agent in a process each".to_owned(),
        "a list through Tessera shows half of the tools".to_owned(),
    ];
    Ok(Report { name: "mcp", tables: vec![table, idle], notes })
}

// === impl Sites ===

impl Sites {
    /// A server, registered everywhere.
    async fn serve(&self, name: &str, tools: usize) -> anyhow::Result<Web> {
        let web = Web::start(tools).await?;
        for site in [&self.one, &self.strict, &self.three] {
            site.register_web(name, web.port);
        }
        Ok(web)
    }

    async fn measure(
        &self,
        asked: &Asked,
        name: &str,
        web: &Web,
        connections: usize,
        all: bool,
        table: &mut Table,
    ) -> anyhow::Result<()> {
        let direct = Target {
            address: format!("127.0.0.1:{}", web.port),
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
                course.turn().await?;
            }
        }
        let mut direct = None;
        for course in courses {
            course.finish(&asked.what, &mut direct, table);
        }
        Ok(())
    }
}

// === impl Asked ===

impl Asked {
    fn call((size, bytes): (&str, usize)) -> Self {
        let text = "a text like others ".chars().cycle().take(bytes).collect::<String>();
        let params = json!({"name": "echo", "arguments": {"text": text}});
        Self { what: format!("call, {size}"), method: "tools/call", params }
    }

    fn list(tools: usize) -> Self {
        Self { what: format!("list, {tools} tools"), method: "tools/list", params: json!({}) }
    }

    /// What the headers of the modern era repeat.
    fn name(&self) -> Option<&str> {
        self.params.get("name")?.as_str()
    }

    fn request(&self, era: Era) -> String {
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
