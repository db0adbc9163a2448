//! Gathers what the targets left, writes `target/bench-results.json`, and puts the tables into `README.md` here and the
//! short one into the crate's own.
//!
//! `report show` only prints them. `report budgets FILE` compares the counts of `hot_paths` with budgets instead, and
//! `report set-budgets FILE` writes them anew.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use tagmeter_benches::budgets::Budgets;
use tagmeter_benches::{Row, goals, ratios, rows_dir, table};

/// The order of the tables.
const QUESTIONS: [&str; 12] = [
    "counter",
    "gauge",
    "histogram",
    "crowded",
    "timer",
    "lookup",
    "encode",
    "push",
    "memory",
    "creation",
    "stall_under_scrape",
    "compile",
];
const HERE: &str = env!("CARGO_MANIFEST_DIR");

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => report(),
        ["show"] => gathered().map(|rows| println!("{}\n{}", page(&rows), short(&rows))),
        ["budgets", file] => hold_to(file),
        ["set-budgets", file] => set_budgets(file),
        _ => Err("report [show | budgets FILE | set-budgets FILE]".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("report: {error}");
            ExitCode::FAILURE
        }
    }
}

fn rows_of(question: &str) -> Result<Vec<Row>, Box<dyn Error>> {
    let file = rows_dir().join(format!("{question}.json"));
    let bytes = fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(serde_json::from_slice(&bytes)?)
}

fn gathered() -> Result<Vec<Row>, Box<dyn Error>> {
    let mut rows = Vec::new();
    for question in QUESTIONS {
        match rows_of(question) {
            Ok(mut more) => rows.append(&mut more),
            Err(error) => eprintln!("left out: {error}"),
        }
    }
    if rows.is_empty() { Err("nothing was measured".into()) } else { Ok(rows) }
}

fn report() -> Result<(), Box<dyn Error>> {
    let rows = gathered()?;
    let here = Path::new(HERE);
    fs::write(here.join("../target/bench-results.json"), serde_json::to_vec_pretty(&rows)?)?;
    let page = page(&rows);
    println!("{page}");
    put(&here.join("README.md"), "results", &page)?;
    put(&here.join("../README.md"), "ratios", &short(&rows))
}

/// Everything, what tagmeter loses first.
fn page(rows: &[Row]) -> String {
    format!(
        "{}\n### Where another crate is cheaper\n\ntagmeter's best row of a group against the best other's, from a tenth \
         more on.\n\n{}\n### Goals\n\nSet before the code was written, on the machine that was measured first; *flat* is \
         within 1.3 × of what one thread needs.\n\n{}{}",
        circumstances(),
        table::losses(rows),
        goals::markdown(rows),
        table::markdown(rows),
    )
}

/// The table for the crate's own page.
fn short(rows: &[Row]) -> String {
    format!("{}, {}:\n\n{}", processor(), said("date", &["+%-d %B %Y"]), ratios::markdown(rows))
}

/// Puts a text between its marks in a file.
fn put(file: &Path, name: &str, text: &str) -> Result<(), Box<dyn Error>> {
    let (begin, end) =
        (format!("<!-- {name}: written by benches/run -->"), format!("<!-- end of {name} -->"));
    let old = fs::read_to_string(file)?;
    let parts = old.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    let (before, after) = parts.ok_or_else(|| format!("{} has no place for {name}", file.display()))?;
    Ok(fs::write(file, format!("{before}{begin}\n\n{text}\n{end}{after}"))?)
}

/// Machine, date and versions.
fn circumstances() -> String {
    format!(
        "{}; {}; {}; {}. Release profile, no LTO, no target-cpu.\n\n{}\n",
        processor(),
        said("uname", &["-sr"]),
        said("rustc", &["--version"]),
        said("date", &["+%-d %B %Y"]),
        versions(),
    )
}

fn processor() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let of = |key: &str| {
        let named = |line: &&str| line.split(':').next().is_some_and(|name| name.trim() == key);
        cpu.lines().find(named).and_then(|line| Some(line.split_once(':')?.1.trim())).unwrap_or("?")
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{} (family {}, model {}), {cores} cores", of("model name"), of("cpu family"), of("model"))
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).env("LC_ALL", "C").output();
    output.map_or_else(
        |_| format!("no {program}"),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

/// The peers that `Cargo.toml` pins.
fn versions() -> String {
    let manifest = fs::read_to_string(Path::new(HERE).join("Cargo.toml")).unwrap_or_default();
    let pinned = manifest.lines().filter_map(|line| {
        let (name, rest) = line.split_once(" = ")?;
        let version = rest.split("\"=").nth(1)?.split('"').next()?;
        Some(format!("{name} {version}"))
    });
    format!("Peers: {}.", pinned.collect::<Vec<_>>().join(", "))
}

/// The counts of `hot_paths`.
fn counts() -> Result<BTreeMap<String, f64>, Box<dyn Error>> {
    let rows = rows_of("hot_paths")?;
    let uncounted = |row: &Row| format!("{:?} was not counted", row.what);
    rows.into_iter()
        .map(|row| Ok((row.what.clone(), row.instructions_per_op.ok_or_else(|| uncounted(&row))?)))
        .collect()
}

fn hold_to(file: &str) -> Result<(), Box<dyn Error>> {
    let budgets = Budgets::parse(&fs::read_to_string(file)?)?;
    let (lines, verdict) = budgets.hold(&compiler(), &counts()?);
    print!("{lines}");
    Ok(verdict?)
}

fn set_budgets(file: &str) -> Result<(), Box<dyn Error>> {
    let budgets = Budgets::parse(&fs::read_to_string(file)?)?;
    Ok(fs::write(file, budgets.replaced(&compiler(), &counts()?))?)
}

/// Whose instructions they are.
fn compiler() -> String {
    format!("{}, for {}", said("rustc", &["--version"]), std::env::consts::ARCH)
}
