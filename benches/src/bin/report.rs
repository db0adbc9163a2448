//! Gathers what the targets left, writes `target/bench-results.json`, and puts the tables into `README.md`.
//!
//! `report` does both. `report budgets FILE` compares the counts of `hot_paths` with budgets instead, and
//! `report set-budgets FILE` writes them anew.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use tagmeter_benches::{Row, rows_dir, table};

/// The order of the tables.
const QUESTIONS: [&str; 10] = [
    "counter",
    "gauge",
    "histogram",
    "timer",
    "lookup",
    "encode",
    "memory",
    "creation",
    "stall_under_scrape",
    "compile",
];
const BEGIN: &str = "<!-- results: written by benches/run -->";
const END: &str = "<!-- end of results -->";
const HERE: &str = env!("CARGO_MANIFEST_DIR");

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => report(),
        ["budgets", file] => budgets(file),
        ["set-budgets", file] => set_budgets(file),
        _ => Err("report, report budgets FILE, or report set-budgets FILE".into()),
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

fn report() -> Result<(), Box<dyn Error>> {
    let mut rows = Vec::new();
    for question in QUESTIONS {
        match rows_of(question) {
            Ok(mut more) => rows.append(&mut more),
            Err(error) => eprintln!("left out: {error}"),
        }
    }
    let results = Path::new(HERE).join("../target/bench-results.json");
    fs::write(&results, serde_json::to_vec_pretty(&rows)?)?;
    let text = format!(
        "\n{}\n## Where a peer is cheaper\n\ntagmeter's best row of a group against the best peer's, from a tenth more on.\n\n{}\n## All rows\n{}\n",
        circumstances(),
        table::losses(&rows),
        table::markdown(&rows),
    );
    println!("{text}");
    let readme = Path::new(HERE).join("README.md");
    let old = fs::read_to_string(&readme)?;
    let (before, rest) = old.split_once(BEGIN).ok_or("README.md has no place for results")?;
    let (_, after) = rest.split_once(END).ok_or("README.md has no end of results")?;
    fs::write(&readme, format!("{before}{BEGIN}\n{text}{END}{after}"))?;
    Ok(())
}

/// Machine, date and versions.
fn circumstances() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let of = |key: &str| {
        cpu.lines().find(|line| line.starts_with(key)).and_then(|line| Some(line.split_once(':')?.1.trim()))
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!(
        "{} (family {}, model {}), {cores} cores, {}; {}; {}. Release profile, no LTO, no target-cpu.\n\n{}\n",
        of("model name").unwrap_or("unknown processor"),
        of("cpu family").unwrap_or("?"),
        of("model").filter(|model| model.parse::<u32>().is_ok()).unwrap_or("?"),
        said("uname", &["-sr"]),
        said("rustc", &["--version"]),
        said("date", &["+%-d %B %Y"]),
        versions(),
    )
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

/// Counts may differ from their budget by this part, in either direction: a path that became shorter wants a new one.
const TOLERANCE: f64 = 0.02;

fn counts() -> Result<BTreeMap<String, f64>, Box<dyn Error>> {
    let rows = rows_of("hot_paths")?;
    let uncounted = |row: &Row| format!("{:?} was not counted", row.what);
    rows.into_iter()
        .map(|row| Ok((row.what.clone(), row.instructions_per_op.ok_or_else(|| uncounted(&row))?)))
        .collect()
}

fn budgets(file: &str) -> Result<(), Box<dyn Error>> {
    let budgets: BTreeMap<String, f64> = read_budgets(file)?;
    let counts = counts()?;
    let mut broken = Vec::new();
    for (path, counted) in &counts {
        let verdict = match budgets.get(path) {
            None => "has no budget",
            Some(budget) if *counted > budget * (1.0 + TOLERANCE) => "OVER its budget",
            Some(budget) if *counted < budget * (1.0 - TOLERANCE) => {
                "under its budget: write down the new count"
            }
            Some(_) => "",
        };
        let budget = budgets.get(path).map_or_else(|| "–".to_owned(), |budget| format!("{budget:.1}"));
        println!("{path:<50} {counted:>9.1} of {budget:>9} {verdict}");
        if !verdict.is_empty() {
            broken.push(path.as_str());
        }
    }
    broken.extend(budgets.keys().filter(|path| !counts.contains_key(*path)).map(String::as_str));
    if broken.is_empty() {
        return Ok(());
    }
    Err(format!("not within {} % of the budget in {file}: {}", TOLERANCE * 100.0, broken.join("; ")).into())
}

fn set_budgets(file: &str) -> Result<(), Box<dyn Error>> {
    let mut text = head_of(file)?;
    for (path, counted) in counts()? {
        text.push_str(&format!("{path} = {counted:.1}\n"));
    }
    Ok(fs::write(file, text)?)
}

/// `path = count` a line; `#` begins a comment.
fn read_budgets(file: &str) -> Result<BTreeMap<String, f64>, Box<dyn Error>> {
    let text = fs::read_to_string(file)?;
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let (path, count) =
                line.rsplit_once(" = ").ok_or_else(|| format!("{line:?} is not `path = count`"))?;
            Ok((path.to_owned(), count.parse()?))
        })
        .collect()
}

/// The comments at the top of a file of budgets.
fn head_of(file: &str) -> Result<String, Box<dyn Error>> {
    let text = fs::read_to_string(file)?;
    Ok(text.lines().take_while(|line| line.starts_with('#')).map(|line| format!("{line}\n")).collect())
}
