//! A measured line, and where it is kept between the targets and the report.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// One line of the results.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    /// The bench target.
    pub question: String,
    /// The work within the question; ratios are taken inside a group, whose first row is the bare machine.
    pub group: String,
    /// What was called.
    pub what: String,
    /// The crate, or `machine`.
    pub peer: String,
    /// How many threads did it at once, on one instrument.
    pub threads: usize,
    /// Core time of one operation: wall time times the cores in use, divided by the operations of all threads.
    pub ns_per_op: Option<f64>,
    /// As callgrind counts them, loop included; of one thread.
    pub instructions_per_op: Option<f64>,
    /// Numbers of another kind: bytes, percentiles, seconds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub more: BTreeMap<String, f64>,
}

impl Row {
    /// A row with nothing measured yet, of one thread.
    pub fn new(question: &str, group: &str, peer: &str, what: &str) -> Self {
        Row {
            question: question.into(),
            group: group.into(),
            what: what.into(),
            peer: peer.into(),
            threads: 1,
            ns_per_op: None,
            instructions_per_op: None,
            more: BTreeMap::new(),
        }
    }

    /// Adds a number of another kind.
    pub fn with(mut self, name: &str, value: f64) -> Self {
        self.more.insert(name.into(), value);
        self
    }
}

/// Where each target leaves its rows: `target/bench-rows` beside the crate, or `$BENCH_ROWS`.
pub fn rows_dir() -> PathBuf {
    match std::env::var_os("BENCH_ROWS") {
        Some(dir) => dir.into(),
        None => PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/bench-rows")),
    }
}

/// Leaves the rows of a question for the report.
pub(crate) fn keep(question: &str, rows: &[Row]) -> std::io::Result<()> {
    let dir = rows_dir();
    std::fs::create_dir_all(&dir)?;
    std::fs::write(dir.join(format!("{question}.json")), serde_json::to_vec_pretty(rows)?)
}
