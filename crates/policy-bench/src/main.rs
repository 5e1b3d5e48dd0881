//! What deciding costs, measured beside the `cedar-policy` engine doing the same work in the same process.
//!
//! Both engines are asked the same questions about the same user, app and tools, and have to give the same
//! answers before anything is timed. `cargo xtask bench policy` runs it.
#![expect(clippy::print_stdout, reason = "the figures are for the person who asked")]

mod cedar;
mod measure;
mod report;
mod scene;

use std::hint::black_box;
use std::path::PathBuf;
use std::process::ExitCode;

use mcp::{Era, ListKind};
use policy::{ExpressionContext, LabelExpression};

use crate::cedar::Cedar;
use crate::measure::time;
use crate::report::{Aim, Report};
use crate::scene::{Scene, TOOLS};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Roles in a set.
const SIZES: [usize; 3] = [1, 10, 100];
/// Tools that the other engine is asked about.
const SAMPLE: usize = 250;

fn main() -> ExitCode {
    let out = std::env::args_os().nth(1).map_or_else(|| "target/bench".into(), PathBuf::from);
    match measure_all().and_then(|report| report.write(&out).map(|()| report)) {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(cause) => {
            println!("error: {cause}");
            ExitCode::FAILURE
        }
    }
}

fn measure_all() -> Outcome<Report> {
    let mut report = Report::default();
    let tools = scene::tools();
    let texts: Vec<&str> = tools.iter().map(String::as_str).collect();
    for roles in SIZES {
        let scene = Scene::new(roles);
        let set = scene.compile();
        let access = scene.access(&set);
        let other = Cedar::new(&scene)?;
        let sample: Vec<&str> = texts.iter().copied().step_by(TOOLS / SAMPLE).collect();
        let requests = other.requests(&sample)?;
        for (name, request) in sample.iter().zip(&requests) {
            if access.tool_visible(name) != other.allows(request) {
                return Err(
                    format!("the engines do not agree about {name} by {roles} roles").into()
                );
            }
        }
        let allowed = texts.iter().filter(|name| access.tool_visible(name)).count();
        println!("{roles} roles of {} patterns allow {allowed} of {TOOLS} tools", scene::PATTERNS);

        let one = format!("decide one tool, {roles} roles");
        let ours = time(texts.len(), || {
            texts.iter().filter(|name| access.tool(black_box(name)).is_allowed()).count()
        });
        let theirs_for_one = time(requests.len(), || {
            requests.iter().filter(|request| other.allows(black_box(request))).count()
        });
        let aim = (roles == 100).then(|| Aim::nanos(1_000.0));
        report.add(one, ours, Some(theirs_for_one), aim);
        let slowest = measure::slowest(&texts, |name| access.tool(name).is_allowed());
        report.add(format!("decide the slowest tool, {roles} roles"), slowest, None, None);

        let ours = time(1, || scene.compile());
        let theirs = time(1, || Cedar::policies(&scene).is_ok());
        report.add(format!("compile {roles} roles"), ours, Some(theirs), None);

        let ours =
            time(1, || texts.iter().filter(|name| access.tool_visible(black_box(name))).count());
        // It has no lists: every name is a request.
        let theirs = theirs_for_one * f64::from(u32::try_from(TOOLS)?);
        let aim = (roles == 100).then(|| Aim::nanos(2_000_000.0));
        report.add(format!("filter {TOOLS} names, {roles} roles"), ours, Some(theirs), aim);

        let answer = scene::answer(&tools);
        let bytes = answer.len();
        let ours = time(1, || {
            let keep = &mut |name: &str| access.tool_visible(name);
            mcp::list::filter(ListKind::Tools, Era::Legacy, black_box(&answer), keep)
                .map_or(0, |filtered| filtered.bytes().len())
        });
        report.add(format!("filter an answer of {bytes} bytes, {roles} roles"), ours, None, None);
    }
    expression(&mut report)?;
    Ok(report)
}

/// One typical label expression, evaluated and parsed.
fn expression(report: &mut Report) -> Outcome<()> {
    let scene = Scene::new(1);
    let other = Cedar::new(&scene)?;
    let parsed = LabelExpression::parse(scene::EXPRESSION)?;
    let (labels, traits) = (scene::labels(), scene::traits());
    let context = ExpressionContext { labels: &labels, user: scene::USER, traits: &traits };
    if !parsed.eval(context)? || !other.evaluate()? {
        return Err("the engines do not agree about the expression".into());
    }
    let ours = time(1, || parsed.eval(black_box(context)).is_ok());
    let theirs = time(1, || other.evaluate().is_ok());
    report.add("evaluate a label expression".to_owned(), ours, Some(theirs), None);
    let ours = time(1, || LabelExpression::parse(black_box(scene::EXPRESSION)).is_ok());
    let theirs = time(1, || Cedar::parse_expression().is_ok());
    report.add("parse a label expression".to_owned(), ours, Some(theirs), None);
    Ok(())
}
