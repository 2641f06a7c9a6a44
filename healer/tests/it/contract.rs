//! The contract of every runtime: one suite, run on each by a lab that knows how to reach it.
//!
//! To plug a runtime in: write a [`Lab`] for it and, in a module of its own, a function that makes one or says why it cannot:
//!
//! ```ignore
//! async fn lab(test: &str) -> Option<MyLab> { .. }     // None: skipped, after `support::skipped(test, "AIOPS_TEST_..")`
//! crate::contract::contract_suite!(lab);               // makes one test of each part of the contract
//! ```
//!
//! A lab is made anew for each test, and tests run at once: give each its own manager id, folder or namespace.

mod ends;
mod files;
mod life;
mod logs;
mod stops;

pub(crate) use ends::*;
pub(crate) use files::*;
pub(crate) use life::*;
pub(crate) use logs::*;
pub(crate) use stops::*;

use crate::support::{end_of, request};
use async_trait::async_trait;
use healer::runtime::{Handle, Runtime, RuntimeError, StartRequest};
use std::sync::Arc;

/// A runtime under test, and what the suite has to know of it.
#[async_trait]
pub(crate) trait Lab: Send + Sync {
    /// The runtime.
    fn runtime(&self) -> &dyn Runtime;

    /// Another connection to the same place, as a process has that is started after the first one died.
    async fn again(&self) -> Arc<dyn Runtime>;

    /// Names of everything that is still kept of a run, looked up past the runtime.
    async fn left(&self, handle: Handle) -> Vec<String>;

    /// Image with `sh`, `python3` and the usual small tools, where images are used.
    fn image(&self) -> Option<String> {
        None
    }

    /// Whether an end by a signal is told apart from an exit code above 128.
    fn tells_signals(&self) -> bool {
        true
    }

    /// Whether standard error is told apart from standard output.
    fn tells_streams(&self) -> bool {
        true
    }

    /// A request that this runtime can serve.
    fn request(&self, body: &str) -> StartRequest {
        let mut request = request(body);
        request.spec.image = self.image();
        request
    }
}

/// Starts what cannot run and gives the reason that a person reads, whether it was refused or ended.
pub(crate) async fn why_not(lab: &dyn Lab, request: &StartRequest) -> String {
    match lab.runtime().start(request).await {
        Err(RuntimeError::Refused(why)) => why,
        Err(other) => panic!("not a refusal: {other}"),
        Ok(()) => end_of(lab.runtime(), request.handle).await.start_error.expect("nothing ran"),
    }
}

/// Makes a test of each part of the contract.
macro_rules! contract_suite {
    ($lab:path) => {
        $crate::contract::contract_suite! { $lab:
            codes_and_signals_are_told_apart,
            p11_odd_scripts_have_named_ends,
            an_interpreter_that_is_not_there_is_named,
            p12_a_child_that_keeps_the_output_does_not_hold_the_end,
            starting_twice_is_one_start,
            a_run_that_may_run_once_is_not_executed_under_a_second_epoch,
            what_is_not_known_is_unknown,
            whoever_comes_later_attaches_and_sees_the_end,
            what_is_cleaned_up_is_forgotten_and_leaves_nothing,
            health_describes_the_platform,
            logs_are_dense_and_resume,
            p08_odd_bytes_are_kept,
            p14_the_last_line_and_long_lines_are_whole,
            p15_output_stays_within_the_runs_limit_with_a_visible_cut,
            the_time_limit_holds,
            p13_stop_means_everything_stops,
            cancel_is_idempotent_and_final,
            p23_values_arrive_byte_for_byte,
            names_that_hijack_are_left_out,
            secrets_are_environment_and_private_files,
            what_a_run_leaves_is_collected_and_links_are_not_followed,
            a_result_that_is_a_link_is_not_read,
        }
    };
    ($lab:path: $($name:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                let Some(lab) = $lab(stringify!($name)).await else { return };
                $crate::contract::$name(&lab).await;
            }
        )+
    };
}
pub(crate) use contract_suite;
