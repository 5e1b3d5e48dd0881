use super::*;

impl Kept {
    /// The names of those that are not gone.
    fn offered(&self) -> Vec<String> {
        let there = self.tools.iter().filter(|(_, tool)| tool.gone.is_none());
        there.map(|(name, _)| name.clone()).collect()
    }
}

const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

fn digest(number: usize) -> String {
    format!("{number:064x}")
}

fn seen(tools: &[(&str, usize)], whole: Option<&[&str]>) -> SeenApp {
    let tools = tools.iter().map(|(name, number)| SeenDefinition {
        name: (*name).to_owned(),
        digest: digest(*number),
        from: None,
    });
    let whole = whole.map(|all| all.iter().map(|name| (*name).to_owned()).collect());
    SeenApp { app: "a".to_owned(), tools: tools.collect(), whole, missed: false }
}

/// How many changes are told.
fn merge(kept: &mut Kept, tools: &[(&str, usize)], hours: i64) -> usize {
    news(kept, tools, hours).changed.len()
}

fn news(kept: &mut Kept, tools: &[(&str, usize)], hours: i64) -> News {
    kept.merge(&seen(tools, None), START + Duration::hours(hours))
}

#[test]
fn a_change_is_told_once_whoever_sees_it() {
    let mut kept = Kept::default();
    assert_eq!(merge(&mut kept, &[("read", 1), ("write", 1)], 0), 0);
    assert_eq!(kept.notice(), None);
    let changed = news(&mut kept, &[("read", 2), ("write", 1)], 0).changed;
    let expected = Changed { name: "read".to_owned(), from: digest(1), to: digest(2), untold: 0 };
    assert_eq!(changed, [expected]);
    assert_eq!(merge(&mut kept, &[("read", 2)], 0), 0, "another agent sees the same");
    assert_eq!(merge(&mut kept, &[("read", 1)], 0), 0, "another agent's server is the older one");
    assert_eq!(merge(&mut kept, &[("read", 2)], 0), 0);
    assert_eq!(merge(&mut kept, &[("read", 3)], 0), 1);
    let told = kept.show();
    assert_eq!(told[0].digest, digest(3));
    assert_eq!(told[0].changed.as_ref().unwrap().from, digest(2));
    assert_eq!(told[1].changed, None);
    assert!(kept.notice().unwrap().contains("\"read\""));
}

#[test]
fn what_goes_and_comes_back_changed_is_told() {
    let mut kept = Kept::default();
    merge(&mut kept, &[("read", 1), ("write", 1)], 0);
    kept.merge(&seen(&[], Some(&["write"])), START);
    assert_eq!(kept.offered(), ["write"]);
    assert_eq!(kept.show()[0].gone, Some(START));
    assert_eq!(merge(&mut kept, &[("read", 2)], 1), 1);
    assert_eq!(kept.offered(), ["read", "write"]);
}

#[test]
fn what_changes_all_the_time_is_told_now_and_then_and_none_of_it_is_forgotten() {
    let mut kept = Kept::default();
    let told = (0..100).filter(|number| merge(&mut kept, &[("clock", *number)], 0) == 1).count();
    // The first definition is none that changed.
    assert_eq!(told, DEFINITIONS - 1);
    let notice = kept.notice().unwrap();
    assert!(notice.contains("\"clock\" is another one all the time"), "{notice}");
    // The status knows of each, whether it was told or not.
    let shown = kept.show().pop().unwrap();
    assert_eq!((shown.digest, shown.changed.unwrap().times), (digest(99), 99));
    // The next that is told says how many were not.
    let changed = news(&mut kept, &[("clock", 101)], 1).changed;
    assert_eq!(changed[0].untold, 100 - u32::try_from(DEFINITIONS).unwrap());
    assert!(!kept.notice().unwrap().contains("all the time"));
    assert_eq!(merge(&mut kept, &[("clock", 102)], 1), 0);
    assert_eq!(news(&mut kept, &[("clock", 103)], 2).changed[0].untold, 1);
}

#[test]
fn one_tool_that_changes_all_the_time_does_not_cover_for_another() {
    let mut kept = Kept::default();
    merge(&mut kept, &[("read", 1)], 0);
    for number in 0..100 {
        merge(&mut kept, &[("clock", number)], 0);
    }
    assert_eq!(merge(&mut kept, &[("clock", 200), ("read", 2)], 0), 1);
}

