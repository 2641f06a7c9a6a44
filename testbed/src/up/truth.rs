//! The testbed's own truth: which faults are really in effect, judged from measured effects and never from commands.
use serde::{Deserialize, Serialize};

use crate::fault::FaultName;
use crate::service::ServiceState;
use crate::settings::BAD_VERSION;

/// Readings without the effect, one after the other, that make a fault cured.
const CALM_READINGS: u32 = 3;
/// Probes that are looked at for latency and errors.
pub(crate) const PROBES: usize = 5;
/// Median probe time above which a service counts as slow.
const SLOW_MS: f64 = 250.0;
/// Resident memory above the reading at injection that still counts as leaked.
const LEAK_SLACK_BYTES: u64 = 64 * 1024 * 1024;

/// One measured look at a service.
#[derive(Debug, Clone, Default)]
pub(crate) struct Look {
    /// What the process says of itself; `None` when it did not answer.
    pub(crate) state: Option<ServiceState>,
    /// Resident memory, from the kernel.
    pub(crate) resident_bytes: u64,
    /// Share of one core used since the last look, from the kernel.
    pub(crate) cpu_share: f64,
    /// The last probes of a real route: success and milliseconds, oldest first.
    pub(crate) probes: Vec<(bool, f64)>,
}

/// A fault that was injected.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Injection {
    /// Unique id.
    pub(crate) id: String,
    /// Which fault.
    pub(crate) name: FaultName,
    /// Which service.
    pub(crate) service: String,
    /// How strong, 0..=1.
    pub(crate) intensity: f64,
    /// When it was asked for, unix milliseconds.
    pub(crate) injected_at_ms: i64,
    /// When its effect was first measured.
    pub(crate) effective_at_ms: Option<i64>,
    /// When its effect was gone: the first of three calm readings.
    pub(crate) cured_at_ms: Option<i64>,
    /// In effect now: measured, and not cured.
    pub(crate) active: bool,
    /// Ended by the harness and not by a cure.
    pub(crate) cleared: bool,
    /// Resident memory of the service at injection.
    pub(crate) resident_before: u64,
    #[serde(skip)]
    calm: u32,
    #[serde(skip)]
    calm_since_ms: Option<i64>,
}

/// Something an operator, a script or the harness did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Action {
    /// Unix milliseconds.
    pub(crate) at_ms: i64,
    /// For example `restart`, `rollback`, `flags_reset`, `spool_clean`, `dependency_restart`.
    pub(crate) action: String,
    /// The service or dependency it was done to.
    pub(crate) target: String,
    /// Who asked, as the caller named itself; `operator` when it did not.
    pub(crate) by: String,
}

/// Says whether the effect of a fault is present; `None` when it cannot be known.
pub(crate) fn effect_present(fault: FaultName, resident_before: u64, look: &Look) -> Option<bool> {
    let state = look.state.as_ref()?;
    let effects = state.effects;
    match fault {
        FaultName::Latency => Some(state.settings.slow_dependency_ms > 0 || median_ms(&look.probes)? > SLOW_MS),
        FaultName::ErrorRate => Some(state.settings.fail_share > 0.0 || any_failed(&look.probes)?),
        FaultName::MemoryLeak => {
            Some(effects.leaked_bytes > 0 || look.resident_bytes > resident_before + LEAK_SLACK_BYTES)
        }
        FaultName::PoolLeak => Some(effects.leaked_connections > 0),
        FaultName::DependencyDown => state.redis_up.map(|up| !up),
        FaultName::DiskFill => Some(effects.filling_disk || state.data_used? * 10 > state.data_quota? * 8),
        FaultName::CpuBurn => Some(effects.burning_threads > 0),
        FaultName::BadRelease => Some(state.version == BAD_VERSION),
        FaultName::LogErrorBurst => Some(effects.failing_job),
        FaultName::CacheStampede => Some(state.settings.cache_ttl_secs == 0),
    }
}

fn recent(probes: &[(bool, f64)]) -> Option<&[(bool, f64)]> {
    probes.get(probes.len().checked_sub(PROBES)?..)
}

fn any_failed(probes: &[(bool, f64)]) -> Option<bool> {
    Some(recent(probes)?.iter().any(|(ok, _)| !ok))
}

