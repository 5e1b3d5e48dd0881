use resource::Source;

use super::super::{Config, parse};
use super::*;

/// A configuration with lines of `app_service` or `proxy_service`.
fn read(service: &str, lines: &str) -> Result<Config, String> {
    let more =
        if service == "app_service" { "  mcp_demo_server: yes\n" } else { "  enabled: yes\n" };
    let text = format!("auth_service: {{}}\n{service}:\n{more}{lines}");
    parse(&Source::new("tessera.yaml", &text)).map_err(|error| error.to_string())
}

fn counts() -> [(&'static str, Count, usize); 8] {
    let (agent, proxy) = (agent::Limits::DEFAULT, proxy::Limits::DEFAULT);
    let attempts = usize::try_from(proxy.sign_in_attempts.get()).unwrap();
    [
        ("app_service", CONNECTIONS, agent.connections),
        ("app_service", CONNECTIONS_PER_USER, agent.connections_per_user),
        ("app_service", SESSIONS_PER_USER, agent.sessions_per_user),
        ("app_service", SESSIONS_PER_APP, agent.sessions_per_app),
        ("app_service", PROCESSES, agent.processes),
        ("app_service", HELD_CALLS, agent.held_calls),
        ("proxy_service", PROXY_CONNECTIONS, proxy.connections),
        ("proxy_service", SIGN_IN_ATTEMPTS, attempts),
    ]
}

fn times() -> [(Time, Duration); 9] {
    let agent = agent::Limits::DEFAULT;
    [
        (HELD_CALL_TIMEOUT, agent.held_call_timeout),
        (START_TIMEOUT, agent.start_timeout),
        (READ_TIMEOUT, agent.read_timeout),
        (CONNECT_TIMEOUT, agent.connect_timeout),
        (ANSWER_TIMEOUT, agent.answer_timeout),
        (SERVER_IDLE_TIMEOUT, agent.server_idle_timeout),
        (SESSION_IDLE_TIMEOUT, agent.session_idle_timeout),
        (PASSING_SESSION_IDLE_TIMEOUT, agent.passing_session_idle_timeout),
        (HELD_SESSION_IDLE_TIMEOUT, agent.held_session_idle_timeout),
    ]
}

#[test]
fn what_is_not_said_is_as_it_was() {
    for lines in ["", "  limits: {}\n"] {
        let app = read("app_service", lines).unwrap().app.unwrap();
        assert_eq!(app.limits, agent::Limits::DEFAULT);
        let proxy = read("proxy_service", lines).unwrap().proxy.unwrap();
        assert_eq!(proxy.limits, proxy::Limits::DEFAULT);
    }
}

#[test]
fn each_is_read_where_it_belongs() {
    let lines = "  limits:\n    connections: 11\n    connections_per_user: 12\n    \
                 sessions_per_user: 13\n    sessions_per_app: 14\n    processes: 15\n    \
                 held_calls: 16\n    held_call_timeout: 17s\n    start_timeout: 18s\n    \
                 connect_timeout: 19s\n    answer_timeout: 20s\n    server_idle_timeout: 21s\n    \
                 session_idle_timeout: 22s\n    passing_session_idle_timeout: 23s\n    \
                 held_session_idle_timeout: 24s\n    read_timeout: 25s\n";
    let limits = agent::Limits {
        connections: 11,
        connections_per_user: 12,
        sessions_per_user: 13,
        sessions_per_app: 14,
        processes: 15,
        held_calls: 16,
        held_call_timeout: Duration::from_secs(17),
        start_timeout: Duration::from_secs(18),
        connect_timeout: Duration::from_secs(19),
        answer_timeout: Duration::from_secs(20),
        server_idle_timeout: Duration::from_secs(21),
        session_idle_timeout: Duration::from_secs(22),
        passing_session_idle_timeout: Duration::from_secs(23),
        held_session_idle_timeout: Duration::from_secs(24),
        read_timeout: Duration::from_secs(25),
    };
    assert_eq!(read("app_service", lines).unwrap().app.unwrap().limits, limits);
    let lines = "  limits: {connections: 7, sign_in_attempts_per_minute: 8}\n";
    let limits = read("proxy_service", lines).unwrap().proxy.unwrap().limits;
    assert_eq!((limits.connections, limits.sign_in_attempts.get()), (7, 8));
}

#[test]
fn at_the_ends_of_its_range_and_one_past_them() {
    for (service, count, _) in counts() {
        let set = |number: i64| read(service, &format!("  limits: {{{}: {number}}}\n", count.name));
        let (least, most) = (i64::from(*count.range.start()), i64::from(*count.range.end()));
        for fine in [least, most] {
            assert!(set(fine).is_ok(), "{} {fine}", count.name);
        }
        for past in [least - 1, most + 1] {
            let told = set(past).unwrap_err();
            assert!(told.contains(&format!("from {least} to {most}")), "{told}");
        }
    }
    let nano = Duration::from_nanos(1);
    for (time, _) in times() {
        let set = |length: Duration| {
            let length = duration::format(length);
            read("app_service", &format!("  limits: {{{}: {length}}}\n", time.name))
        };
        let (least, most) = (*time.range.start(), *time.range.end());
        for fine in [least, most] {
            assert!(set(fine).is_ok(), "{} {fine:?}", time.name);
        }
        for past in [least - nano, most + nano] {
            assert!(set(past).unwrap_err().contains("expected a time from"), "{}", time.name);
        }
    }
}

#[test]
fn mistakes_are_told_together_and_nearest_names_with_them() {
    let lines = "  limits:\n    conections: 1\n    held_calls: many\n    start_timeout: 5\n";
    let told = read("app_service", lines).unwrap_err();
    for part in ["conections", "\"connections\"", "from 1 to 1024", "a unit is missing"] {
        assert!(told.contains(part), "{part} is missing in: {told}");
    }
}

/// The page is what operators know of this; a row of it that is not true is a mistake.
#[test]
fn the_page_says_what_holds() {
    let page = include_str!("../../../../../docs/reference/limits.md");
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    let said = |service: &str, name: &str| {
        let key = format!("`{service}.limits.{name}`");
        let row = rows.iter().find(|row| row[1] == key);
        let row = row.unwrap_or_else(|| panic!("no row for {key}"));
        (row[2].replace(',', ""), row[3].replace(',', ""))
    };
    let mut named = 0;
    for (service, count, default) in counts() {
        let range = format!("{} to {}", count.range.start(), count.range.end());
        assert_eq!(said(service, count.name), (default.to_string(), range), "{}", count.name);
        named += 1;
    }
    for (time, default) in times() {
        let (said_default, said_range) = said("app_service", time.name);
        assert_eq!(duration::parse(&said_default), Ok(default), "{}", time.name);
        let (least, most) = said_range.split_once(" to ").unwrap();
        assert_eq!(duration::parse(least).as_ref(), Ok(time.range.start()), "{}", time.name);
        assert_eq!(duration::parse(most).as_ref(), Ok(time.range.end()), "{}", time.name);
        named += 1;
    }
    let written = rows.iter().filter(|row| row[1].contains(".limits.")).count();
    assert_eq!(written, named, "the page names bounds that cannot be set");
}
