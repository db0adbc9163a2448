//! What a backend holds: every distinct point, how often it came, and whether its arrival was ever acknowledged.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A point as a backend tells points apart. Its value is the number of the report that it was in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Point {
    pub(crate) metric: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) timestamp: i64,
    pub(crate) report: u64,
}

impl Point {
    /// A point of a put request.
    pub(crate) fn of(put: &Value) -> Point {
        let report = put["value"].as_f64().unwrap();
        assert!(report >= 1.0 && report.fract() == 0.0, "{put}");
        Point {
            metric: put["metric"].as_str().unwrap().to_owned(),
            tags: serde_json::from_value(put["tags"].clone()).unwrap(),
            timestamp: put["timestamp"].as_i64().unwrap(),
            report: report as u64,
        }
    }

    fn series(&self) -> (&str, &BTreeMap<String, String>) {
        (&self.metric, &self.tags)
    }
}

/// A request: the process that got it, and its number there.
pub(crate) type Request = (u32, u64);

/// A line of the ledger.
#[derive(Serialize, Deserialize)]
enum Entry {
    Stored(Request, Point),
    /// Written before the client can know, so a server that is killed in between has at most said too much.
    Acknowledged(Request),
}

/// The ledger of a server that may be killed at any time: a file, a line an entry. A line that was cut off is not
/// parsed by anybody, and was not acknowledged.
pub(crate) struct Ledger(File);

impl Ledger {
    pub(crate) fn open(path: &Path) -> Ledger {
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(b"\n").unwrap();
        Ledger(file)
    }

    pub(crate) fn store(&mut self, request: Request, points: &[Point]) -> io::Result<()> {
        let entries = points.iter().map(|point| Entry::Stored(request, point.clone()));
        self.write(entries)
    }

    pub(crate) fn acknowledge(&mut self, request: Request) -> io::Result<()> {
        self.write([Entry::Acknowledged(request)])
    }

    fn write(&mut self, entries: impl IntoIterator<Item = Entry>) -> io::Result<()> {
        let lines: Vec<String> =
            entries.into_iter().map(|entry| serde_json::to_string(&entry).unwrap() + "\n").collect();
        self.0.write_all(lines.concat().as_bytes())
    }
}

/// What a backend holds.
#[derive(Debug, Default)]
pub(crate) struct Held {
    times: BTreeMap<Point, usize>,
    acknowledged: BTreeSet<Point>,
}

impl Held {
    /// What the ledger says.
    pub(crate) fn read(path: &Path) -> Held {
        let text = fs::read_to_string(path).unwrap_or_default();
        let entries: Vec<Entry> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let acknowledged: HashSet<Request> = entries.iter().filter_map(Entry::acknowledged).collect();
        let mut held = Held::default();
        for entry in entries {
            if let Entry::Stored(request, point) = entry {
                held.add(point, acknowledged.contains(&request));
            }
        }
        held
    }

    pub(crate) fn add(&mut self, point: Point, acknowledged: bool) {
        if acknowledged {
            self.acknowledged.insert(point.clone());
        }
        *self.times.entry(point).or_default() += 1;
    }

    pub(crate) fn points(&self) -> impl Iterator<Item = &Point> {
        self.times.keys()
    }

    pub(crate) fn distinct(&self) -> u64 {
        self.times.len() as u64
    }

    /// Arrivals beyond each point's first.
    pub(crate) fn duplicates(&self) -> u64 {
        self.times.values().map(|times| *times as u64 - 1).sum()
    }

    /// Points whose arrival nobody was ever told of.
    pub(crate) fn unacknowledged(&self) -> u64 {
        self.points().filter(|point| !self.acknowledged.contains(point)).count() as u64
    }

    /// Each series has one point of a report, however often it was sent: with the timestamp of its first time.
    pub(crate) fn check_times(&self) {
        let reports: BTreeSet<_> = self.points().map(|point| (point.series(), point.report)).collect();
        assert_eq!(reports.len(), self.times.len(), "a point came again with another time");
    }
}

impl Entry {
    fn acknowledged(&self) -> Option<Request> {
        match self {
            Entry::Acknowledged(request) => Some(*request),
            Entry::Stored(..) => None,
        }
    }
}
