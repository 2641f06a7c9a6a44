//! A full disk below the runs: what was printed is kept, and the end is recorded when there is room again.

use crate::support::{end_of, eventually, limits, request, supervisor, texts};
use healer::runtime::local::LocalRuntime;
use healer::runtime::{Runtime, RuntimeError};
use std::io::Write as _;
use std::process::Command;

/// A small disk, given back at the end.
struct Disk(tempfile::TempDir);

impl Disk {
    fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().expect("a folder");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "none"]).arg(dir.path()).output();
        mounted.is_ok_and(|o| o.status.success()).then_some(Self(dir))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(self.0.path()).status().ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_keeps_what_was_printed() {
    let Some(disk) = Disk::mount() else {
        let told = writeln!(std::io::stderr(), "skipped: a_full_disk_keeps_what_was_printed needs the right to mount");
        return told.expect("told");
    };
    let dir = disk.0.path();
    let runtime = LocalRuntime::new(dir, vec![supervisor()], limits()).expect("runtime");
    let body = "echo before; cat /dev/zero > \"$HOME/ballast\" 2>/dev/null; echo full; sleep 1; echo after; exit 4";
    let request = request(body);
    runtime.start(&request).await.expect("start");
    let ballast = dir.join(format!("{}.1/work/ballast", request.handle.run_id));
    eventually("the disk is full", async || {
        // Nothing can be started meanwhile, and it is said why.
        let next = crate::support::request("echo x");
        match runtime.start(&next).await {
            Err(RuntimeError::Unavailable { what, source }) => {
                let why = format!("{what}: {source:?}");
                assert!(why.contains("cannot"), "{why}");
                Some(())
            }
            _ => None,
        }
    })
    .await;
    // Longer than the script: its last lines and its end wait for room.
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    std::fs::remove_file(&ballast).expect("room again");
    let end = end_of(&runtime, request.handle).await;
    assert_eq!(end.exit_code, Some(4), "{end:?}");
    assert_eq!(texts(&runtime, request.handle).await, ["before", "full", "after"]);
}
