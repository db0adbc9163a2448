//! What recording counts and leaves out.

use super::*;

#[test]
fn what_cannot_be_recorded_is_counted_and_does_no_harm() {
    let registry = Registry::new();
    let before = problems(&registry, "not_finite");
    let sizes = registry.histogram("sizes");
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        sizes.record(value);
    }
    registry.float_counter("joules").add(f64::NAN);
    sizes.record(1.5);
    assert_eq!((sizes.value().count(), sizes.value().sum), (1, 1.5));
    assert!(problems(&registry, "not_finite") >= before + 4.0);
}

#[test]
fn quantiles_are_recorded_only_where_somebody_asks() {
    let registry = Registry::new();
    let plain = registry.histogram("plain");
    let asked = registry.define("asked").quantiles().histogram().unwrap();
    for n in 1..=100 {
        plain.record(f64::from(n) / 10.0);
        asked.record(f64::from(n) / 10.0);
    }
    assert!(matches!(plain.value().quantile(0.5), Some(Quantile::Interpolated(_))));
    let Some(Quantile::Recorded(median)) = asked.value().quantile(0.5) else { panic!("not recorded") };
    assert!((4.95..5.16).contains(&median), "{median}");
    assert!(plain.value().window.is_none());
    let window = asked.value().window.unwrap();
    assert_eq!((window.min(), window.max()), (Some(0.1), Some(10.0)));
}

#[test]
fn a_window_forgets_and_the_count_does_not() {
    let clock = ManualClock::new();
    let registry = Registry::builder().clock(clock.clone()).quantiles().build();
    let sizes = registry.histogram("sizes");
    sizes.record(9.0);
    clock.advance(Duration::from_secs(61));
    assert_eq!(sizes.value().window.unwrap().max(), None);
    assert_eq!(sizes.value().count(), 1);
}

#[test]
fn no_count_is_lost_while_eight_threads_record_and_one_reads() {
    const EACH: u64 = 10_000;
    let registry = Registry::new();
    let hits = registry.define("hits").tags(["path"]).counters().unwrap();
    let sizes = registry.histogram("sizes");
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let (hits, sizes) = (&hits, &sizes);
            scope.spawn(move || {
                for n in 0..EACH {
                    hits.with([((n + thread) % 10).to_string()]).inc();
                    sizes.record(1.0);
                }
            });
        }
        let mut last = 0.0;
        for _ in 0..50 {
            let snapshot = registry.snapshot();
            if let Some(Value::Histogram(histogram)) = snapshot.get("sizes") {
                assert_eq!(histogram.sum, histogram.count() as f64);
                assert!(histogram.sum >= last);
                last = histogram.sum;
            }
        }
    });
    let total: u64 = hits.iter().map(|(_, counter)| counter.get()).sum();
    assert_eq!((total, sizes.value().count()), (8 * EACH, 8 * EACH));
}

#[test]
fn handles_outlive_their_registry() {
    let (counter, family) = {
        let registry = Registry::new();
        (registry.counter("c"), registry.define("f").tags(["k"]).gauges().unwrap())
    };
    counter.inc();
    family.with(["v"]).set(2.0);
    assert_eq!((counter.get(), family.with(["v"]).get()), (1, 2.0));
}
