use super::*;

#[test]
fn each_step_needs_only_steps_before_it() {
    for (place, step) in STEPS.iter().enumerate() {
        for needed in step.needs {
            assert!(STEPS[..place].iter().any(|before| before.name == *needed), "{}", step.name);
        }
    }
}

#[test]
fn a_step_whose_need_failed_is_blocked_and_counts_as_failed() {
    let step = STEPS.iter().find(|step| step.name == "test").unwrap();
    let mut table = vec![("setup", Outcome::Passed, Duration::ZERO)];
    assert_eq!(blocker(step, &table), None);
    table.push(("build", Outcome::Failed("no".to_owned()), Duration::ZERO));
    assert_eq!(blocker(step, &table), Some("build"));
    assert!(conclude(&[("test", Outcome::Blocked("build"), Duration::ZERO)], 1).is_err());
    assert!(conclude(&[("test", Outcome::Passed, Duration::ZERO)], 1).is_ok());
}

#[test]
fn an_unknown_step_is_refused() {
    let repo = Repo::locate().unwrap();
    let refused = run(&repo, &["tests".to_owned()]).unwrap_err().to_string();
    assert!(refused.contains("\"tests\"") && refused.contains("format, layers"), "{refused}");
}
