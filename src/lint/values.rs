//! What was recorded: buckets that do not fit, and too many series.

use super::Rule;
use crate::model::{Family, HistogramValue, Shape, Value};
use crate::registry::Definition;

/// Bounds beyond which buckets are many. A histogram of 10 tags then is 400 series.
pub(super) const MANY_BOUNDS: usize = 40;
/// Values below which nothing is said about buckets.
const ENOUGH_VALUES: u64 = 100;
/// Of 10 values, how many may be in one bucket.
const MOST_IN_ONE: u64 = 9;
/// Of 10 series that there may be, how many are no finding.
const MOST_SERIES: usize = 8;

pub(super) fn examine(family: &Family, definition: Option<&Definition>, rules: &mut Vec<Rule>) {
    let histograms: Vec<&HistogramValue> =
        family.series.iter().filter_map(|series| classic(series.value)).collect();
    let defined = definition.filter(|definition| definition.shape == Shape::Histogram);
    let defined =
        defined.and_then(|definition| definition.buckets.as_ref()).map(|buckets| buckets.bounds().len());
    let recorded = histograms.iter().map(|histogram| histogram.buckets.bounds().len()).max();
    rules.extend(
        defined
            .max(recorded)
            .filter(|bounds| *bounds > MANY_BOUNDS)
            .map(|bounds| Rule::ManyBuckets { bounds }),
    );
    rules.extend(unfit(&histograms));
    if let Some(Definition { max_series: most, .. }) = definition {
        let series = family.series.len();
        if series > 1 && series.saturating_mul(10) > most.saturating_mul(MOST_SERIES) {
            rules.push(Rule::ManySeries { series, most: *most });
        }
    }
}

/// A histogram that shows classic buckets and nothing better.
fn classic(value: &Value) -> Option<&HistogramValue> {
    let histogram = match value {
        Value::Histogram(histogram) => &**histogram,
        Value::Timer(timer) => &timer.durations,
        _ => return None,
    };
    let shows_buckets = histogram.shape == Shape::Histogram && histogram.native.is_none();
    (shows_buckets && !histogram.buckets.bounds().is_empty()).then_some(histogram)
}

/// Buckets that tell little about the values of all series together.
fn unfit(histograms: &[&HistogramValue]) -> Option<Rule> {
    let bounds = histograms.first()?.buckets.bounds();
    let mut totals = vec![0_u64; bounds.len() + 1];
    for histogram in histograms.iter().filter(|histogram| histogram.buckets.bounds() == bounds) {
        let sum = |(total, count): (&mut u64, &u64)| *total = total.saturating_add(*count);
        totals.iter_mut().zip(&histogram.counts).for_each(sum);
    }
    let values = totals.iter().fold(0_u64, |all, count| all.saturating_add(*count));
    let (fullest, in_one) = totals.iter().copied().enumerate().max_by_key(|(_, count)| *count)?;
    let is_unfit = values >= ENOUGH_VALUES && in_one / MOST_IN_ONE > values / 10;
    let up_to = bounds.get(fullest).copied().unwrap_or(f64::INFINITY);
    is_unfit.then_some(Rule::UnfitBuckets { values, in_one, up_to })
}
