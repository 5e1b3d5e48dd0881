//! The cases. Their names say what must be true.

mod concurrency;
mod expiry;
mod items;
mod watch;

pub use self::concurrency::{
    a_replica_converges_under_concurrent_writers, many_create_one_wins, many_increment_none_is_lost,
};
pub use self::expiry::{
    expired_items_are_absent_at_once, expiry_does_not_outlive_a_replacement,
    items_are_kept_alive_by_compare_and_swap, sweeping_tells_watchers,
};
pub use self::items::{
    a_closed_store_says_so, an_item_may_be_as_large_as_the_limit,
    compare_and_swap_replaces_the_expected_revision_only, created_items_are_read_back,
    creating_twice_fails, deleting_is_conditional_too, groups_apply_whole_or_not_at_all,
    missing_items_are_not_found, put_creates_and_replaces, range_is_ordered_and_by_whole_segments,
    revisions_never_return, senseless_writes_are_refused, values_are_kept_byte_for_byte,
};
pub use self::watch::{
    unknown_cursors_are_compacted, watch_across_compaction_says_so, watch_continues_from_a_list,
    watch_resumes_from_any_cursor, watch_selects_by_prefix, watch_tells_of_groups_in_order,
    watch_that_falls_behind_says_so,
};
pub use super::model::random_operations_match_the_model;
