//! What must hold of a whole family: buckets in order, `+Inf` equal to the count, labels where a kind needs them.

use std::collections::HashSet;

use crate::number;
use crate::parse::{ParsedFamily, ParsedKind, ParsedSample, Problem};

/// A rule, in the words that follow "expected".
type Rule = &'static str;

/// Checks what all formats ask, then what one asks in addition.
pub(crate) fn family(
    family: &ParsedFamily,
    further: fn(&ParsedFamily) -> Result<(), Rule>,
) -> Result<(), Problem> {
    let shared = match family.kind {
        ParsedKind::Histogram | ParsedKind::GaugeHistogram => histogram(family),
        ParsedKind::Summary => quantiles(family),
        _ => Ok(()),
    };
    let broken = |expected| Problem::Inconsistent { family: family.name.clone(), expected };
    shared.and_then(|()| further(family)).map_err(broken)
}

/// The samples of a family by series and time, neighbours together.
pub(crate) fn groups<'a>(family: &'a ParsedFamily, except: &str) -> Vec<&'a [ParsedSample]> {
    let same = |a: &ParsedSample, b: &ParsedSample| {
        a.labels_without(except) == b.labels_without(except) && a.timestamp == b.timestamp
    };
    family.samples.chunk_by(same).collect()
}

/// The samples of a family by series: what `except` tells apart, and whatever the time, neighbours together.
pub(crate) fn series<'a>(family: &'a ParsedFamily, except: &str) -> Vec<&'a [ParsedSample]> {
    let same = |a: &ParsedSample, b: &ParsedSample| a.labels_without(except) == b.labels_without(except);
    family.samples.chunk_by(same).collect()
}

/// That no series comes again after another one.
pub(crate) fn contiguous(family: &ParsedFamily, except: &str) -> Result<(), Rule> {
    let mut seen = HashSet::new();
    let series = series(family, except);
    let mut firsts = series.iter().filter_map(|series| series.first());
    let fresh = firsts.all(|sample| seen.insert(sample.labels_without(except)));
    if fresh { Ok(()) } else { Err("the lines of one series together") }
}

fn histogram(family: &ParsedFamily) -> Result<(), Rule> {
    contiguous(family, "le")?;
    groups(family, "le").iter().try_for_each(|group| buckets(&family.name, group))
}

fn buckets(name: &str, group: &[ParsedSample]) -> Result<(), Rule> {
    let mut last: Option<(f64, f64)> = None;
    for sample in of(name, "_bucket", group) {
        let bound = sample.label("le").and_then(number::parse_f64).filter(|bound| !bound.is_nan());
        let bound = bound.ok_or("a number in le")?;
        if last.is_some_and(|(before, _)| before >= bound) {
            return Err("buckets with rising bounds");
        }
        if last.is_some_and(|(_, before)| before > sample.value) {
            return Err("buckets whose counts do not fall");
        }
        last = Some((bound, sample.value));
    }
    let Some((f64::INFINITY, total)) = last else { return Err("a bucket for +Inf") };
    let counts = || of(name, "_count", group).chain(of(name, "_gcount", group));
    if counts().all(|count| count.value == total) { Ok(()) } else { Err("a count equal to the +Inf bucket") }
}

fn quantiles(family: &ParsedFamily) -> Result<(), Rule> {
    contiguous(family, "quantile")?;
    let valid = |sample: &ParsedSample| {
        let quantile = sample.label("quantile").and_then(number::parse_f64);
        quantile.is_some_and(|quantile| (0.0..=1.0).contains(&quantile))
    };
    let all = of(&family.name, "", &family.samples).all(valid);
    if all { Ok(()) } else { Err("a quantile between 0 and 1") }
}

/// The samples with a suffix.
pub(crate) fn of<'a>(
    name: &'a str,
    suffix: &'a str,
    samples: &'a [ParsedSample],
) -> impl Iterator<Item = &'a ParsedSample> {
    samples.iter().filter(move |sample| sample.name.strip_prefix(name) == Some(suffix))
}
