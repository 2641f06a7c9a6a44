//! Rules of the repository as tests: who imports whom, where heavy clients live, how long a file may be.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Crates of the workspace and the members they may import.
const MAY_IMPORT: [(&str, &[&str]); 8] = [
    ("domain", &[]),
    ("store", &["domain"]),
    ("ingest", &["domain"]),
    ("analyzer", &["domain"]),
    ("healer", &["domain"]),
    ("api", &["domain"]),
    ("testbed", &[]),
    ("aiops", &["domain", "store", "ingest", "analyzer", "healer", "api"]),
];

/// Heavy clients and the crates that may name them. The testbed is a system of its own: it has a server and databases.
const HOMES: [(&str, &[&str]); 9] = [
    ("axum", &["api", "testbed"]),
    ("sqlx", &["store", "testbed"]),
    ("redis", &["store", "testbed"]),
    ("kube", &["healer"]),
    ("bollard", &["healer"]),
    ("elasticsearch", &["ingest", "testbed"]),
    ("prometheus-http-query", &["ingest"]),
    ("linfa", &["analyzer"]),
    ("ndarray", &["analyzer"]),
];

const MAX_LINES: [(&str, usize); 4] = [("rs", 400), ("ts", 400), ("mjs", 400), ("vue", 250)];

type Manifests = BTreeMap<String, Vec<String>>;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Direct dependencies of a manifest, development ones too.
fn dependencies(manifest: &str) -> Vec<String> {
    let parsed: toml::Table = manifest.parse().expect("a valid Cargo.toml");
    ["dependencies", "dev-dependencies", "build-dependencies"]
        .iter()
        .filter_map(|section| parsed.get(*section)?.as_table())
        .flat_map(|table| table.keys().cloned())
        .collect()
}

fn manifests() -> Manifests {
    MAY_IMPORT
        .iter()
        .map(|(name, _)| {
            let folder = if *name == "aiops" { root() } else { root().join(name) };
            let text = fs::read_to_string(folder.join("Cargo.toml")).expect("every member has a Cargo.toml");
            ((*name).to_owned(), dependencies(&text))
        })
        .collect()
}

fn wrong_imports(manifests: &Manifests) -> Vec<String> {
    let members: Vec<&str> = MAY_IMPORT.iter().map(|(name, _)| *name).collect();
    let mut wrong = Vec::new();
    for (name, deps) in manifests {
        let allowed = MAY_IMPORT.iter().find(|(n, _)| n == name).map_or(&[][..], |(_, a)| *a);
        for dep in deps {
            if members.contains(&dep.as_str()) && !allowed.contains(&dep.as_str()) {
                wrong.push(format!("{name} imports {dep}"));
            }
            if HOMES.iter().any(|(client, homes)| client == dep && !homes.contains(&name.as_str())) {
                wrong.push(format!("{name} uses {dep}"));
            }
        }
    }
    wrong
}

fn source_files(folder: &Path, found: &mut Vec<PathBuf>) {
    const SKIP: [&str; 6] = ["target", "node_modules", "dist", ".git", ".dev", "data"];
    for entry in fs::read_dir(folder).expect("a readable folder").flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() && !SKIP.contains(&name.as_str()) {
            source_files(&path, found);
        } else if path.is_file() {
            found.push(path);
        }
    }
}

/// Files of more lines than their kind may have. Generated files say so in their name.
fn too_long<'a>(files: impl Iterator<Item = (&'a str, usize)>) -> Vec<String> {
    files
        .filter(|(name, _)| !name.contains("generated") && !name.ends_with("schema.d.ts"))
        .filter(|(name, lines)| MAX_LINES.iter().any(|(ext, max)| name.ends_with(&format!(".{ext}")) && lines > max))
        .map(|(name, lines)| format!("{name}: {lines} lines"))
        .collect()
}

#[test]
fn imports_go_one_way_and_heavy_clients_have_one_home() {
    assert_eq!(wrong_imports(&manifests()), Vec::<String>::new());
}

#[test]
fn a_seeded_wrong_import_is_found() {
    let mut seeded = manifests();
    seeded.get_mut("healer").expect("a member").push("ingest".to_owned());
    seeded.get_mut("api").expect("a member").push("sqlx".to_owned());
    assert_eq!(wrong_imports(&seeded), ["api uses sqlx", "healer imports ingest"]);
}

/// Lines of the healer that reach the outside world, and are not in the two folders that may.
fn stray_effects<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<String> {
    const EFFECTS: [&str; 4] = ["Command::new", "reqwest::", "TcpStream", "kill_process"];
    files
        .filter(|(name, _)| name.starts_with("healer/src/") && !name.contains("/bin/"))
        .filter(|(name, _)| !name.starts_with("healer/src/runtime") && !name.starts_with("healer/src/notify"))
        .filter(|(_, text)| EFFECTS.iter().any(|effect| text.contains(effect)))
        .map(|(name, _)| name.to_owned())
        .collect()
}

#[test]
fn effects_happen_in_runtimes_and_notifiers_only() {
    let mut files = Vec::new();
    source_files(&root().join("healer/src"), &mut files);
    let read: Vec<(String, String)> = files
        .iter()
        .filter_map(|p| {
            Some((p.strip_prefix(root()).ok()?.to_string_lossy().into_owned(), fs::read_to_string(p).ok()?))
        })
        .collect();
    assert!(read.len() > 20, "the walk found the healer");
    assert_eq!(stray_effects(read.iter().map(|(n, t)| (n.as_str(), t.as_str()))), Vec::<String>::new());
    let seeded = [("healer/src/plan.rs", "std::process::Command::new(\"sh\")")];
    assert_eq!(stray_effects(seeded.into_iter()), ["healer/src/plan.rs"], "a seeded break is found");
}

#[test]
fn no_file_is_too_long() {
    let mut files = Vec::new();
    source_files(&root(), &mut files);
    assert!(files.len() > 100, "the walk found the sources");
    let counted: Vec<(String, usize)> = files
        .iter()
        .filter_map(|p| {
            let text = fs::read_to_string(p).ok()?;
            Some((p.strip_prefix(root()).ok()?.to_string_lossy().into_owned(), text.lines().count()))
        })
        .collect();
    assert_eq!(too_long(counted.iter().map(|(n, l)| (n.as_str(), *l))), Vec::<String>::new());
}

#[test]
fn a_seeded_long_file_is_found() {
    let files = [("a.rs", 401), ("b.vue", 251), ("c.rs", 400), ("schema.d.ts", 9_000), ("d.md", 5_000)];
    assert_eq!(too_long(files.into_iter()), ["a.rs: 401 lines", "b.vue: 251 lines"]);
}

#[test]
fn every_rust_file_says_its_job_in_its_first_line() {
    let mut files = Vec::new();
    source_files(&root(), &mut files);
    let silent: Vec<_> = files
        .iter()
        .filter(|p| p.extension().is_some_and(|e| e == "rs"))
        .filter(|p| fs::read_to_string(p).is_ok_and(|t| !t.starts_with("//!")))
        .collect();
    assert!(silent.is_empty(), "no //! line at the top: {silent:?}");
}
