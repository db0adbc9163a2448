//! The cases of Prometheus' own Python tests: our parsers accept what those accept and refuse what they refuse, but for
//! the differences listed here; what ours accept, ours write again; names are escaped as theirs are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tagmeter::encode::Escaping;
use tagmeter::parse::{self, ParsedFamily};

use crate::judges::{Format, installed, run};

/// Cases at least: fewer would mean that the tests were not found or not run.
const LEAST_PAGES: usize = 300;
const LEAST_NAMES: usize = 80;

/// Pages that Python's parsers accept and ours refuse, by what ours say, and why.
const REFUSED: [(Format, &str, &str); 4] = [
    (
        Format::Text,
        "expected an escape that the format knows",
        "text has three escapes (two in help), and every other backslash has to be escaped; Go's parser refuses it too",
    ),
    (
        Format::OpenMetrics,
        "expected an escape that the format knows",
        "a backslash at the end of a help text escapes nothing: ABNF, escaped-char",
    ),
    (
        Format::Text,
        "found \",}",
        "a comma is behind a label: there is none in {,}; Go's parser refuses it too",
    ),
    (
        Format::Text,
        "series \"b\" is repeated",
        "each line must have a name and labels of its own, whatever its time; else the outcome is undefined",
    ),
];

/// Pages that Python's parsers refuse and ours accept, by what theirs say, and why.
const ACCEPTED: [(Format, &str, &str); 1] = [(
    Format::OpenMetrics,
    r#"Invalid line: # {a="\n\"\\"} 3.5"#,
    "theirs takes an escaped quote in an exemplar for the end of the value; the page is what a test of their printer expects",
)];

/// A call of a test, as `cases.py` prints it.
enum Case {
    Page { format: Format, page: String, error: Option<String>, test: String },
    Name { is_label: bool, name: String, scheme: Escaping, escaped: String },
}

/// All cases, each once.
fn cases() -> Vec<Case> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/exposition/cases.py");
    let tests = std::fs::read_dir(installed("python-tests")).unwrap();
    let tests: BTreeSet<PathBuf> = tests.map(|release| release.unwrap().path().join("tests")).collect();
    let (code, output) = run(Command::new(installed("venv/bin/python")).arg(script).args(tests), b"");
    assert_eq!(code, 0, "{output}");
    // What pytest says comes behind.
    let lines: BTreeMap<String, Value> = output
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| {
            let case: Value = serde_json::from_str(line).unwrap();
            let mut key = case.clone();
            key.as_object_mut().unwrap().remove("test");
            (key.to_string(), case)
        })
        .collect();
    lines.values().map(case).collect()
}

fn case(line: &Value) -> Case {
    let text = |key: &str| line[key].as_str().unwrap().to_owned();
    let page = |format| Case::Page {
        format,
        page: text("page"),
        error: line["error"].as_str().map(str::to_owned),
        test: text("test"),
    };
    let name = |is_label| Case::Name {
        is_label,
        name: text("name"),
        scheme: text("scheme").parse().unwrap(),
        escaped: text("escaped"),
    };
    match text("call").as_str() {
        "text" => page(Format::Text),
        "openmetrics" => page(Format::OpenMetrics),
        "metric_name" => name(false),
        "label_name" => name(true),
        other => panic!("no such call: {other}"),
    }
}

fn write(format: Format, families: &[ParsedFamily]) -> String {
    match format {
        Format::Text => parse::text::page(families),
        Format::OpenMetrics => parse::openmetrics::page(families),
    }
}

/// Why a page may be refused on one side only, where that side says this.
fn reason(known: &[(Format, &str, &'static str)], format: Format, said: &str) -> Option<&'static str> {
    known.iter().find(|(own, words, _)| *own == format && said.contains(words)).map(|(_, _, why)| *why)
}

/// That reading what we write of these families gives them again.
fn is_written_again(format: Format, families: &[ParsedFamily]) {
    let page = write(format, families);
    let again = format.read(&page).unwrap_or_else(|error| panic!("{error}\n{page}"));
    // As text: NaN is not equal to itself.
    assert_eq!(format!("{again:?}"), format!("{families:?}"), "{page}");
}

#[test]
fn pages_are_accepted_and_refused_as_pythons_tests_say() {
    let (mut pages, mut differences, mut wrong) = (0, BTreeMap::<&str, usize>::new(), Vec::new());
    for case in cases() {
        let Case::Page { format, page, error, test } = case else { continue };
        pages += 1;
        let ours = format.read(&page);
        ours.iter().for_each(|families| is_written_again(format, families));
        let (why, told) = match (ours, error) {
            (Ok(_), None) | (Err(_), Some(_)) => continue,
            (Err(ours), None) => {
                (reason(&REFUSED, format, &ours.to_string()), format!("refused here: {ours}"))
            }
            (Ok(_), Some(theirs)) => (reason(&ACCEPTED, format, &theirs), format!("accepted here: {theirs}")),
        };
        match why {
            Some(why) => *differences.entry(why).or_default() += 1,
            None => wrong.push(format!("{test} is {told}\n{page:?}")),
        }
    }
    assert!(wrong.is_empty(), "{} of {pages} pages:\n{}", wrong.len(), wrong.join("\n"));
    println!("{pages} pages, with differences on purpose: {differences:#?}");
    assert!(pages >= LEAST_PAGES, "only {pages} pages");
    assert_eq!(differences.len(), REFUSED.len() + ACCEPTED.len(), "a difference that no case shows any more");
}

#[test]
fn names_are_escaped_as_pythons_tests_say() {
    let mut names = 0;
    for case in cases() {
        let Case::Name { is_label, name, scheme, escaped } = case else { continue };
        let ours = if is_label { scheme.label_name(&name) } else { scheme.metric_name(&name) };
        // Theirs adds the quotes that ours leaves to the page.
        let quoted = escaped.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        assert_eq!(ours, quoted.unwrap_or(&escaped), "{name:?} by {scheme}");
        names += 1;
    }
    println!("{names} names");
    assert!(names >= LEAST_NAMES, "only {names} names");
}
