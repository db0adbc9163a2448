//! Two versions of the crate in one program: a copy of this one under another number, linked beside it.
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use toml::{Table, Value};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The program: what it asserts is what is promised.
const PROGRAM: &str = r##"
use tagmeter_older as older;

static HITS: tagmeter::Counter = tagmeter::Counter::new("hits");
static OLDER_HITS: older::Counter = older::Counter::new("hits");

fn main() {
    // Each version has a global registry of its own, and statics find theirs.
    HITS.add(3);
    OLDER_HITS.add(4);
    tagmeter::counter!("orders", "city" => "Oslo").inc();
    older::counter!("visits", "city" => "Oslo").add(2);
    older::global().gauge("depth").set(1.5);
    assert_eq!(tagmeter::global().value("hits"), Some(3.0));
    assert_eq!(older::global().value("hits"), Some(4.0));

    // One page of both: what the other version counted is read from its page.
    tagmeter::global().collector("older", |families| {
        let page = older::global().snapshot().to_text();
        for family in tagmeter::parse::text::parse(&page).unwrap_or_default() {
            for sample in &family.samples {
                let (name, tags) = (format!("older_{}", family.name), tagmeter::Tags::from_iter(sample.labels.clone()));
                match family.kind {
                    tagmeter::parse::ParsedKind::Counter => _ = families.counter(name, &*family.help).set(tags, sample.value),
                    tagmeter::parse::ParsedKind::Gauge => _ = families.gauge(name, &*family.help).set(tags, sample.value),
                    _ => {}
                }
            }
        }
    });
    print!("{}", tagmeter::global().snapshot().to_text());
}
"##;

const PAGE: &str = "\
# TYPE hits_total counter
hits_total 3
# TYPE older_depth gauge
older_depth 1.5
# TYPE older_hits_total counter
older_hits_total 4
# TYPE older_visits_total counter
older_visits_total{city=\"Oslo\"} 2
# TYPE orders_total counter
orders_total{city=\"Oslo\"} 1
";

#[test]
fn both_work_each_with_a_registry_of_its_own() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("two_versions");
    write_older(&folder.join("older"));
    write_program(&folder.join("program"));
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet"])
        .current_dir(folder.join("program"))
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .env_remove("RUSTFLAGS")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), PAGE, "{said}");
}

/// A copy of this crate, with no feature and another version: cargo takes no two packages of one name and number.
fn write_older(folder: &Path) {
    copy(&Path::new(ROOT).join("src"), &folder.join("src"));
    let manifest: Table = fs::read_to_string(Path::new(ROOT).join("Cargo.toml")).unwrap().parse().unwrap();
    let is_needed = |dependency: &Value| dependency.get("optional").and_then(Value::as_bool) != Some(true);
    let needed = |dependencies: &Value| -> Table {
        let all = dependencies.as_table().unwrap().clone();
        all.into_iter().filter(|(_, dependency)| is_needed(dependency)).collect()
    };
    let mut older = Table::new();
    let kept = |key: &str| (key.to_owned(), manifest["package"][key].clone());
    let mut package: Table = ["name", "edition", "rust-version"].map(kept).into_iter().collect();
    package.insert("version".to_owned(), "0.0.1".into());
    older.insert("package".to_owned(), package.into());
    older.insert("dependencies".to_owned(), needed(&manifest["dependencies"]).into());
    let mut targets = manifest["target"].as_table().unwrap().clone();
    for (_, target) in targets.iter_mut() {
        let dependencies = needed(&target["dependencies"]);
        target.as_table_mut().unwrap().insert("dependencies".to_owned(), dependencies.into());
    }
    older.insert("target".to_owned(), targets.into());
    write(&folder.join("Cargo.toml"), &older.to_string());
}

fn write_program(folder: &Path) {
    let manifest = format!(
        "[package]\nname = \"program\"\nedition = \"2024\"\n\n[dependencies]\ntagmeter = {{ path = {ROOT:?} }}\n\
         tagmeter_older = {{ package = \"tagmeter\", path = \"../older\" }}\n\n[workspace]\n"
    );
    write(&folder.join("Cargo.toml"), &manifest);
    write(&folder.join("src/main.rs"), PROGRAM);
    // The versions that everything else is tested with.
    fs::copy(Path::new(ROOT).join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        match path.is_dir() {
            true => copy(&path, &to.join(name)),
            false => write(&to.join(name), &fs::read_to_string(&path).unwrap()),
        }
    }
}

/// Writes a file unless it is there and the same: cargo compiles what is newer.
fn write(path: &Path, text: &str) {
    if fs::read_to_string(path).ok().as_deref() != Some(text) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}
