//! Platform information of this host, read from /proc.

use crate::runtime::PlatformInfo;

/// Host name, or `local`.
pub(super) fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let clean: String =
        name.trim().chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.')).take(63).collect();
    if clean.is_empty() { "local".to_owned() } else { clean }
}

fn os() -> String {
    let text = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = text.lines().find_map(|l| l.strip_prefix("PRETTY_NAME="));
    name.map_or_else(|| std::env::consts::OS.to_owned(), |n| n.trim_matches('"').to_owned())
}

fn memory_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = text.lines().find_map(|l| l.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1_024
}

/// What the host is, with `running` runs alive.
pub(super) fn info(node: &str, running: u32) -> PlatformInfo {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    PlatformInfo {
        os: os(),
        kernel: kernel.trim().to_owned(),
        arch: std::env::consts::ARCH.to_owned(),
        host: node.to_owned(),
        cpus: u32::try_from(cpus).unwrap_or(u32::MAX),
        memory_bytes: memory_bytes(),
        running,
        isolation: super::cgroup::describe().to_owned(),
        engine: String::new(),
        images: None,
    }
}
