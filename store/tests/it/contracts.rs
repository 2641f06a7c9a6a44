//! Every contract of the store ports, on both databases.

use crate::databases::{on_postgres, on_sqlite};
use domain::testing::contracts as suites;

macro_rules! contracts {
    ($($suite:ident: $($contract:ident),+;)+) => {
        mod sqlite {
            $($(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $contract() {
                super::on_sqlite(|s| Box::pin(super::suites::$suite::$contract(s))).await;
            })+)+
        }
        mod postgres {
            $($(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $contract() {
                super::on_postgres(stringify!($contract), |s| Box::pin(super::suites::$suite::$contract(s))).await;
            })+)+
        }
    };
}

contracts! {
    catalog:
        names_are_unique_among_the_living,
        writes_lock_optimistically,
        pages_are_stable_under_inserts,
        filters_take_text_literally,
        references_hold,
        references_hold_in_a_race,
        secrets_are_kept,
        statuses_keep_the_last_ok;
    manager_health:
        checks_are_kept_and_bounded;
    incidents:
        one_active_incident_per_fingerprint,
        ticks_are_whole,
        a_repeated_tick_is_told_once,
        checkpoints_only_move_forward,
        analyzer_changes_follow_the_automaton,
        transitions_are_guarded,
        timeline_is_resumable,
        incidents_are_listed;
    feedback:
        opinions_are_kept_and_reset,
        anomalies_are_filtered,
        what_ends_by_itself_is_remembered,
        memories_are_swept_and_parked_batches_told;
    templates:
        templates_are_kept_and_found,
        template_rules_are_durable;
    topology:
        edges_age_by_good_readings,
        a_whole_reading_replaces;
    changes:
        changes_are_known_by_their_key;
    alerts:
        alerts_are_known_by_identity,
        resolved_first_opens_nothing,
        undated_alerts_have_one_life_at_a_time,
        p25a_two_senders_at_once_are_one_alert,
        placing_is_one_step,
        what_goes_on_is_news_now_and_then,
        tokens_are_kept_as_hashes;
    incident_work:
        people_assign_and_judge,
        merging_moves_everything,
        splitting_takes_some_members,
        noise_is_counted_by_day;
    retention:
        what_ended_long_ago_goes,
        what_is_under_way_stays,
        files_go_after_their_rows;
    roles:
        one_has_the_role,
        an_ended_lease_is_taken_over;
    heal:
        a_decision_to_run_is_one_step,
        one_active_heal_per_target,
        limits_hold_under_a_race,
        facts_are_complete,
        waiting_is_told_once,
        escalation_tells_people,
        old_policies_decide_nothing;
    verification:
        one_verification_per_run,
        a_verdict_is_one_step,
        a_verdict_is_an_opinion,
        only_fixed_resolves,
        an_undo_ends_with_a_person,
        an_undo_waits_for_nobody,
        a_persons_change_stays;
    runs:
        manual_runs_are_accepted,
        runs_are_listed,
        cancel_stops_or_asks,
        load_counts_active_runs;
    leases:
        claims_are_unique,
        claims_are_fair,
        old_epochs_are_refused,
        release_remembers_a_start,
        the_terminal_state_is_written_once;
    queue:
        priorities_come_first,
        owners_share,
        a_target_is_held_by_one_run,
        a_held_target_passes_on,
        managers_are_never_overfilled,
        a_paused_queue_gives_nothing_new,
        attempts_follow_each_other,
        a_cancelled_run_is_not_repeated,
        a_planned_time_has_one_run,
        a_batch_is_whole,
        stops_are_told_to_their_owner,
        a_rest_ends;
    versions:
        every_content_is_a_version,
        unknown_versions_are_not_found,
        versions_are_dense_under_a_race;
    schedules:
        a_planned_time_starts_once,
        time_goes_one_way,
        overlap_is_skipped_or_queued,
        a_scheduled_case_stays;
    outbox:
        the_right_channels_are_told,
        a_message_is_held,
        a_message_ends_once;
    users:
        setup_happens_once,
        users_are_found,
        reuse_voids_the_family,
        voided_users_get_no_token,
        failures_count_for_a_while,
        secrets_are_made_once;
    api_keys:
        keys_live_until_revoked_or_expired;
    audit:
        chain_is_dense_and_verifies;
}
