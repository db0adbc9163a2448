//! The Prometheus view of a snapshot: exposed families, and under them samples made of a suffix, the series' labels,
//! one label more, and a number. The formats for Prometheus and its kin read this and nothing else.
//!
//! No two families come out with a name in common. Samples are handed to a closure one by one, so that a page allocates
//! by families and not by samples.

use std::collections::HashMap;

use crate::encode::Options;
use crate::encode::exposed::{Exposed, Type, WINDOW};
use crate::encode::left_out::{LeftOut, Reason};
use crate::model::{
    Exemplar, Family, HistogramValue, Number, Shape, Snapshot, StateSetValue, SummaryValue, Value,
};
use crate::name::Name;
use crate::number;
use crate::stat::Rates;
use crate::tag::label;

/// What a format asks of families and samples beyond their spelling.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// The suffixes that make the names which a family of a type occupies.
    pub(crate) claims: fn(Type) -> &'static [&'static str],
    /// Whether sums that can fall, and negative quantiles, have no place in histograms and summaries.
    pub(crate) rising_only: bool,
    /// What follows a gauge histogram's name where its sum and its count stand.
    pub(crate) gauge_sum_and_count: [&'static str; 2],
}

/// The exposed families of a snapshot, by name, and what could not be among them.
#[derive(Debug)]
pub(crate) struct Samples<'a> {
    pub(crate) families: Vec<Exposed<'a>>,
    pub(crate) left_out: Vec<LeftOut>,
}

impl<'a> Samples<'a> {
    /// Lowers a snapshot. Families claim their names in the order of registration.
    pub(crate) fn of(snapshot: &'a Snapshot, options: &Options, rules: &Rules) -> Self {
        let mut samples = Samples { families: Vec::new(), left_out: Vec::new() };
        let mut owners = HashMap::new();
        for family in snapshot.families().iter().filter(|family| !family.series.is_empty()) {
            samples.add(family, options, rules, &mut owners);
        }
        samples.families.sort_by(|a, b| a.name.cmp(&b.name));
        samples
    }

    fn add(
        &mut self,
        family: &'a Family,
        options: &Options,
        rules: &Rules,
        owners: &mut HashMap<String, &'a Name>,
    ) {
        let exposed = Exposed::of(family, options.escaping);
        let rates = if options.rates { exposed.rates() } else { None };
        let claims: Vec<String> =
            [&exposed].into_iter().chain(&rates).flat_map(|one| claims(one, rules)).collect();
        if let Some((name, by)) = claims.iter().find_map(|claim| owners.get_key_value(claim)) {
            let reason = Reason::NameTaken { name: name.clone(), by: (*by).clone() };
            return self.left_out.push(LeftOut { family: family.name.clone(), reason });
        }
        owners.extend(claims.into_iter().map(|claim| (claim, &family.name)));
        if exposed.clashing_series() > 0 {
            let reason = Reason::TagsEqual { series: exposed.clashing_series() };
            self.left_out.push(LeftOut { family: family.name.clone(), reason });
        }
        self.families.extend([exposed].into_iter().chain(rates));
    }
}

fn claims<'r>(exposed: &'r Exposed<'_>, rules: &Rules) -> impl Iterator<Item = String> + use<'r> {
    (rules.claims)(exposed.kind).iter().map(|suffix| format!("{}{suffix}", exposed.name))
}

/// One line of a page, without what it shares with the others of its series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample<'a> {
    /// What follows the family's name.
    pub(crate) suffix: &'static str,
    /// The label that is not the series' own, as it stands on a page.
    pub(crate) extra: Option<&'a str>,
    pub(crate) value: SampleValue,
    pub(crate) exemplar: Option<&'a Exemplar>,
}

/// A number that remembers whether it is a count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum SampleValue {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
}

/// The value of the only sample of a series, in families that have a [suffix](Exposed::number_suffix) for it.
#[inline]
pub(crate) fn only_number(value: &Value) -> Option<SampleValue> {
    match value {
        Value::Counter(Number::Integer(total)) => Some(SampleValue::Unsigned(*total)),
        Value::Counter(Number::Float(total)) => Some(SampleValue::Float(*total)),
        Value::UpDownCounter(level) => Some(SampleValue::Signed(*level)),
        Value::Gauge(level) | Value::Unknown(level) => Some(SampleValue::Float(*level)),
        _ => None,
    }
}

