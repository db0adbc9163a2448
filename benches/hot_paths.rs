//! Have the paths that a program runs all day become longer?
//!
//! tagmeter alone: with `--no-default-features` it builds in seconds. `benches/instructions` holds the counts to the
//! budgets in `budgets.txt`; without valgrind there is nothing to do here.

use std::hint::black_box;
use std::sync::Mutex;
use std::time::Duration;

use tagmeter::Registry;
use tagmeter_benches::inputs::{NANOS, PAIRS, SECONDS, STRINGS, VALUES, routes_and_users};
use tagmeter_benches::{Bench, COUNTED_ONLY, Row, Turn};

/// The group of all rows here, by which `benches/instructions` asks for them.
const GROUP: &str = "hot paths";

fn main() {
    let mut bench = Bench::new("hot_paths");
    bench.group(GROUP);
    record(&mut bench);
    find(&mut bench);
    read(&mut bench);
    bench.run();
}

/// A row that is only counted.
fn path<R: Fn(Turn) + Send + Sync + 'static>(
    bench: &mut Bench,
    per: usize,
    what: &str,
    make: impl Fn() -> R + Sync + 'static,
) {
    bench.rows([Row::new("hot_paths", GROUP, "tagmeter", what)]);
    bench.row_per(per, "tagmeter", what, COUNTED_ONLY, make);
}

fn record(bench: &mut Bench) {
    path(bench, 1, "counter inc", || {
        let counter = Registry::new().counter("hits");
        move |turn| turn.each(|_| counter.inc())
    });
    path(bench, 1, "gauge set", || {
        let gauge = Registry::new().gauge("depth");
        move |turn| turn.each(|n| gauge.set(SECONDS[n % VALUES]))
    });
    path(bench, 1, "meter mark", || {
        let meter = Registry::new().meter("orders");
        move |turn| turn.each(|_| meter.mark())
    });
    path(bench, 1, "histogram record", || {
        let histogram = Registry::new().histogram("size");
        let values = &**SECONDS;
        move |turn| turn.each(|n| histogram.record(values[n % VALUES]))
    });
    path(bench, 1, "histogram record, quantiles", || {
        let histogram = Registry::new().define("size").quantiles().histogram().expect("the name is free");
        let values = &**SECONDS;
        move |turn| turn.each(|n| histogram.record(values[n % VALUES]))
    });
    path(bench, 1, "timer record", || {
        let timer = Registry::new().timer("request");
        let values = &**NANOS;
        move |turn| turn.each(|n| timer.record(Duration::from_nanos(values[n % VALUES])))
    });
}

fn find(bench: &mut Bench) {
    path(bench, 1, "family lookup, two strings", || {
        // How far a search probes depends on each family's hash seed, so one family is not like another.
        const FAMILIES: usize = 32;
        let registry = Registry::new();
        let pairs = &**STRINGS;
        let family = |n: usize| {
            let definition = registry.define(format!("requests_{n}")).tags(["route", "status"]);
            let family = definition.counters().expect("the name is free");
            pairs.iter().for_each(|(route, status)| family.with([route, status]).inc());
            family
        };
        let families: Vec<_> = (0..FAMILIES).map(family).collect();
        move |turn| {
            turn.each(|n| {
                let (route, status) = &pairs[n % PAIRS];
                // Another family each time round the pairs, and within it.
                families[(n + n / PAIRS) % FAMILIES].with([route, status]).inc();
            });
        }
    });
    path(bench, 1, "counter! without tags", || |turn| turn.each(|_| tagmeter::counter!("hits").inc()));
    path(bench, 1, "counter! with constant tags", || {
        |turn| turn.each(|_| tagmeter::counter!("orders", "city" => "Oslo", "kind" => "new").inc())
    });
    // Here goes the lookup by derived tags, when it exists.
}

fn read(bench: &mut Bench) {
    const COUNTERS: usize = 20_000;
    const HISTOGRAMS: usize = 1_000;
    const LINES_OF_A_HISTOGRAM: usize = 17;
    let made = bench.series(COUNTERS);
    path(bench, COUNTERS, "counter in a snapshot", move || {
        let registry = counters(made);
        move |turn: Turn| {
            turn.each(|_| {
                black_box(registry.snapshot());
            });
        }
    });
    path(bench, COUNTERS, "counter in text, snapshot included", move || pages(counters(made)));
    let made = bench.series(HISTOGRAMS);
    path(
        bench,
        HISTOGRAMS * LINES_OF_A_HISTOGRAM,
        "line of a histogram in text, snapshot included",
        move || {
            let registry = Registry::new();
            let definition = registry.define("request_seconds").tags(["route", "user"]);
            let family = definition.histograms().expect("the name is free");
            for (at, (route, user)) in routes_and_users(made).iter().enumerate() {
                family.with([route, user]).record(SECONDS[at]);
            }
            pages(registry)
        },
    );
}

fn counters(series: usize) -> Registry {
    let registry = Registry::new();
    let family = registry.define("requests").tags(["route", "user"]).counters().expect("the name is free");
    routes_and_users(series).iter().for_each(|(route, user)| family.with([route, user]).inc());
    registry
}

fn pages(registry: Registry) -> impl Fn(Turn) {
    let page = Mutex::new(Vec::new());
    move |turn: Turn| {
        let Ok(mut page) = page.lock() else { return };
        turn.each(|_| {
            page.clear();
            let _ = tagmeter::encode::text::encode_into(&registry.snapshot(), &mut *page);
            black_box(&page);
        });
    }
}