/// A server that wants a tool to be forgotten before it changes it offers others in its place.
#[test]
fn junk_does_not_hide_a_change() {
    let junk: Vec<String> = (0..MOST_TOOLS).map(|number| format!("junk{number}")).collect();
    let junk: Vec<(&str, usize)> = junk.iter().map(|name| (name.as_str(), 1)).collect();
    // What is known stays known, and what does not fit is told of, once and again after a while.
    let mut kept = Kept::default();
    merge(&mut kept, &[("read", 1)], 0);
    let full = news(&mut kept, &junk, 0);
    assert_eq!((full.changed.len(), full.missed), (0, true));
    assert!(kept.notice().unwrap().contains("more tools than are kept"));
    assert!(!news(&mut kept, &junk, 0).missed);
    assert_eq!(merge(&mut kept, &[("read", 2)], 0), 1);
    assert!(news(&mut kept, &junk, 1).missed);
    // What a whole list is without makes room, but not in silence.
    let mut kept = Kept::default();
    merge(&mut kept, &[("read", 1)], 0);
    kept.merge(&seen(&[], Some(&[])), START);
    assert!(news(&mut kept, &junk, 0).missed, "read was forgotten");
    // Junk first, before the tool is seen at all.
    let mut kept = Kept::default();
    assert!(!news(&mut kept, &junk, 0).missed);
    assert!(news(&mut kept, &[("read", 1)], 0).missed);
}

#[test]
fn a_change_is_told_though_the_tool_was_forgotten() {
    let mut kept = Kept::default();
    let mut seen = seen(&[("read", 2)], None);
    seen.tools[0].from = Some(digest(1));
    let changed = kept.merge(&seen, START).changed;
    let expected = Changed { name: "read".to_owned(), from: digest(1), to: digest(2), untold: 0 };
    assert_eq!(changed, [expected]);
    assert_eq!(kept.merge(&seen, START), News::default(), "once");
}

#[test]
fn what_agents_had_no_room_for_is_told() {
    let mut kept = Kept::default();
    let missed = SeenApp { missed: true, ..seen(&[("read", 1)], None) };
    let news = kept.merge(&missed, START);
    assert!(news.missed && kept.notice().is_some() && kept.offered() == ["read"]);
    let before = kept.clone();
    assert_eq!(kept.merge(&missed, START + OFTEN - Duration::SECOND), News::default());
    assert_eq!(kept, before, "nothing to write");
}

#[test]
fn no_more_is_kept_than_fits() {
    let mut kept = Kept::default();
    let names: Vec<String> = (0..=MOST_TOOLS).map(|number| format!("{number:04}")).collect();
    let all: Vec<(&str, usize)> = names.iter().map(|name| (name.as_str(), 1)).collect();
    merge(&mut kept, &all[..MOST_TOOLS], 0);
    merge(&mut kept, &all[MOST_TOOLS..], 0);
    assert_eq!(kept.show().len(), MOST_TOOLS);
    assert!(kept.show().iter().all(|tool| tool.name != names[MOST_TOOLS]));
    // What is gone gives way.
    let whole: Vec<&str> = names[1..MOST_TOOLS].iter().map(String::as_str).collect();
    kept.merge(&seen(&[], Some(&whole)), START);
    merge(&mut kept, &all[MOST_TOOLS..], 0);
    assert_eq!(kept.offered().len(), MOST_TOOLS);
    // The most that can be there fits into what the store keeps.
    let worst = "\"".repeat(NAME_BYTES / 2 - 2);
    let mut kept = Kept::default();
    let late = START + Duration::days(20_000) + Duration::nanoseconds(123_456_789);
    for round in 0..100 {
        let all: Vec<String> =
            (0..MOST_TOOLS).map(|number| format!("{worst}{number:04}")).collect();
        let all: Vec<(&str, usize)> = all.iter().map(|name| (name.as_str(), round)).collect();
        kept.merge(&seen(&all, None), late);
    }
    for tool in kept.tools.values_mut() {
        let change = tool.changed.as_mut().unwrap();
        (change.times, change.untold) = (u32::MAX, u32::MAX);
    }
    kept.merge(&seen(&[], Some(&[])), late);
    assert!(serde_json::to_vec(&kept).unwrap().len() <= store::MAX_ITEM_BYTES);
}

#[test]
fn what_agents_tell_has_a_form_and_what_has_none_keeps_nothing_else_from_being_told() {
    let outcome = |name: &str, digest: &str| {
        let mut kept = Kept::default();
        merge(&mut kept, &[("read", 1)], 0);
        let mut seen = seen(&[("read", 2)], None);
        let odd = SeenDefinition { name: name.to_owned(), digest: digest.to_owned(), from: None };
        seen.tools.insert(0, odd);
        let news = kept.merge(&seen, START);
        assert_eq!(news.changed.len(), 1);
        assert_eq!(kept.offered().len(), if news.missed { 1 } else { 2 });
        news.missed
    };
    assert!(!outcome(&"n".repeat(NAME_BYTES), &digest(1)));
    assert!(outcome(&"n".repeat(NAME_BYTES + 1), &digest(1)));
    assert!(outcome(&"\n".repeat(NAME_BYTES / 2 + 1), &digest(1)));
    assert!(outcome("n", "abc") && outcome("n", &digest(1).replace('0', "G")));
}
