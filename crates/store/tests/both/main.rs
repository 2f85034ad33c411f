//! What a store promises, tried on SQLite and on PostgreSQL alike.

#![expect(
    clippy::unwrap_used,
    reason = "a broken test world may panic, and a skipped half must be seen"
)]

mod bench;
mod cases;
mod deliveries;
mod forks;
mod inbox;
mod postgres;
mod served;

use bench::Bench;

/// Names every case twice: as a test of its own on SQLite, and as one line of the test on PostgreSQL, whose
/// server takes too long to start for a test of its own each.
macro_rules! on_both {
    ($($case:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                cases::$case(Bench::sqlite()).await;
            }
        )*

        #[tokio::test(flavor = "multi_thread")]
        async fn postgres_keeps_the_same_promises() {
            let Some(server) = postgres::Server::start().await else {
                eprintln!("skipped: no PostgreSQL under /usr/lib/postgresql");
                return;
            };
            $(
                eprintln!("{}", stringify!($case));
                cases::$case(server.bench(stringify!($case)).await).await;
            )*
        }
    };
}

on_both! {
    a_history_is_what_was_appended
    a_row_follows_its_events
    places_have_no_gaps_when_many_append_at_once
    a_large_event_is_kept_outside_and_comes_back
    equal_outputs_are_kept_once
    an_output_comes_back_or_says_that_it_is_missing
    a_missing_event_is_noticed
    a_run_is_found_by_any_unambiguous_beginning
    the_list_is_newest_first_and_bounded
    text_that_a_database_chokes_on_is_kept
    a_held_run_is_refused_to_others
    a_lease_that_ran_out_is_taken_over_and_its_holder_is_fenced
    a_dead_process_loses_its_run_at_once
    a_released_run_can_be_claimed
    a_dropped_run_can_be_claimed_at_once_in_the_same_process
    a_heartbeat_keeps_a_lease_alive
    a_heartbeat_notices_that_the_lease_is_gone
    a_run_at_its_end_takes_nothing_more
    a_run_at_its_end_takes_deliveries_of_one_at_a_time
    a_wish_is_taken_once_and_one_at_a_time_of_an_issue
    a_delivery_is_a_hint_once_until_it_is_followed
    a_list_has_pages_and_each_caller_their_own
    a_token_is_known_by_its_hash_until_it_is_revoked
    a_request_asked_twice_is_one
    a_wish_to_stop_reaches_the_holder_and_is_forgotten_afterwards
    a_run_begins_as_another_one_and_leaves_that_as_it_was
    a_run_that_is_worked_on_lends_its_beginning
    a_beginning_that_is_not_there_is_not_taken_over
    an_unknown_run_is_an_error_everywhere
    a_newer_schema_is_refused
    opening_twice_at_once_is_fine
}
