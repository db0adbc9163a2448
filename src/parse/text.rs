//! Reads Prometheus text format, 0.0.4 and 1.0.0.
//!
//! Source: Prometheus, "Exposition formats". The versions differ in names in quotes (`{"a.b",c="d"} 1`), which are read in
//! either: pages of 0.0.4 that have them are about. Blanks may stand where the format allows them; a carriage return, an
//! unknown escape, a family in two places or a series twice are errors.

use std::fmt::Write as _;

use crate::parse::braces::{Braces, Style};
use crate::parse::families::{Families, Grammar};
use crate::parse::lexer::{Cursor, OtherEscapes, lines};
use crate::parse::write::Format;
use crate::parse::{ParseError, ParsedFamily, ParsedKind, ParsedSample};
use crate::tag::label::Quotes;

/// Milliseconds of the format in a second of ours.
const MILLIS_PER_SECOND: f64 = 1000.0;

/// How the format writes braces, and names and values in quotes.
const STYLE: Style = Style::Loose;

const FORMAT: Format = Format { word, time: push_millis, quotes: Quotes::Plain, exemplars: false };

const GRAMMAR: Grammar = Grammar { kind, suffixes, claims, many_points: false, check: |_| Ok(()) };

/// Reads a page.
///
/// # Errors
///
/// Where the page is not valid, with line and column.
///
/// ```
/// let families = tagmeter::parse::text::parse("# TYPE depth gauge\n# a comment\ndepth 17\n")?;
/// assert_eq!(families[0].samples[0].value, 17.0);
/// # Ok::<(), tagmeter::parse::ParseError>(())
/// ```
pub fn parse(page: &str) -> Result<Vec<ParsedFamily>, ParseError> {
    let mut families = Families::new(GRAMMAR);
    let lines = lines(page, "")?;
    let end = lines.last().cloned().unwrap_or(Cursor::new("", 1));
    for mut line in lines {
        line.skip_blanks();
        match line.peek() {
            None => {}
            Some('#') => comment(&mut line, &mut families)?,
            Some(_) => {
                let start = line.clone();
                families.sample(&start, sample(&mut line)?)?;
            }
        }
    }
    families.finish(&end)
}

/// Families that were read from text as a page again: reading it gives the same families.
///
/// Of those read from OpenMetrics, kinds that only it has become untyped and exemplars are left out; the samples of a
/// counter `hits` are a family `hits_total` there.
///
/// ```
/// use tagmeter::parse::{openmetrics, text};
///
/// let families = openmetrics::parse("# TYPE hits counter\nhits_total 3 # {trace_id=\"ab\"} 1\n# EOF\n")?;
/// assert_eq!(text::page(&families), "# TYPE hits counter\nhits_total 3\n");
/// # Ok::<(), tagmeter::parse::ParseError>(())
/// ```
///
/// ```
/// use tagmeter::parse::text;
///
/// let families = text::parse("# a comment\nhits { city = \"Oslo\", } 3e0\n")?;
/// assert_eq!(text::page(&families), "# TYPE hits untyped\nhits{city=\"Oslo\"} 3\n");
/// # Ok::<(), tagmeter::parse::ParseError>(())
/// ```
pub fn page(families: &[ParsedFamily]) -> String {
    let mut page = String::new();
    families.iter().for_each(|family| FORMAT.push_family(&mut page, family));
    page
}

fn word(family: &ParsedFamily) -> &'static str {
    match family.kind {
        ParsedKind::Counter => "counter",
        ParsedKind::Gauge => "gauge",
        ParsedKind::Histogram => "histogram",
        ParsedKind::Summary => "summary",
        _ => "untyped",
    }
}

/// Appends the milliseconds of a time in seconds: those that were read, which beyond 2^53 are among the nearest.
fn push_millis(out: &mut String, seconds: f64) {
    let near = (seconds * MILLIS_PER_SECOND).round();
    let candidates = [near, near.next_up(), near.next_down()];
    let read = candidates.into_iter().find(|millis| millis / MILLIS_PER_SECOND == seconds);
    let _ = write!(out, "{}", read.unwrap_or(near) as i64); // Writing to a String cannot fail.
}