fn median_ms(probes: &[(bool, f64)]) -> Option<f64> {
    let mut millis: Vec<f64> = recent(probes)?.iter().map(|(_, millis)| *millis).collect();
    millis.sort_by(f64::total_cmp);
    millis.get(millis.len() / 2).copied()
}

impl Injection {
    /// A fault that was just asked for.
    pub(crate) fn new(name: FaultName, service: &str, intensity: f64, now_ms: i64, resident_before: u64) -> Self {
        Self {
            id: uuid::Uuid::now_v7().to_string(),
            name,
            service: service.to_owned(),
            intensity,
            injected_at_ms: now_ms,
            effective_at_ms: None,
            cured_at_ms: None,
            active: false,
            cleared: false,
            resident_before,
            calm: 0,
            calm_since_ms: None,
        }
    }

    /// Still of interest: neither cured nor cleared.
    pub(crate) fn open(&self) -> bool {
        self.cured_at_ms.is_none() && !self.cleared
    }

    /// Takes in one reading; an unknown one changes nothing.
    pub(crate) fn read(&mut self, present: Option<bool>, now_ms: i64) {
        match present {
            None => {}
            Some(true) => {
                self.effective_at_ms.get_or_insert(now_ms);
                self.active = true;
                self.calm = 0;
                self.calm_since_ms = None;
            }
            Some(false) if self.effective_at_ms.is_some() => {
                let since = *self.calm_since_ms.get_or_insert(now_ms);
                self.calm += 1;
                if self.calm >= CALM_READINGS {
                    self.cured_at_ms = Some(since);
                    self.active = false;
                }
            }
            Some(false) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Release;

    fn look() -> Look {
        let release = Release::good();
        let state = ServiceState {
            service: "checkout".into(),
            version: release.version,
            pid: 1,
            started_at_ms: 0,
            settings: release.settings,
            effects: Default::default(),
            data_used: Some(10),
            data_quota: Some(100),
            redis_up: Some(true),
        };
        Look { state: Some(state), resident_bytes: 30_000_000, cpu_share: 0.02, probes: vec![(true, 4.0); 6] }
    }

    #[test]
    fn a_healthy_service_shows_no_effect_of_any_fault() {
        for fault in FaultName::ALL {
            assert_eq!(effect_present(fault, 30_000_000, &look()), Some(false), "{fault:?}");
        }
    }

    #[test]
    fn a_silent_service_is_unknown_for_every_fault() {
        for fault in FaultName::ALL {
            assert_eq!(effect_present(fault, 0, &Look::default()), None, "{fault:?}");
        }
    }

    #[test]
    fn settings_set_back_with_probes_still_failing_is_no_cure() {
        let mut now = look();
        now.probes.push((false, 4.0));
        assert_eq!(effect_present(FaultName::ErrorRate, 0, &now), Some(true));
        now.probes = vec![(true, 900.0); 5];
        assert_eq!(effect_present(FaultName::Latency, 0, &now), Some(true));
        now.probes = vec![(true, 1.0); 4];
        assert_eq!(effect_present(FaultName::Latency, 0, &now), None, "too few probes to judge");
    }

    #[test]
    fn memory_counts_by_the_kernel_also_when_the_process_says_nothing_leaked() {
        let mut now = look();
        now.resident_bytes = 200_000_000;
        assert_eq!(effect_present(FaultName::MemoryLeak, 30_000_000, &now), Some(true));
    }

    #[test]
    fn cured_needs_an_effect_first_and_three_calm_readings_in_a_row() {
        let mut fault = Injection::new(FaultName::PoolLeak, "checkout", 1.0, 0, 0);
        for (present, at) in [(Some(false), 1), (Some(false), 2), (Some(false), 3), (Some(false), 4)] {
            fault.read(present, at);
        }
        assert!(fault.open() && !fault.active, "no effect was ever seen");
        for (present, at) in [(Some(true), 5), (Some(false), 6), (None, 7), (Some(true), 8), (Some(false), 9)] {
            fault.read(present, at);
        }
        assert!(fault.active && fault.cured_at_ms.is_none());
        fault.read(None, 10);
        fault.read(Some(false), 11);
        fault.read(Some(false), 12);
        assert_eq!((fault.effective_at_ms, fault.cured_at_ms, fault.active), (Some(5), Some(9), false));
    }
}