#[inline]
fn suffixed(suffix: &'static str, value: SampleValue) -> Sample<'static> {
    Sample { suffix, extra: None, value, exemplar: None }
}

#[inline]
fn labelled<'a>(suffix: &'static str, extra: &'a str, value: SampleValue) -> Sample<'a> {
    Sample { suffix, extra: Some(extra), value, exemplar: None }
}

/// Takes series apart into samples. Keeps the labels of bucket bounds, which a family's series mostly share.
#[derive(Debug)]
pub(crate) struct Sampler {
    rules: Rules,
    bounds: Vec<f64>,
    bound_labels: Vec<String>,
    label: String,
}

impl Sampler {
    pub(crate) fn new(rules: Rules) -> Self {
        Sampler { rules, bounds: Vec::new(), bound_labels: Vec::new(), label: String::new() }
    }

    /// Hands the samples of a series to `each`, with such of its exemplars as there is a place for.
    pub(crate) fn samples(
        &mut self,
        family: &Exposed<'_>,
        value: &Value,
        exemplars: &[&Exemplar],
        mut each: impl FnMut(Sample<'_>),
    ) {
        match value {
            Value::Counter(_) if !exemplars.is_empty() => {
                let suffix = family.number_suffix().unwrap_or("");
                let exemplar = exemplars.last().copied();
                only_number(value)
                    .into_iter()
                    .for_each(|number| each(Sample { exemplar, ..suffixed(suffix, number) }));
            }
            Value::Counter(_) | Value::UpDownCounter(_) | Value::Gauge(_) | Value::Unknown(_) => {
                let suffix = family.number_suffix().unwrap_or("");
                only_number(value).into_iter().for_each(|number| each(suffixed(suffix, number)));
            }
            Value::Histogram(histogram) | Value::GaugeHistogram(histogram) => {
                self.distribution(family.kind, histogram, exemplars, each)
            }
            Value::Summary(given) => self.given_summary(given, each),
            Value::Timer(timer) => self.distribution(family.kind, &timer.durations, exemplars, each),
            Value::Meter(meter) if family.kind == Type::Gauge => self.rates(&meter.rates, each),
            Value::Meter(meter) => {
                each(suffixed(total_suffix(family.kind), SampleValue::Unsigned(meter.count)))
            }
            Value::Info(_) if family.kind == Type::Gauge => each(suffixed("", SampleValue::Unsigned(1))),
            Value::Info(_) => each(suffixed("_info", SampleValue::Unsigned(1))),
            Value::StateSet(states) => self.states(&family.name, states, each),
        }
    }

    fn distribution(
        &mut self,
        kind: Type,
        histogram: &HistogramValue,
        exemplars: &[&Exemplar],
        mut each: impl FnMut(Sample<'_>),
    ) {
        match kind {
            Type::Summary => self.summary(histogram, each),
            _ if exemplars.is_empty() => self.of_kind(kind, histogram, each),
            _ => {
                let mut bucket = 0;
                self.of_kind(kind, histogram, |sample| {
                    let exemplar = newest_in(histogram, bucket, exemplars);
                    bucket += 1;
                    each(Sample { exemplar, ..sample });
                });
            }
        }
    }

    fn of_kind(&mut self, kind: Type, histogram: &HistogramValue, each: impl FnMut(Sample<'_>)) {
        match kind {
            Type::GaugeHistogram => self.gauge_histogram(histogram, each),
            _ => self.histogram(histogram, each),
        }
    }

    fn histogram(&mut self, histogram: &HistogramValue, mut each: impl FnMut(Sample<'_>)) {
        let total = self.buckets(histogram, &mut each);
        if self.shows_sum(histogram) {
            each(suffixed("_sum", SampleValue::Float(histogram.sum)));
            each(suffixed("_count", SampleValue::Unsigned(total)));
        }
    }

    /// As a histogram, but for the names that OpenMetrics has for count and sum, and its rule when there is a sum.
    fn gauge_histogram(&mut self, histogram: &HistogramValue, mut each: impl FnMut(Sample<'_>)) {
        let total = self.buckets(histogram, &mut each);
        let [sum, count] = self.rules.gauge_sum_and_count;
        if !self.rules.rising_only || histogram.sum >= 0.0 || has_negative_buckets(histogram) {
            each(suffixed(sum, SampleValue::Float(histogram.sum)));
            each(suffixed(count, SampleValue::Unsigned(total)));
        }
    }

    /// Hands the buckets to `each`; gives the count of the last.
    fn buckets(&mut self, histogram: &HistogramValue, each: &mut impl FnMut(Sample<'_>)) -> u64 {
        self.spell(histogram.buckets.bounds());
        let mut counts = histogram.counts.iter();
        let mut total = 0_u64;
        for bound in &self.bound_labels {
            total = total.wrapping_add(counts.next().copied().unwrap_or(0));
            each(labelled("_bucket", bound, SampleValue::Unsigned(total)));
        }
        total = counts.fold(total, |total, count| total.wrapping_add(*count));
        each(labelled("_bucket", r#"le="+Inf""#, SampleValue::Unsigned(total)));
        total
    }

    /// A sum that can fall is no counter; nor is one beside buckets for negative values. The count goes with it, and
    /// stands in the last bucket anyway.
    fn shows_sum(&self, histogram: &HistogramValue) -> bool {
        !self.rules.rising_only || !(histogram.sum_can_fall || has_negative_buckets(histogram))
    }

    fn summary(&mut self, histogram: &HistogramValue, mut each: impl FnMut(Sample<'_>)) {
        if let Shape::Summary(quantiles) = &histogram.shape {
            in_order(quantiles).for_each(|q| {
                let value = histogram.quantile(q).map_or(f64::NAN, |quantile| quantile.value());
                self.quantile(q, value, &mut each);
            });
        }
        self.sum_and_count(histogram.sum, histogram.sum_can_fall, histogram.count(), each);
    }

    fn given_summary(&mut self, given: &SummaryValue, mut each: impl FnMut(Sample<'_>)) {
        given.quantiles.iter().for_each(|(q, value)| self.quantile(*q, *value, &mut each));
        self.sum_and_count(given.sum, given.sum_can_fall, given.count, each);
    }

    fn sum_and_count(&self, sum: f64, can_fall: bool, count: u64, mut each: impl FnMut(Sample<'_>)) {
        if !(self.rules.rising_only && can_fall) {
            each(suffixed("_sum", SampleValue::Float(sum)));
        }
        each(suffixed("_count", SampleValue::Unsigned(count)));
    }

    fn quantile(&mut self, q: f64, value: f64, each: &mut impl FnMut(Sample<'_>)) {
        if !(self.rules.rising_only && value < 0.0) {
            set_number_label(&mut self.label, "quantile", q);
            each(labelled("", &self.label, SampleValue::Float(value)));
        }
    }

    fn states(&mut self, name: &str, set: &StateSetValue, mut each: impl FnMut(Sample<'_>)) {
        for (state, on) in states(set) {
            self.label.clear();
            label::push_label(&mut self.label, name, state);
            each(labelled("", &self.label, SampleValue::Unsigned(u64::from(on))));
        }
    }

    fn rates(&mut self, rates: &Rates, mut each: impl FnMut(Sample<'_>)) {
        for (window, rate) in named_rates(rates) {
            self.label.clear();
            label::push_label(&mut self.label, WINDOW, window);
            each(labelled("", &self.label, SampleValue::Float(rate)));
        }
    }

    fn spell(&mut self, bounds: &[f64]) {
        if self.bounds != bounds {
            self.bounds = bounds.to_vec();
            self.bound_labels = vec![String::new(); bounds.len()];
            let labels = self.bound_labels.iter_mut().zip(bounds);
            labels.for_each(|(label, bound)| set_number_label(label, "le", *bound));
        }
    }
}

/// The newest of some exemplars that lies in a bucket; none in what is no bucket.
pub(crate) fn newest_in<'e>(
    histogram: &HistogramValue,
    bucket: usize,
    exemplars: &[&'e Exemplar],
) -> Option<&'e Exemplar> {
    let lies_there = |exemplar: &&&Exemplar| histogram.buckets.index_of(exemplar.value()) == bucket;
    exemplars.iter().rev().find(lies_there).copied()
}

fn has_negative_buckets(histogram: &HistogramValue) -> bool {
    histogram.buckets.bounds().first().is_some_and(|bound| *bound < 0.0)
}

fn total_suffix(kind: Type) -> &'static str {
    if kind == Type::BareCounter { "" } else { "_total" }
}

fn set_number_label(label: &mut String, key: &str, number: f64) {
    label.clear();
    label.push_str(key);
    label.push_str("=\"");
    number::push_bound(label, number);
    label.push('"');
}

/// The quantiles between 0 and 1, rising, none twice. There are few: looking for the next costs less than a sorted copy.
pub(crate) fn in_order(quantiles: &[f64]) -> impl Iterator<Item = f64> {
    let next = |after: f64| {
        let later = quantiles.iter().copied().filter(move |q| *q > after && (0.0..=1.0).contains(q));
        later.min_by(f64::total_cmp)
    };
    std::iter::successors(next(-1.0), move |q| next(*q))
}

/// States and whether they are on, none twice.
pub(crate) fn states(set: &StateSetValue) -> impl Iterator<Item = (&str, bool)> {
    let all = set.states.iter().zip(&set.on).enumerate();
    let first = all.filter(|(at, (state, _))| !set.states.iter().take(*at).any(|earlier| earlier == *state));
    first.map(|(_, (state, on))| (&**state, *on))
}

/// A meter's rates, by the value of the label that tells them apart.
pub(crate) fn named_rates(rates: &Rates) -> [(&'static str, f64); 4] {
    [
        ("mean", rates.mean),
        ("1m", rates.one_minute),
        ("5m", rates.five_minutes),
        ("15m", rates.fifteen_minutes),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::{openmetrics, text};
    use crate::registry::Registry;
    use crate::stat::Buckets;

    fn page(registry: &Registry) -> String {
        openmetrics::encode(&registry.snapshot())
    }

    fn left_out(registry: &Registry) -> Vec<LeftOut> {
        openmetrics::encode_into(&registry.snapshot(), &mut std::io::sink()).unwrap()
    }

    #[test]
    fn families_come_by_exposed_name_and_series_by_creation() {
        let registry = Registry::new();
        registry.gauge(("b", [("t", "2")])).set(1.0);
        registry.gauge(("b", [("t", "1")])).set(2.0);
        registry.gauge(".a").set(3.0);
        let expected = "# TYPE _a gauge\n_a 3.0\n# TYPE b gauge\nb{t=\"2\"} 1.0\nb{t=\"1\"} 2.0\n# EOF\n";
        assert_eq!(page(&registry), expected);
    }

    #[test]
    fn the_family_registered_first_keeps_a_name_that_two_need() {
        let registry = Registry::new();
        registry.gauge("orders_created").set(1.0);
        registry.counter("orders").inc();
        let reason = Reason::NameTaken { name: "orders_created".into(), by: "orders_created".into() };
        assert_eq!(left_out(&registry), [LeftOut { family: "orders".into(), reason }]);
        assert!(!page(&registry).contains("orders_total"));
        assert!(registry.snapshot().to_text().contains("orders_total 1\n"), "text reserves no such name");
    }

    #[test]
    fn a_meter_is_left_out_with_its_rates() {
        let registry = Registry::new();
        registry.gauge("order_rate").set(1.0);
        registry.meter("order").mark();
        assert_eq!(page(&registry), "# TYPE order_rate gauge\norder_rate 1.0\n# EOF\n");
    }

    #[test]
    fn a_family_left_out_takes_no_names() {
        let registry = Registry::new();
        registry.gauge("a.b").set(1.0);
        registry.histogram("a/b").record(1.0);
        registry.gauge("a_b_count").set(2.0);
        assert_eq!(left_out(&registry).len(), 1);
        assert!(page(&registry).contains("a_b_count 2.0\n"));
    }

    #[test]
    fn a_sum_that_can_fall_is_no_counter() {
        let registry = Registry::new();
        let balance = registry.define("balance").buckets(Buckets::new([1.0]).unwrap()).histogram().unwrap();
        balance.record(1.0);
        assert!(page(&registry).contains("balance_sum 1.0\nbalance_count 1\n"));
        balance.record(-5.0);
        assert!(!page(&registry).contains("balance_sum") && !page(&registry).contains("balance_count"));
        assert!(registry.snapshot().to_text().contains("balance_sum -4\nbalance_count 2\n"));
    }

    #[test]
    fn quantiles_come_in_order_and_once() {
        let given = [0.9, 0.5, f64::NAN, 0.9, 1.5, 0.0, -1.0, 1.0];
        assert_eq!(in_order(&given).collect::<Vec<_>>(), [0.0, 0.5, 0.9, 1.0]);
    }

    #[test]
    fn a_state_said_twice_is_shown_once() {
        let set = StateSetValue { states: ["on".into(), "on".into()].into(), on: vec![true, false] };
        let mut shown = Vec::new();
        let mut sampler = Sampler::new(Rules { claims: |_| &[""], ..text::RULES });
        sampler.states("switch", &set, |sample| shown.push((sample.extra.map(str::to_owned), sample.value)));
        assert_eq!(shown, [(Some(r#"switch="on""#.to_owned()), SampleValue::Unsigned(1))]);
    }
}
