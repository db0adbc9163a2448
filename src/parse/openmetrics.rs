//! Reads OpenMetrics 1.0.
//!
//! Source: OpenMetrics 1.0.0: one space between tokens, no blank lines, no comments, `# EOF` and nothing after it. A
//! page that breaks one of its rules is wholly invalid.

use std::fmt::Write as _;

use crate::number;
use crate::parse::braces::{Braces, Style};
use crate::parse::check::{contiguous, groups, of, series};
use crate::parse::families::{Families, Grammar};
use crate::parse::lexer::{Cursor, OtherEscapes, lines};
use crate::parse::write::Format;
use crate::parse::{Exemplar, ParseError, ParsedFamily, ParsedKind, ParsedSample};
use crate::tag::label::Quotes;

/// Most characters in the labels of an exemplar. Source: OpenMetrics 1.0.0, "Exemplars".
const EXEMPLAR_CHARS: usize = 128;

/// How the format writes braces, and names and values in quotes.
const STYLE: Style = Style::Strict;

/// What ends a page. A line feed may follow. Source: OpenMetrics 1.0.0, ABNF, `exposition`.
const EOF: &str = "# EOF";

const FORMAT: Format = Format { word, time: push_seconds, quotes: Quotes::Escaped, exemplars: true };

const GRAMMAR: Grammar = Grammar { kind, suffixes, claims, many_points: true, check };

/// Reads a page.
///
/// # Errors
///
/// Where the page is not valid, with line and column.
///
/// ```
/// let page = "# TYPE sent_bytes counter\n# UNIT sent_bytes bytes\nsent_bytes_total 3\n# EOF\n";
/// let families = tagmeter::parse::openmetrics::parse(page)?;
/// assert_eq!(families[0].unit, "bytes");
/// assert_eq!(families[0].samples[0].name, "sent_bytes_total");
/// # Ok::<(), tagmeter::parse::ParseError>(())
/// ```
pub fn parse(page: &str) -> Result<Vec<ParsedFamily>, ParseError> {
    let mut families = Families::new(GRAMMAR);
    let mut lines = lines(page, EOF)?.into_iter();
    while let Some(mut line) = lines.next() {
        let start = line.clone();
        if line.rest() == EOF {
            return match lines.next() {
                Some(after) => Err(after.unexpected("nothing after # EOF")),
                None => families.finish(&start),
            };
        }
        if line.eat("# ") {
            describe(&start, &mut line, &mut families)?;
        } else {
            families.sample(&start, sample(&mut line)?)?;
        }
    }
    let after = Cursor::new("", page.split('\n').count());
    Err(after.unexpected("# EOF"))
}

/// Families that were read from OpenMetrics as a page again: reading it gives the same families. Of those read from text
/// it makes a page as well, which need not be one of this format: there `hits_total` may be the name of a family.
///
/// ```
/// use tagmeter::parse::openmetrics;
///
/// let families = openmetrics::parse("a 1e0\n# EOF")?;
/// assert_eq!(openmetrics::page(&families), "# TYPE a unknown\na 1\n# EOF\n");
/// # Ok::<(), tagmeter::parse::ParseError>(())
/// ```
pub fn page(families: &[ParsedFamily]) -> String {
    let mut page = String::new();
    families.iter().for_each(|family| FORMAT.push_family(&mut page, family));
    page + EOF + "\n"
}

fn word(family: &ParsedFamily) -> &'static str {
    match family.kind {
        ParsedKind::Counter => "counter",
        ParsedKind::Gauge => "gauge",
        ParsedKind::Histogram => "histogram",
        ParsedKind::GaugeHistogram => "gaugehistogram",
        ParsedKind::Summary => "summary",
        ParsedKind::Info => "info",
        ParsedKind::StateSet => "stateset",
        ParsedKind::Unknown => "unknown",
    }
}

/// Appends a time without an exponent.
fn push_seconds(out: &mut String, seconds: f64) {
    let _ = write!(out, "{seconds}"); // Writing to a String cannot fail.
}

