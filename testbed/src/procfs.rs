//! Reads what the kernel knows of a process: memory, CPU time, threads, open files.
use std::fs;

/// A reading of one process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ProcessReading {
    /// Resident memory in bytes.
    pub(crate) resident_bytes: u64,
    /// User and system time in seconds since the start.
    pub(crate) cpu_secs: f64,
    /// Number of threads.
    pub(crate) threads: u64,
    /// Start, in clock ticks since boot; tells two processes with one pid apart.
    pub(crate) start_ticks: u64,
}

/// Says whether a process runs this same binary with `word` among its arguments.
pub(crate) fn command_holds(pid: u32, word: &str) -> bool {
    let same = |link: &str| fs::read_link(link).ok();
    let ours = same("/proc/self/exe").is_some_and(|exe| same(&format!("/proc/{pid}/exe")) == Some(exe));
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    ours && line.split(|byte| *byte == 0).any(|argument| argument == word.as_bytes())
}

/// Ticks a second in `/proc/PID/stat`: a constant of the Linux ABI (`USER_HZ`).
const USER_HZ: f64 = 100.0;

/// Reads `/proc/PID`; `None` when the process is gone.
pub(crate) fn read(pid: u32) -> Option<ProcessReading> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    parse(&stat, &status)
}

/// Number of open file descriptors; `None` when the process is gone.
pub(crate) fn open_files(pid: u32) -> Option<usize> {
    Some(fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count())
}

/// Parses `/proc/PID/stat` and `status` (man 5 proc). The command is in brackets and may hold spaces and brackets.
fn parse(stat: &str, status: &str) -> Option<ProcessReading> {
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let resident_kib: u64 = resident.trim().trim_end_matches("kB").trim_end().parse().ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(ProcessReading {
        cpu_secs: (number(11)? + number(12)?) as f64 / USER_HZ,
        threads: number(17)?,
        start_ticks: number(19)?,
        resident_bytes: resident_kib * 1024,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_with_brackets_does_not_shift_the_fields() {
        let stat =
            "7 (a) b) c) S 1 7 7 0 -1 4194560 100 0 0 0 250 150 0 0 20 0 4 0 8800 1000000 300 18446744073709551615";
        let reading = parse(stat, "Name:\tx\nVmRSS:\t    1200 kB\n").unwrap();
        assert_eq!(reading.cpu_secs, 4.0);
        assert_eq!(reading.threads, 4);
        assert_eq!(reading.start_ticks, 8800);
        assert_eq!(reading.resident_bytes, 1200 * 1024);
    }

    #[test]
    fn this_process_is_readable_and_no_process_is_none() {
        assert!(read(std::process::id()).unwrap().resident_bytes > 0);
        assert_eq!(read(u32::MAX), None);
    }
}
