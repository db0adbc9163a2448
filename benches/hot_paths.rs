//! Have the paths that a program runs all day become longer?
//!
//! tagmeter alone: with `--no-default-features` it builds in seconds. `benches/instructions` holds the counts to the
//! budgets in `budgets.txt`; without valgrind there is nothing to do here.

use std::hint::black_box;
use std::sync::Mutex;
use std::time::Duration;

use tagmeter::Registry;
use tagmeter_benches::inputs::{NANOS, PLACES, ROUTES, SECONDS, STATUSES, TEXT, VALUES, routes_and_users};
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
    path(bench, 1, "timer around nothing, 1 in 32", || {
        let timer = Registry::new().timer("request").sampled(32);
        move |turn| turn.each(|_| timer.time(|| ()))
    });
    path(bench, 1, "counter inc", || {
        let counter = Registry::new().counter("hits");
        move |turn| turn.each(|_| counter.inc())
    });
    path(bench, 1, "two counters together", || {
        let registry = Registry::new();
        let counters = [registry.counter("orders"), registry.counter("items")];
        move |turn| turn.each(|_| registry.together(|| counters.iter().for_each(|counter| counter.inc())))
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
    path(bench, 1, "histogram merge, 15 buckets", || {
        let registry = Registry::new();
        let [ours, theirs] = ["size", "counted"].map(|name| registry.histogram(name));
        SECONDS.iter().for_each(|value| theirs.record(*value));
        let counted = theirs.value();
        move |turn| {
            turn.each(|_| {
                let _ = ours.merge(&counted);
            });
        }
    });
    path(bench, 1, "histogram record, quantiles", || {
        let histogram = Registry::new().define("size").quantiles().histogram().expect("the name is free");
        let values = &**SECONDS;
        move |turn| turn.each(|n| histogram.record(values[n % VALUES]))
    });
    path(bench, 1, "counter inc, not promoted", || {
        let counter = Registry::new().counter(("hits", [("route", "/orders")]));
        move |turn| turn.each(|_| counter.inc())
    });
    // As most are: the bucket has had its own in this tenth of a second.
    path(bench, 1, "counter inc with an exemplar, not kept", || {
        let counter = Registry::new().counter("hits");
        move |turn| turn.each(|_| counter.inc_with_exemplar([("trace_id", "4bf92f3577b34da6")]))
    });
    path(bench, 1, "histogram record with an exemplar, not kept", || {
        let histogram = Registry::new().histogram("size");
        let values = &**SECONDS;
        move |turn| {
            let trace = [("trace_id", "4bf92f3577b34da6")];
            turn.each(|n| histogram.record_with_exemplar(values[n % VALUES], trace));
        }
    });
    path(bench, 1, "timer record", || {
        let timer = Registry::new().timer("request");
        let values = &**NANOS;
        move |turn| turn.each(|n| timer.record(Duration::from_nanos(values[n % VALUES])))
    });
}

/// How far a search probes depends on each family's hash seed, so one family is not like another.
const FAMILIES: usize = 32;

/// Another family each time round the inputs, and within it.
fn one_of<T>(families: &[T], n: usize) -> &T {
    &families[(n + n / VALUES) % FAMILIES]
}

fn find(bench: &mut Bench) {
    path(bench, 1, "family lookup, two strings", || {
        let registry = Registry::new();
        let family = |n: usize| {
            let definition = registry.define(format!("requests_{n}")).tags(["route", "status"]);
            let family = definition.counters().expect("the name is free");
            every_pair(|route, status| family.with([route, status]).inc());
            family
        };
        let families: Vec<_> = (0..FAMILIES).map(family).collect();
        let text = &*TEXT;
        move |turn| turn.each(|n| one_of(&families, n).with(<[&str; 2]>::from(text.pair(n))).inc())
    });
    path(bench, 1, "removable family lookup, two strings", || {
        let registry = Registry::new();
        let family = |n: usize| {
            let definition = registry.define(format!("requests_{n}")).tags(["route", "status"]).removable();
            let family = definition.counters().expect("the name is free");
            every_pair(|route, status| family.with([route, status], |counter| counter.inc()));
            family
        };
        let families: Vec<_> = (0..FAMILIES).map(family).collect();
        let text = &*TEXT;
        move |turn| {
            turn.each(|n| {
                one_of(&families, n).with(<[&str; 2]>::from(text.pair(n)), |counter| counter.inc())
            });
        }
    });
    path(bench, 1, "lookup by derived tags, two enums", || {
        let registry = Registry::new();
        let family = registry.define("doors").typed::<Door>().counters().expect("the name is free");
        let sides = [Side::North, Side::East, Side::South, Side::West, Side::Roof];
        let places = &**PLACES;
        move |turn| {
            turn.each(|n| {
                let (side, state) = places[n % VALUES];
                let state = if state % 2 == 0 { State::Open } else { State::Shut };
                family.with(&Door { side: sides[usize::from(side)], state }).inc();
            });
        }
    });
    path(bench, 1, "counter! without tags", || |turn| turn.each(|_| tagmeter::counter!("hits").inc()));
    path(bench, 1, "counter! with constant tags", || {
        |turn| turn.each(|_| tagmeter::counter!("orders", "city" => "Oslo", "kind" => "new").inc())
    });
}

fn every_pair(mut take: impl FnMut(&str, &str)) {
    for route in ROUTES {
        STATUSES.iter().for_each(|status| take(route, status));
    }
}

#[derive(tagmeter::Tags)]
struct Door {
    side: Side,
    state: State,
}

#[derive(Clone, Copy, tagmeter::TagValue)]
enum Side {
    North,
    East,
    South,
    West,
    Roof,
}

#[derive(Clone, Copy, tagmeter::TagValue)]
enum State {
    Open,
    Shut,
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
