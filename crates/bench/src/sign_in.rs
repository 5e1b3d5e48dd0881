//! What identity costs: signing in, certificates, evidence; and how soon a lock is felt.

mod lock;

use std::time::Duration;

use anyhow::Context;
use api::Client;
use api::wire::{
    InviteAnswer, InvitePurpose, InviteRequest, SignInRequest, UserCertificateRequest,
};
use futures_util::future::try_join_all;
use pki::{PrivateKey, TrustStore};
use resource::Resource;
use runtime::Clock;
use serde_json::json;
use testkit::Cluster;
use tokio::time::Instant;

use crate::proc;
use crate::report::{Cell, Report, Table, number, percentiles, text};
use crate::site::Site;

/// For how long each is measured.
const TIME: Duration = Duration::from_secs(5);
/// How many ask at once.
const AT_ONCE: [usize; 2] = [1, MOST];
/// Each is a user of its own: of one user, no more than some attempts may be under way.
const MOST: usize = 16;
/// A password costs the same whatever it is.
const PASSWORD: &str = "correct horse battery staple";
/// Where everybody signs in.
const CLIENT: &str = "192.0.2.1:4711";
/// How often evidence is verified.
const EVIDENCE: usize = 20_000;

/// Measures it all.
pub(crate) async fn measure() -> anyhow::Result<Report> {
    let site = Site::new(Cluster::single())?;
    let admin = site.admin();
    for asker in 0..MOST {
        enrol(&site, &admin, &name(asker)).await?;
    }
    let key = PrivateKey::generate()?.public().to_pem();
    let columns = ["what", "at once", "a second", "p50 ms", "p99 ms", "CPU s/1,000"];
    let mut issued = Table::new("signing in", &columns);
    for at_once in AT_ONCE {
        let sign_in = |asker| SignInRequest {
            user: name(asker),
            password: PASSWORD.to_owned(),
            totp: None,
            public_key: key.clone(),
            ttl_seconds: None,
            // Of whom it is not known where they are, few may try.
            client_addr: Some(CLIENT.to_owned()),
        };
        let by_password = async |asker| admin.sign_in(&sign_in(asker)).await.map(drop);
        issued.row(
            rate(&site, "a password, and the certificate for it", at_once, by_password).await?,
        );
        let wanted = UserCertificateRequest { public_key: key.clone(), ttl_seconds: None };
        let by_administrator = async |asker| admin.sign_user(&name(asker), &wanted).await.map(drop);
        issued.row(rate(&site, "a certificate alone", at_once, by_administrator).await?);
    }
    let evidence = evidence(&site)?;
    let cut = lock::measure(&site, &admin).await?;
    let notes = vec![
        "by the auth service's API, as a proxy asks it; each is recorded".to_owned(),
        "evidence: the first time its certificate's path is checked, then it is known by its digest"
            .to_owned(),
    ];
    Ok(Report { name: "sign-in", tables: vec![issued, evidence, cut], notes })
}

fn name(asker: usize) -> String {
    format!("bench-{asker}")
}

/// Makes a user who signs in by a password.
async fn enrol(site: &Site, admin: &Client, user: &str) -> anyhow::Result<()> {
    site.endpoint_of(user)?;
    let preference = json!({
        "kind": "cluster_auth_preference", "version": "v2",
        "metadata": {"name": "cluster-auth-preference"},
        "spec": {"type": "local", "second_factor": "off"},
    });
    let preference = Resource::from_json(preference.to_string().as_bytes())?;
    admin.put(&preference, api::Write::Upsert).await?;
    let wanted = InviteRequest { purpose: InvitePurpose::Reset, ttl_seconds: None };
    let invite = admin.create_invite(user, &wanted).await?;
    let answer = InviteAnswer { password: Some(PASSWORD.to_owned()), ..InviteAnswer::default() };
    admin.answer_invite(&invite.token, &answer).await.context("set a password")?;
    Ok(())
}

/// How often a second something can be done.
async fn rate(
    site: &Site,
    what: &str,
    at_once: usize,
    ask: impl AsyncFn(usize) -> Result<(), api::Error>,
) -> anyhow::Result<Vec<Cell>> {
    // The first makes the connection.
    ask(0).await?;
    site.calm_down().await?;
    let (before, begin) = (proc::processor_time(site.pids())?, Instant::now());
    let ask = &ask;
    let askers = (0..at_once).map(async |asker| {
        let mut times = Vec::new();
        while begin.elapsed() < TIME {
            let begin = Instant::now();
            ask(asker).await?;
            times.push(begin.elapsed());
        }
        anyhow::Ok(times)
    });
    let times: Vec<Duration> = try_join_all(askers).await?.into_iter().flatten().collect();
    let elapsed = begin.elapsed();
    site.calm_down().await?;
    let spent = proc::processor_time(site.pids())?.saturating_sub(before);
    let count = times.len() as f64;
    let (p50, p99) = percentiles(times);
    Ok(vec![
        text(what),
        number(at_once as f64, 0),
        number(count / elapsed.as_secs_f64(), 0),
        p50,
        p99,
        number(spent.as_secs_f64() / count * 1_000.0, 2),
    ])
}

/// What it takes to know a user by the evidence of a request, at an agent or a proxy.
fn evidence(site: &Site) -> anyhow::Result<Table> {
    let file = site.evidence()?;
    let chain = [file.certificate.der().clone()];
    let now = Clock::system().now();
    let trust = file.trust()?;
    // Each has never seen it.
    let stores: Vec<TrustStore> =
        (0..EVIDENCE / 10).map(|_| TrustStore::new(trust.clone())).collect();
    let begin = Instant::now();
    for store in &stores {
        store.verify(&chain, now)?;
    }
    let first = begin.elapsed() / u32::try_from(stores.len())?;
    let store = stores.first().context("there is one")?;
    let begin = Instant::now();
    for _ in 0..EVIDENCE {
        store.verify(&chain, now)?;
    }
    let again = begin.elapsed() / u32::try_from(EVIDENCE)?;
    let mut table = Table::new("evidence", &["when", "µs"]);
    for (when, took) in [("the first time", first), ("again", again)] {
        table.row(vec![text(when), number(took.as_secs_f64() * 1e6, 1)]);
    }
    Ok(table)
}
