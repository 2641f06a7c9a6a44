//! Makes the folder of the UI exist at compile time, with a page that says how to build the real one.

use std::path::Path;

const FALLBACK: &str = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>aiops</title></head>\n\
<body><h1>The UI is not built</h1><p>build the UI with: make ui</p></body></html>\n";

fn main() -> std::io::Result<()> {
    let dist = Path::new("../frontend/dist");
    let index = dist.join("index.html");
    if !index.exists() {
        std::fs::create_dir_all(dist)?;
        std::fs::write(&index, FALLBACK)?;
    }
    let mut out = std::io::stdout().lock();
    std::io::Write::write_all(&mut out, b"cargo:rerun-if-changed=../frontend/dist\ncargo:rerun-if-changed=build.rs\n")
}