fn kind(word: &str) -> Option<ParsedKind> {
    Some(match word {
        "counter" => ParsedKind::Counter,
        "gauge" => ParsedKind::Gauge,
        "histogram" => ParsedKind::Histogram,
        "summary" => ParsedKind::Summary,
        "untyped" => ParsedKind::Unknown,
        _ => return None,
    })
}

fn suffixes(kind: ParsedKind) -> &'static [&'static str] {
    match kind {
        ParsedKind::Histogram => &["_bucket", "_sum", "_count"],
        ParsedKind::Summary => &["", "_sum", "_count"],
        _ => &[""],
    }
}

fn claims(kind: ParsedKind) -> &'static [&'static str] {
    match kind {
        ParsedKind::Histogram => &["", "_bucket", "_sum", "_count"],
        other => suffixes(other),
    }
}

fn comment(line: &mut Cursor<'_>, families: &mut Families) -> Result<(), ParseError> {
    let start = line.clone();
    line.expect("#", "a comment")?;
    line.skip_blanks();
    match line.word() {
        "HELP" => {
            let name = described_name(line)?;
            // One blank ends the name; others belong to the text.
            let help =
                if line.next().is_some() { line.help(OtherEscapes::Refused, "\\")? } else { String::new() };
            families.describe(&start, &name, "HELP", |family| family.help = help)
        }
        "TYPE" => {
            let name = described_name(line)?;
            line.skip_blanks();
            let kind = families.kind(&line.clone(), line.word())?;
            line.skip_blanks();
            line.expect_end()?;
            families.describe(&start, &name, "TYPE", |family| family.kind = kind)
        }
        _ => Ok(()),
    }
}

fn described_name(line: &mut Cursor<'_>) -> Result<String, ParseError> {
    line.skip_blanks();
    let name = line.family_name(STYLE.escapes())?;
    match line.peek() {
        None | Some(' ' | '\t') => Ok(name),
        Some(_) => Err(line.unexpected("a blank after the name")),
    }
}

fn sample(line: &mut Cursor<'_>) -> Result<ParsedSample, ParseError> {
    let (name, labels) = Braces::with_name(line, STYLE)?;
    line.skip_blanks();
    let value = line.number("a number")?;
    line.skip_blanks();
    let timestamp = if line.is_at_end() { None } else { Some(timestamp(line)?) };
    line.skip_blanks();
    line.expect_end()?;
    Ok(ParsedSample { name, labels, value, timestamp, exemplar: None })
}