fn kind(word: &str) -> Option<ParsedKind> {
    Some(match word {
        "counter" => ParsedKind::Counter,
        "gauge" => ParsedKind::Gauge,
        "histogram" => ParsedKind::Histogram,
        "gaugehistogram" => ParsedKind::GaugeHistogram,
        "summary" => ParsedKind::Summary,
        "info" => ParsedKind::Info,
        "stateset" => ParsedKind::StateSet,
        "unknown" => ParsedKind::Unknown,
        _ => return None,
    })
}

fn suffixes(kind: ParsedKind) -> &'static [&'static str] {
    match kind {
        ParsedKind::Counter => &["_total", "_created"],
        ParsedKind::Histogram => &["_bucket", "_sum", "_count", "_created"],
        ParsedKind::GaugeHistogram => &["_bucket", "_gsum", "_gcount"],
        ParsedKind::Summary => &["", "_sum", "_count", "_created"],
        ParsedKind::Info => &["_info"],
        ParsedKind::Gauge | ParsedKind::StateSet | ParsedKind::Unknown => &[""],
    }
}

fn claims(kind: ParsedKind) -> &'static [&'static str] {
    match kind {
        ParsedKind::Counter => &["", "_total", "_created"],
        ParsedKind::Histogram => &["", "_bucket", "_sum", "_count", "_created"],
        ParsedKind::GaugeHistogram => &["", "_bucket", "_gsum", "_gcount"],
        ParsedKind::Info => &["", "_info"],
        other => suffixes(other),
    }
}

fn describe(start: &Cursor<'_>, line: &mut Cursor<'_>, families: &mut Families) -> Result<(), ParseError> {
    let before = line.clone();
    let word = line.word();
    line.expect(" ", "one space")?;
    let name = line.family_name(STYLE.escapes())?;
    line.expect(" ", "one space")?;
    match word {
        "HELP" => {
            let help = line.help(OtherEscapes::Kept, "\\\"")?;
            families.describe(start, &name, "HELP", |family| family.help = help)
        }
        "UNIT" => {
            let unit = line.take_while(|c| c == '_' || c == ':' || c.is_ascii_alphanumeric()).to_owned();
            line.expect_end()?;
            families.describe(start, &name, "UNIT", |family| family.unit = unit)
        }
        "TYPE" => {
            let kind = families.kind(&line.clone(), line.rest())?;
            families.describe(start, &name, "TYPE", |family| family.kind = kind)
        }
        _ => Err(before.unexpected("TYPE, UNIT, HELP or EOF")),
    }
}

fn sample(line: &mut Cursor<'_>) -> Result<ParsedSample, ParseError> {
    let (name, labels) = Braces::with_name(line, STYLE)?;
    line.expect(" ", "one space")?;
    let value = line.number("a number")?;
    let timestamp = timestamp(line)?;
    let exemplar = if line.eat(" # ") { Some(exemplar(line)?) } else { None };
    line.expect_end()?;
    Ok(ParsedSample { name, labels, value, timestamp, exemplar })
}

/// A time after a space, unless an exemplar comes there.
fn timestamp(line: &mut Cursor<'_>) -> Result<Option<f64>, ParseError> {
    if line.rest().starts_with(" # ") || !line.eat(" ") {
        return Ok(None);
    }
    let start = line.clone();
    let time = line.number("a time in seconds")?;
    if time.is_finite() { Ok(Some(time)) } else { Err(start.unexpected("a time in seconds")) }
}

fn exemplar(line: &mut Cursor<'_>) -> Result<Exemplar, ParseError> {
    let start = line.clone();
    let labels = Braces::labels(line, STYLE)?;
    if labels.iter().map(|(name, value)| name.chars().count() + value.chars().count()).sum::<usize>()
        > EXEMPLAR_CHARS
    {
        return Err(start.unexpected("at most 128 characters in an exemplar's labels"));
    }
    line.expect(" ", "one space")?;
    let value = line.number("a number")?;
    Ok(Exemplar { labels, value, timestamp: timestamp(line)? })
}

