//! Names every fault, says where it is switched, and turns an intensity into real quantities.
use serde::{Deserialize, Serialize};

use crate::settings::Flags;

/// A fault the testbed can bring about. Each is a real effect in a real process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub(crate) enum FaultName {
    /// Requests wait on a slow downstream call while they hold a database connection.
    Latency,
    /// A share of requests fails with 500.
    ErrorRate,
    /// Memory is allocated, touched and never freed.
    MemoryLeak,
    /// Database connections are taken from the pool and never given back.
    PoolLeak,
    /// The Redis behind the catalog is killed and stays down until somebody restarts it.
    DependencyDown,
    /// Files fill the service's data folder up to its quota; orders then fail for want of space.
    DiskFill,
    /// Threads spin.
    CpuBurn,
    /// A new release is rolled out that is slow and faulty.
    BadRelease,
    /// A background job fails for real, many times a second, and logs each failure.
    LogErrorBurst,
    /// Cache entries expire at once, so every read is computed by the database.
    CacheStampede,
}

/// Which part switches a fault on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Home {
    /// Inside the service's process; a restart loses it.
    Process,
    /// In the service's runtime configuration (its feature-flag file); a restart keeps it.
    Flags,
    /// In the supervisor: a release or a dependency.
    Supervisor,
}

impl FaultName {
    /// Every fault, in a stable order.
    pub(crate) const ALL: [Self; 10] = [
        Self::Latency,
        Self::ErrorRate,
        Self::MemoryLeak,
        Self::PoolLeak,
        Self::DependencyDown,
        Self::DiskFill,
        Self::CpuBurn,
        Self::BadRelease,
        Self::LogErrorBurst,
        Self::CacheStampede,
    ];

    /// The name in URLs, files and the command line.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::ErrorRate => "error_rate",
            Self::MemoryLeak => "memory_leak",
            Self::PoolLeak => "pool_leak",
            Self::DependencyDown => "dependency_down",
            Self::DiskFill => "disk_fill",
            Self::CpuBurn => "cpu_burn",
            Self::BadRelease => "bad_release",
            Self::LogErrorBurst => "log_error_burst",
            Self::CacheStampede => "cache_stampede",
        }
    }

    /// Reads a name as [`Self::as_str`] writes it.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.as_str() == name)
    }

    /// Where the fault is switched.
    pub(crate) fn home(self) -> Home {
        match self {
            Self::Latency | Self::ErrorRate | Self::CacheStampede => Home::Flags,
            Self::DependencyDown | Self::BadRelease => Home::Supervisor,
            Self::MemoryLeak | Self::PoolLeak | Self::DiskFill | Self::CpuBurn | Self::LogErrorBurst => Home::Process,
        }
    }

    /// The service a fault hits when none is named.
    pub(crate) fn default_service(self) -> &'static str {
        match self {
            Self::DependencyDown | Self::CacheStampede => "catalog",
            _ => "checkout",
        }
    }

    /// Says whether the fault can be brought about in `service`.
    pub(crate) fn applies_to(self, service: &str) -> bool {
        match self {
            Self::DependencyDown | Self::CacheStampede => service == "catalog",
            Self::PoolLeak => service != "storefront",
            Self::DiskFill => service == "checkout",
            _ => true,
        }
    }
}

/// Real quantities of a fault at an intensity in 0..=1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Amount(f64);

impl Amount {
    /// Clamps to 0..=1; not-a-number counts as the default 0.5.
    pub(crate) fn new(intensity: f64) -> Self {
        Self(if intensity.is_nan() { 0.5 } else { intensity.clamp(0.0, 1.0) })
    }

    /// Bytes leaked a second: up to 16 MiB.
    pub(crate) fn leak_bytes_per_sec(self) -> usize {
        scaled(self.0, 16.0 * 1024.0 * 1024.0).max(64 * 1024)
    }

    /// Milliseconds between two leaked connections: 400 at full intensity, 4000 at a tenth.
    pub(crate) fn connection_leak_interval_ms(self) -> u64 {
        scaled(1.0 / self.0.max(0.05), 400.0) as u64
    }

    /// Share of one core that is burnt, in percent: up to 100 (one thread).
    pub(crate) fn burn_percent(self) -> u64 {
        scaled(self.0, 100.0).clamp(5, 100) as u64
    }

    /// Failures a second of the broken background job: up to 40.
    pub(crate) fn log_errors_per_sec(self) -> u64 {
        scaled(self.0, 40.0).max(1) as u64
    }

    /// Bytes written a second while the disk fills: up to 32 MiB.
    pub(crate) fn fill_bytes_per_sec(self) -> usize {
        scaled(self.0, 32.0 * 1024.0 * 1024.0).max(256 * 1024)
    }

    /// The flags that bring about a flag fault; `None` for a fault of another home.
    pub(crate) fn flags(self, fault: FaultName) -> Option<Flags> {
        let base = Flags::default();
        match fault {
            FaultName::Latency => {
                Some(Flags { slow_dependency_ms: Some(scaled(self.0, 800.0).max(20) as u64), ..base })
            }
            FaultName::ErrorRate => Some(Flags { fail_share: Some(self.0.max(0.02)), ..base }),
            FaultName::CacheStampede => Some(Flags { cache_ttl_secs: Some(0), ..base }),
            _ => None,
        }
    }
}

/// A share of a whole, rounded down; both are non-negative and far below 2^52.
fn scaled(share: f64, whole: f64) -> usize {
    (share * whole) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for fault in FaultName::ALL {
            assert_eq!(FaultName::parse(fault.as_str()), Some(fault));
            assert!(fault.applies_to(fault.default_service()), "{fault:?} must apply to its default service");
        }
        assert_eq!(FaultName::parse("meteor"), None);
    }

    #[test]
    fn flag_faults_and_only_those_have_flags() {
        for fault in FaultName::ALL {
            assert_eq!(Amount::new(0.5).flags(fault).is_some(), fault.home() == Home::Flags, "{fault:?}");
        }
    }

    #[test]
    fn intensity_is_clamped_and_never_nothing() {
        assert_eq!(Amount::new(7.0).leak_bytes_per_sec(), 16 * 1024 * 1024);
        assert_eq!(Amount::new(-1.0).leak_bytes_per_sec(), 64 * 1024);
        assert_eq!(Amount::new(f64::NAN).burn_percent(), 50);
        assert_eq!(Amount::new(0.0).connection_leak_interval_ms(), 8000);
        assert_eq!(Amount::new(1.0).connection_leak_interval_ms(), 400);
    }
}
