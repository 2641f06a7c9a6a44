//! Named points at which a debug build can be told to die, so that tests prove recovery from a kill at each step.

/// Breaks the rule of the product that `AIOPS_BREAK` names, so that tests prove that their checker finds it.
fn break_rule() {
    let Ok(point) = std::env::var("AIOPS_BREAK") else { return };
    match fail::cfg(point.as_str(), "return") {
        Ok(()) => tracing::error!(point, "a rule of the product is broken on purpose: this is a test"),
        Err(reason) => tracing::error!(point, reason, "the rule is not broken"),
    }
}

/// Arms the point named by `AIOPS_KILL_AT`: the process kills itself (SIGKILL) the `AIOPS_KILL_SKIP`+1st time it gets
/// there. Release builds ignore both.
pub(crate) fn arm() {
    if !cfg!(debug_assertions) {
        return;
    }
    break_rule();
    let Ok(point) = std::env::var("AIOPS_KILL_AT") else { return };
    let skip: u32 = std::env::var("AIOPS_KILL_SKIP").ok().and_then(|s| s.parse().ok()).unwrap_or(0);
    let left = std::sync::atomic::AtomicU32::new(skip);
    let name = point.clone();
    let armed = fail::cfg_callback(point.as_str(), move || {
        use std::sync::atomic::Ordering::SeqCst;
        if left.fetch_update(SeqCst, SeqCst, |n| n.checked_sub(1)).is_err() {
            tracing::warn!(point = name, "kill point reached");
            kill_self();
        }
    });
    if let Err(reason) = armed {
        tracing::warn!(point, reason, "kill point not armed");
    }
}

fn kill_self() {
    let me = rustix::process::getpid();
    if rustix::process::kill_process(me, rustix::process::Signal::KILL).is_err() {
        std::process::abort();
    }
    loop {
        std::thread::park();
    }
}