/// What OpenMetrics asks of a whole family beyond what text 0.0.4 does.
fn check(family: &ParsedFamily) -> Result<(), &'static str> {
    unit(family)?;
    exemplars(family)?;
    match family.kind {
        ParsedKind::Histogram => counts(family, &["_bucket", "_count"]).and_then(|()| histogram(family)),
        ParsedKind::GaugeHistogram => {
            counts(family, &["_bucket", "_gcount"]).and_then(|()| gauge_histogram(family))
        }
        ParsedKind::Counter => counters(family, &["_total"]),
        ParsedKind::Summary => summary(family),
        ParsedKind::Info => all(&family.samples, |sample| sample.value == 1.0, "a value of 1"),
        ParsedKind::StateSet => states(family),
        ParsedKind::Gauge | ParsedKind::Unknown => Ok(()),
    }?;
    let own = own_label(family);
    contiguous(family, own)?;
    series(family, own).into_iter().try_for_each(times)
}

/// The label that tells the samples of one series apart.
fn own_label(family: &ParsedFamily) -> &str {
    match family.kind {
        ParsedKind::Histogram | ParsedKind::GaugeHistogram => "le",
        ParsedKind::Summary => "quantile",
        ParsedKind::StateSet => &family.name,
        _ => "",
    }
}

fn all(
    samples: &[ParsedSample],
    holds: impl Fn(&ParsedSample) -> bool,
    rule: &'static str,
) -> Result<(), &'static str> {
    if samples.iter().all(holds) { Ok(()) } else { Err(rule) }
}

fn unit(family: &ParsedFamily) -> Result<(), &'static str> {
    let is_suffix = || family.name.strip_suffix(&family.unit).is_some_and(|rest| rest.ends_with('_'));
    match family.kind {
        _ if family.unit.is_empty() => Ok(()),
        ParsedKind::Info | ParsedKind::StateSet => Err("no unit"),
        _ if is_suffix() => Ok(()),
        _ => Err("a unit that the name ends in"),
    }
}

fn exemplars(family: &ParsedFamily) -> Result<(), &'static str> {
    let may = |sample: &ParsedSample| match family.kind {
        ParsedKind::Counter => sample.name.ends_with("_total"),
        ParsedKind::Histogram | ParsedKind::GaugeHistogram => sample.name.ends_with("_bucket"),
        _ => false,
    };
    let holds = |sample: &ParsedSample| sample.exemplar.is_none() || may(sample);
    all(&family.samples, holds, "exemplars on counters and buckets only")
}

fn counters(family: &ParsedFamily, suffixes: &[&str]) -> Result<(), &'static str> {
    let rising = |suffix: &&str| of(&family.name, suffix, &family.samples).all(|sample| sample.value >= 0.0);
    if suffixes.iter().all(rising) { Ok(()) } else { Err("counts that are numbers and not negative") }
}

/// Counters that count one by one.
fn counts(family: &ParsedFamily, suffixes: &[&str]) -> Result<(), &'static str> {
    counters(family, suffixes)?;
    let whole =
        |suffix: &&str| of(&family.name, suffix, &family.samples).all(|count| count.value.fract() == 0.0);
    if suffixes.iter().all(whole) { Ok(()) } else { Err("counts that are whole") }
}

/// Times of one series: all lines have one or none has, and it does not go back.
fn times(series: &[ParsedSample]) -> Result<(), &'static str> {
    let times = || series.iter().map(|sample| sample.timestamp);
    let in_order = times().zip(times().skip(1)).all(|pair| match pair {
        (Some(before), Some(after)) => before <= after,
        (before, after) => before.is_none() && after.is_none(),
    });
    if in_order { Ok(()) } else { Err("times that do not go back, on all lines of a series or on none") }
}

fn histogram(family: &ParsedFamily) -> Result<(), &'static str> {
    for group in distributions(family, "_sum", "_count")? {
        let mut sums = of(&family.name, "_sum", group);
        if sums.next().is_some() && has_negative_bounds(group) {
            return Err("no sum beside buckets for negative values");
        }
    }
    let sums = of(&family.name, "_sum", &family.samples);
    if sums.into_iter().all(|sum| sum.value >= 0.0) {
        Ok(())
    } else {
        Err("a sum that is a number and not negative")
    }
}

