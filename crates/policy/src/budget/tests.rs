use super::*;

#[test]
fn what_is_not_there_is_spent_all_the_same() {
    let budget = Budget::new();
    assert_eq!(budget.spend(MAX_WORK - 1), Ok(()));
    assert!(!budget.is_spent());
    assert_eq!(budget.spend(2), Err(Overspent));
    assert!(budget.is_spent());
    assert_eq!(budget.spend(1), Err(Overspent));
    assert_eq!(budget.spend(0), Ok(()));
}

#[test]
fn large_programs_count_several_times() {
    let budget = Budget::new();
    assert_eq!(budget.spend_search(MAX_WORK / 4, 3 * FREE_PROGRAM_BYTES), Ok(()));
    assert!(budget.is_spent());
    assert_eq!(budget.spend_search(usize::MAX, usize::MAX), Err(Overspent));
}
