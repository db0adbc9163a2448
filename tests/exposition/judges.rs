//! Programs that nobody here wrote, and what they say of a page.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;
use tagmeter::encode::{Escaping, LeftOut, Options, openmetrics, text};
use tagmeter::model::Snapshot;
use tagmeter::parse::{self, ParseError, ParsedFamily};

/// The text formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    OpenMetrics,
}

impl Format {
    pub(crate) const BOTH: [Format; 2] = [Format::Text, Format::OpenMetrics];

    /// The page of a snapshot, and what it could not show.
    pub(crate) fn page(self, snapshot: &Snapshot, escaping: Escaping) -> (String, Vec<LeftOut>) {
        let (mut page, options) = (Vec::new(), Options::default().escaping(escaping));
        let left_out = match self {
            Format::Text => text::encode_with(snapshot, &options, &mut page),
            Format::OpenMetrics => openmetrics::encode_with(snapshot, &options, &mut page),
        };
        (String::from_utf8(page).unwrap(), left_out.unwrap())
    }

    /// What our parser reads in a page.
    pub(crate) fn read(self, page: &str) -> Result<Vec<ParsedFamily>, ParseError> {
        match self {
            Format::Text => parse::text::parse(page),
            Format::OpenMetrics => parse::openmetrics::parse(page),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::OpenMetrics => "openmetrics",
        }
    }
}

/// What names can be escaped by.
pub(crate) const SCHEMES: [Escaping; 4] =
    [Escaping::Underscores, Escaping::AllowUtf8, Escaping::Dots, Escaping::Values];

/// Every format by every scheme.
pub(crate) fn formats_and_schemes() -> impl Iterator<Item = (Format, Escaping)> {
    Format::BOTH.into_iter().flat_map(|format| SCHEMES.map(|scheme| (format, scheme)))
}

/// Samples of a page, sorted: name, labels, and the number as text that tells `NaN` from nothing else.
pub(crate) type Samples = Vec<(String, BTreeMap<String, String>, String)>;

/// The samples that our own parser read.
pub(crate) fn samples_of(families: &[ParsedFamily]) -> Samples {
    let samples = families.iter().flat_map(|family| &family.samples);
    let mut samples: Samples = samples
        .map(|sample| (sample.name.clone(), sample.labels.iter().cloned().collect(), number(sample.value)))
        .collect();
    samples.sort();
    samples
}

pub(crate) fn number(value: f64) -> String {
    // Negative zero is the same number.
    format!("{:?}", if value == 0.0 { 0.0 } else { value })
}

/// What `promtool check metrics` finds in a page, each finding once; nothing is a clean bill.
///
/// Panics where the page does not parse.
pub(crate) fn promtool(page: &str) -> BTreeSet<String> {
    let tool = installed("pkg/forky/usr/bin/promtool");
    let (code, output) = run(Command::new(tool).args(["check", "metrics"]), page.as_bytes());
    match code {
        0 => BTreeSet::new(),
        3 => output.lines().map(str::to_owned).collect(),
        _ => panic!("promtool ends with {code}: {output}\nfor the page:\n{page}"),
    }
}

/// What Prometheus' Python parser reads in each page, or why it refuses it.
pub(crate) fn python(format: Format, pages: &[String]) -> Vec<Result<Samples, String>> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/exposition/judge.py");
    let mut input = Vec::new();
    for page in pages {
        input.extend(u32::try_from(page.len()).unwrap().to_be_bytes());
        input.extend(page.as_bytes());
    }
    let (code, output) =
        run(Command::new(installed("venv/bin/python")).args([script, format.word()]), &input);
    assert_eq!(code, 0, "{script} fails: {output}");
    let verdicts: Vec<_> = output.lines().map(|line| verdict(&serde_json::from_str(line).unwrap())).collect();
    assert_eq!(verdicts.len(), pages.len(), "one line a page: {output}");
    verdicts
}

pub(crate) fn verdict(line: &Value) -> Result<Samples, String> {
    if let Some(error) = line.get("error") {
        return Err(error.to_string());
    }
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let labels = |value: &Value| {
        value.as_object().unwrap().iter().map(|(name, value)| (name.clone(), text(value))).collect()
    };
    let sample = |sample: &Value| {
        let value: f64 = sample[2].as_str().unwrap().parse().unwrap();
        (text(&sample[0]), labels(&sample[1]), number(value))
    };
    let mut samples: Samples = line.as_array().unwrap().iter().map(sample).collect();
    samples.sort();
    Ok(samples)
}

/// A program below `BACKENDS_DIR`.
pub(crate) fn installed(program: &str) -> PathBuf {
    let here = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/backends");
    let path = std::env::var_os("BACKENDS_DIR").map_or_else(here, PathBuf::from).join(program);
    assert!(path.exists(), "{} is missing: tests/run installs what the tests need", path.display());
    path
}

/// Exit code, and standard output followed by standard error.
pub(crate) fn run(command: &mut Command, input: &[u8]) -> (i32, String) {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let output = thread::scope(|scope| {
        // A program that stops reading says why on the other end.
        scope.spawn(move || _ = stdin.write_all(input));
        child.wait_with_output().unwrap()
    });
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (output.status.code().unwrap_or(-1), text)
}