fn gauge_histogram(family: &ParsedFamily) -> Result<(), &'static str> {
    for group in distributions(family, "_gsum", "_gcount")? {
        for sum in of(&family.name, "_gsum", group) {
            if sum.value.is_nan() || (sum.value < 0.0 && !has_negative_bounds(group)) {
                return Err("a sum that is a number, and negative only beside buckets for negative values");
            }
        }
    }
    Ok(())
}

/// The groups of a histogram, each with a sum and a count or with neither, and its bounds spelled as they should be.
fn distributions<'a>(
    family: &'a ParsedFamily,
    sum: &str,
    count: &str,
) -> Result<Vec<&'a [ParsedSample]>, &'static str> {
    let groups = groups(family, "le");
    for group in &groups {
        let has = |suffix: &str| of(&family.name, suffix, group).next().is_some();
        if has(sum) != has(count) {
            return Err("a sum where there is a count and nowhere else");
        }
    }
    let spelled =
        |bucket: &ParsedSample| bound(bucket) != Some(f64::INFINITY) || bucket.label("le") == Some("+Inf");
    let all_spelled = of(&family.name, "_bucket", &family.samples).all(spelled);
    if all_spelled { Ok(groups) } else { Err("le=\"+Inf\" in this spelling") }
}

fn has_negative_bounds(group: &[ParsedSample]) -> bool {
    group.iter().any(|sample| bound(sample).is_some_and(|bound| bound < 0.0))
}

fn summary(family: &ParsedFamily) -> Result<(), &'static str> {
    counts(family, &["_count"])?;
    counters(family, &["_sum"])?;
    quantile_values(family)
}

fn bound(bucket: &ParsedSample) -> Option<f64> {
    number::parse_f64(bucket.label("le")?)
}

fn quantile_values(family: &ParsedFamily) -> Result<(), &'static str> {
    let values = of(&family.name, "", &family.samples);
    let negative = values.into_iter().any(|sample| sample.value < 0.0);
    if negative { Err("quantiles that are not negative") } else { Ok(()) }
}

