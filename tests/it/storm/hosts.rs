//! What a storm finds on the host: supervisors, scripts, processes and folders that are left.

use super::check::Struck;
use super::drive::Random;
use rustix::process::{Pid, Signal, kill_process};
use std::path::Path;

fn pids() -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten();
    entries.filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// Words of a process's command line.
fn words(pid: i32) -> Vec<String> {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    bytes.split(|b| *b == 0).map(|w| String::from_utf8_lossy(w).into_owned()).collect()
}

/// Parent, and whether it is only an entry that nobody has collected yet.
fn parent(pid: i32) -> Option<(i32, bool)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let dead = matches!(fields.next()?, "Z" | "X");
    Some((fields.next()?.parse().ok()?, dead))
}

/// Supervisors of runs below `dir`: process and id of the run.
fn supervisors(dir: &Path) -> Vec<(i32, String)> {
    let below = dir.display().to_string();
    let of = |pid: i32| {
        let words = words(pid);
        let at = words.iter().position(|w| w == "supervise")?;
        let folder = words.get(at + 1).filter(|f| f.starts_with(&below))?;
        let name = Path::new(folder).file_name()?.to_str()?;
        Some((pid, name.rsplit_once('.')?.0.to_owned()))
    };
    pids().into_iter().filter_map(of).collect()
}

/// Kills the supervisor or the script of one run at random; which run it was.
pub(crate) fn strike(dir: &Path, what: Struck, random: &mut Random) -> Option<(String, Struck)> {
    let mut all = supervisors(dir);
    let owners: Vec<i32> = all.iter().map(|(pid, _)| *pid).collect();
    // Of two with the same words the child is about to become the script.
    all.retain(|(pid, _)| parent(*pid).is_some_and(|(of, dead)| !dead && !owners.contains(&of)));
    if all.is_empty() {
        return None;
    }
    let (supervisor, run) = all.swap_remove(usize::try_from(random.below(all.len() as u64)).unwrap_or(0));
    let victim = match what {
        Struck::Supervisor => supervisor,
        Struck::Script => {
            let child = |pid: &i32| parent(*pid).is_some_and(|(of, dead)| of == supervisor && !dead);
            pids().into_iter().find(child)?
        }
    };
    kill_process(Pid::from_raw(victim)?, Signal::KILL).ok()?;
    Some((run, what))
}

/// Processes of runs below `dir` that live: supervisors, and what has a run's folder as its own or in its environment.
pub(crate) fn alive(dir: &Path) -> Vec<String> {
    let runs = dir.join("data/runs");
    let mark = runs.display().to_string();
    let of_run = |pid: &i32| {
        let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let environ = String::from_utf8_lossy(&environ);
        let folder = std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(&runs));
        let living = parent(*pid).is_some_and(|(_, dead)| !dead);
        living && (folder || environ.contains(&mark) || words(*pid).iter().any(|w| w.starts_with(&mark)))
    };
    pids().into_iter().filter(of_run).map(|pid| format!("{pid} {}", words(pid).join(" "))).collect()
}

/// Folders of runs that are left below `dir`.
pub(crate) fn left(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir.join("data/runs")).into_iter().flatten().flatten();
    let names = entries.filter_map(|e| e.file_name().into_string().ok());
    names
        .filter(|n| n.rsplit_once('.').is_some_and(|(id, epoch)| id.len() == 36 && epoch.parse::<i64>().is_ok()))
        .collect()
}
