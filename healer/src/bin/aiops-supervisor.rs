//! The supervisor as a program of its own, for tests of the local runtime: `aiops-supervisor RUN_DIR`.

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args_os().nth(1) {
        Some(dir) => healer::supervise(std::path::Path::new(&dir)),
        None => ExitCode::from(2),
    }
}
