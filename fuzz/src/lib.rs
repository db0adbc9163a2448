//! What must hold of any page and of any snapshot. One function a target.

mod snapshot;

use tagmeter::encode::{Escaping, Options, openmetrics, text};
use tagmeter::model::Snapshot;
use tagmeter::parse::{self, ParseError, ParsedFamily};

pub use snapshot::AnySnapshot;

const SCHEMES: [Escaping; 4] = [Escaping::Underscores, Escaping::AllowUtf8, Escaping::Dots, Escaping::Values];

/// A text parser: what it accepts can be written and read again; what it refuses, it refuses on the page.
pub fn text_page(page: &str) {
    read_and_write(page, parse::text::parse, parse::text::page);
}

/// As [`text_page`], for OpenMetrics.
pub fn openmetrics_page(page: &str) {
    read_and_write(page, parse::openmetrics::parse, parse::openmetrics::page);
}

fn read_and_write(
    page: &str,
    parse: fn(&str) -> Result<Vec<ParsedFamily>, ParseError>,
    write: fn(&[ParsedFamily]) -> String,
) {
    match parse(page) {
        Ok(families) => {
            let again = write(&families);
            let read = parse(&again).unwrap_or_else(|error| panic!("{error}\n{again}"));
            // As text: NaN is not equal to itself.
            assert_eq!(format!("{read:?}"), format!("{families:?}"), "{again}");
        }
        Err(error) => {
            assert!(error.line >= 1 && error.line <= page.split('\n').count(), "{error}");
            let line = page.split('\n').nth(error.line - 1).unwrap_or("");
            assert!(error.column >= 1 && error.column <= line.chars().count() + 1, "{error}");
        }
    }
}

/// The encoders: our strict parsers accept every page of any snapshot, in every format and by every scheme.
pub fn pages_of(snapshot: &Snapshot) {
    for scheme in SCHEMES {
        let options = Options::default().escaping(scheme);
        let mut page = Vec::new();
        text::encode_with(snapshot, &options, &mut page).expect("memory takes everything");
        accepted(page, parse::text::parse);
        let mut page = Vec::new();
        openmetrics::encode_with(snapshot, &options, &mut page).expect("memory takes everything");
        accepted(page, parse::openmetrics::parse);
    }
    assert!(snapshot.to_json().is_ascii());
}

fn accepted(page: Vec<u8>, parse: fn(&str) -> Result<Vec<ParsedFamily>, ParseError>) {
    let page = String::from_utf8(page).expect("a page is text");
    if let Err(error) = parse(&page) {
        panic!("{error}\n{page}");
    }
}
