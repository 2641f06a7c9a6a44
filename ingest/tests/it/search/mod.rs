//! One contract of the log source, kept by every search server that is supported: each case runs on each of them.

mod doors;
mod fields;
mod measures;
mod paging;
mod proxy;
mod server;
mod states;
mod stream;

use server::{Flavour, Server};

/// Each case as a test of its own on each server; a server that is not given skips its tests by name.
macro_rules! on_each_server {
    ($($case:ident: $run:path,)*) => {
        on_each_server!(@ elasticsearch7 Flavour::Elasticsearch7; $($case: $run,)*);
        on_each_server!(@ elasticsearch8 Flavour::Elasticsearch8; $($case: $run,)*);
        on_each_server!(@ elasticsearch9 Flavour::Elasticsearch9; $($case: $run,)*);
        on_each_server!(@ opensearch2 Flavour::OpenSearch2; $($case: $run,)*);
    };
    (@ $name:ident $flavour:path; $($case:ident: $run:path,)*) => {
        mod $name {
            use super::*;
            $(
                #[tokio::test]
                async fn $case() {
                    let test = concat!("search::", stringify!($name), "::", stringify!($case));
                    let Some(server) = Server::given(test, $flavour) else { return };
                    $run(&server).await;
                    server.clean().await;
                }
            )*
        }
    };
}

on_each_server! {
    p09_fifty_thousand_documents_under_contexts_that_expire: paging::fifty_thousand,
    a_rollover_between_two_pages_loses_nothing: paging::rollover,
    patterns_lists_and_exclusions_name_the_same_documents_everywhere: paging::patterns,
    p10_late_documents_come_once: paging::late_documents,
    ecs_otel_and_fields_of_ones_own_give_the_same_lines: fields::mapping,
    p10_documents_without_a_timestamp_are_counted_once: fields::without_time,
    p09_a_mapping_conflict_is_partial_and_never_complete: states::mapping_conflict,
    a_red_cluster_is_a_state_of_its_own: states::red,
    missing_indexes_and_wrong_queries_say_what_to_do: states::errors,
    tls_api_keys_and_passwords_open_and_their_absence_is_told: doors::tls_and_credentials,
    a_busy_server_is_asked_again: doors::busy,
    measures_count_compare_and_group_documents: measures::numbers,
    measures_tell_what_is_not_there: measures::nothing,
}