fn timestamp(line: &mut Cursor<'_>) -> Result<f64, ParseError> {
    let start = line.clone();
    let millis: i64 = line.word().parse().map_err(|_| start.unexpected("a time in milliseconds"))?;
    Ok(millis as f64 / MILLIS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PAGE: &str = "# HELP request_seconds Time to answer: \\\\ and \\n.\n\
        # TYPE request_seconds histogram\n\
        request_seconds_bucket{route=\"/a\",le=\"0.5\"} 1\n\
        request_seconds_bucket{route=\"/a\",le=\"+Inf\"} 3\n\
        request_seconds_sum{route=\"/a\"} 2.5\n\
        request_seconds_count{route=\"/a\"} 3\n\
        \n\
        # just a comment\n\
        \tdepth { a = \"x\\\\y\\\"z\\n\" , } NaN 1500\n";

    #[test]
    fn a_page_is_read() {
        let families = parse(PAGE).unwrap();
        assert_eq!(families.len(), 2);
        assert_eq!(families[0].kind, ParsedKind::Histogram);
        assert_eq!(families[0].help, "Time to answer: \\ and \n.");
        assert_eq!(families[0].samples.len(), 4);
        let depth = &families[1].samples[0];
        assert_eq!(depth.label("a"), Some("x\\y\"z\n"));
        assert!(depth.value.is_nan());
        assert_eq!(depth.timestamp, Some(1.5));
    }

    #[test]
    fn what_is_not_valid_is_refused_where_it_stands() {
        let cases = [
            ("a 1", (1, 4)),
            ("a 1\r\n", (1, 3)),
            ("a-b 1\n", (1, 2)),
            ("9a 1\n", (1, 1)),
            ("a 0x1p-2\n", (1, 3)),
            ("a 1_000\n", (1, 3)),
            ("a 1 2.5\n", (1, 5)),
            ("a{b=\"1\",b=\"2\"} 1\n", (1, 9)),
            ("a{b=\"1\" c=\"2\"} 1\n", (1, 9)),
            ("a{b=\"\\t\"} 1\n", (1, 6)),
            ("a{,} 1\n", (1, 3)),
            ("a 1\na 1\n", (2, 1)),
            ("a 1\nb 1\na{x=\"1\"} 1\n", (3, 1)),
            ("# TYPE a gauge\n# TYPE a gauge\n", (2, 1)),
            ("# TYPE a gauge\na 1\n# HELP a x\n", (3, 1)),
            ("# TYPE a colour\n", (1, 10)),
            ("# TYPE a histogram\na_bucket{le=\"1\"} 1\n", (2, 1)),
            ("# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_count 2\n", (3, 1)),
            ("# TYPE a histogram\n# TYPE a_sum gauge\na_sum 1\n", (3, 1)),
        ];
        for (page, place) in cases {
            let error = parse(page).expect_err(page);
            assert_eq!((error.line, error.column), place, "{page:?}: {error}");
        }
    }

    #[test]
    fn names_in_quotes_are_read() {
        let page = "# TYPE \"a.b\" histogram\n# HELP \"a.b\" x\n\
            {\"a.b_bucket\",\"c d\"=\"1\",le=\"+Inf\"} 2\n{\"a.b_count\", \"c d\" = \"1\" , } 2\n";
        let families = parse(page).unwrap();
        assert_eq!((families[0].name.as_str(), families[0].samples.len()), ("a.b", 2));
        assert_eq!(families[0].samples[1].label("c d"), Some("1"));
        for (page, place) in [
            ("{a=\"1\"} 1\n", (1, 1)),
            ("a{\"b\"} 1\n", (1, 2)),
            ("# TYPE a.b gauge\n", (1, 9)),
            ("{\"\"} 1\n", (1, 2)),
        ] {
            let error = parse(page).expect_err(page);
            assert_eq!((error.line, error.column), place, "{page:?}: {error}");
        }
    }

    #[test]
    fn times_far_off_come_back() {
        for millis in [0, -1, 1500, 1_700_000_000_123, i64::MAX, i64::MIN, (1 << 53) + 2, -(1 << 60) - 512] {
            let families = parse(&format!("a 1 {millis}\n")).unwrap();
            assert_eq!(parse(&page(&families)).unwrap(), families, "{millis}");
        }
    }

    proptest! {
        #[test]
        fn times_come_back(millis in any::<i64>()) {
            let families = parse(&format!("a 1 {millis}\n")).unwrap();
            prop_assert_eq!(parse(&page(&families)).unwrap(), families);
        }

        #[test]
        fn no_page_makes_it_panic(page in "\\PC*", lines in "([#a{}=\", \\\\\n0-9.]|HELP|TYPE| histogram)*") {
            let _ = (parse(&page), parse(&lines));
        }

        #[test]
        fn no_damage_to_a_page_makes_it_panic(at in 0..PAGE.len(), length in 0..9_usize, text in ".{0,3}") {
            let mut page = PAGE.to_owned();
            page.replace_range(at..(at + length).min(PAGE.len()), &text);
            let _ = parse(&page);
        }
    }
}