fn states(family: &ParsedFamily) -> Result<(), &'static str> {
    all(&family.samples, |sample| sample.label(&family.name).is_some(), "a label with the family's name")?;
    all(&family.samples, |sample| sample.value == 0.0 || sample.value == 1.0, "states that are 0 or 1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PAGE: &str = "# TYPE request_seconds histogram\n\
        # UNIT request_seconds seconds\n\
        # HELP request_seconds A \\\"quoted\\\" word.\n\
        request_seconds_bucket{route=\"/a\",le=\"0.5\"} 1 # {trace_id=\"ab\"} 0.25 1.5\n\
        request_seconds_bucket{route=\"/a\",le=\"+Inf\"} 3\n\
        request_seconds_sum{route=\"/a\"} 2.5\n\
        request_seconds_count{route=\"/a\"} 3\n\
        # TYPE state stateset\n\
        state{state=\"on\"} 1\n\
        state{state=\"off\"} 0\n\
        # TYPE build info\n\
        build_info{version=\"1\\t\"} 1\n\
        # EOF\n";

    #[test]
    fn a_page_is_read() {
        let families = parse(PAGE).unwrap();
        assert_eq!(families.len(), 3);
        assert_eq!((families[0].unit.as_str(), families[0].help.as_str()), ("seconds", "A \"quoted\" word."));
        let exemplar = families[0].samples[0].exemplar.as_ref().unwrap();
        assert_eq!((exemplar.value, exemplar.timestamp), (0.25, Some(1.5)));
        assert_eq!(families[1].kind, ParsedKind::StateSet);
        assert_eq!(families[2].samples[0].label("version"), Some("1\\t"));
    }

    #[test]
    fn a_series_may_come_again_later_in_time() {
        assert!(parse("# TYPE a gauge\na 1 1\na 2 2\n# EOF\n").is_ok());
        assert!(parse("# TYPE a gauge\na 1 1\na 2 1\n# EOF\n").is_err());
    }

    #[test]
    fn names_in_quotes_are_read_and_written() {
        let text = "# TYPE \"a.b\" counter\n# HELP \"a.b\" x\n{\"a.b_total\",\"c d\"=\"1\"} 2\n# EOF\n";
        let families = parse(text).unwrap();
        assert_eq!(families[0].samples[0].name, "a.b_total");
        assert_eq!(page(&families), text);
    }

    #[test]
    fn times_of_a_series_do_not_go_back() {
        for samples in ["a 1 1\na 1 0.5\n", "a 1\na 1 1\n", "a 1 1\na 1\n"] {
            assert!(parse(&format!("# TYPE a gauge\n{samples}# EOF\n")).is_err(), "{samples}");
        }
    }

    #[test]
    fn a_broken_rule_makes_the_page_invalid() {
        let pages = [
            "",
            "a 1\n",
            "\n# EOF\n",
            "a 1",
            "a 1\n# EOFS",
            "# EOF\na 1\n",
            "# a comment\n# EOF\n",
            "a  1\n# EOF\n",
            "a 1 \n# EOF\n",
            "a{b=\"1\",} 1\n# EOF\n",
            "a{b=\"1\", c=\"2\"} 1\n# EOF\n",
            "a{b=\"1\"} 1\na{b=\"1\"} 1\n# EOF\n",
            "# TYPE a untyped\n# EOF\n",
            "# TYPE a  gauge\n# EOF\n",
            "# TYPE a counter\na 1\n# TYPE a gauge\n# EOF\n",
            "# TYPE a counter\na_total -1\n# EOF\n",
            "# TYPE a counter\na_total NaN\n# EOF\n",
            "# TYPE a counter\n# TYPE a_created gauge\n# EOF\n",
            "# TYPE a gauge\n# UNIT a seconds\n# EOF\n",
            "# TYPE a_x info\n# UNIT a_x x\n# EOF\n",
            "# TYPE a gauge\na 1 # {} 1\n# EOF\n",
            "# TYPE a info\na_info 2\n# EOF\n",
            "# TYPE a stateset\na 1\n# EOF\n",
            "# TYPE a stateset\na{a=\"x\"} 2\n# EOF\n",
            "# TYPE a summary\na{quantile=\"2\"} 1\n# EOF\n",
            "# TYPE a summary\na{quantile=\"0.5\"} -1\n# EOF\n",
            "# TYPE a histogram\na_bucket{le=\"1.0\"} 1\n# EOF\n",
            "# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_sum 1\n# EOF\n",
            "# TYPE a histogram\na_bucket{le=\"+INF\"} 1\n# EOF\n",
            "# TYPE a histogram\na_bucket{le=\"+Inf\"} 0.5\n# EOF\n",
            "# TYPE a gaugehistogram\na_bucket{le=\"+Inf\"} 1\na_gcount 1\na_gsum -1\n# EOF\n",
            "# TYPE a gaugehistogram\na_bucket{le=\"+Inf\"} 1\na_gcount 1\n# EOF\n",
            "# TYPE a summary\na_count 0.5\n# EOF\n",
            "# TYPE a histogram\na_bucket{le=\"-1.0\"} 0\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 1\n# EOF\n",
            "# TYPE a histogram\na_bucket{le=\"2\"} 2\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 2\n# EOF\n",
            "# TYPE a gauge\na{b=\"1\"} 1 1\na{b=\"2\"} 1 1\na{b=\"1\"} 1 1\n# EOF\n",
        ];
        pages.iter().for_each(|page| assert!(parse(page).is_err(), "{page:?}"));
    }

    proptest! {
        #[test]
        fn no_page_makes_it_panic(page in "\\PC*", lines in "([#a{}=\", \\\\\n0-9.]|HELP|TYPE| histogram|# EOF\n)*") {
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
