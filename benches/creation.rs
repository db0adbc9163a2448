//! What does a new series cost, and how long does the slowest take?

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tagmeter_benches::inputs::routes_and_users;
use tagmeter_benches::peers::series::{Peer, counters, histograms};
use tagmeter_benches::{Bench, COUNTED_ONLY, Row, Stopwatch, Turn, median, timed};

fn main() {
    let mut bench = Bench::new("creation");
    for (group, peers, series) in groups() {
        bench.group(group);
        if !bench.is_counting() {
            bench.rows(measured(group, &peers, series, bench.runs(REPETITIONS)));
        }
        peers.into_iter().for_each(|peer| countable(&mut bench, peer, series));
    }
    if !bench.is_counting() {
        bench.rows(insert_times());
    }
    bench.run();
}

fn groups() -> [(&'static str, Vec<Peer>, usize); 2] {
    [
        ("100 000 counters of two tags", counters(), 100_000),
        ("10 000 histograms of two tags", histograms(), 10_000),
    ]
}

/// A row for callgrind: the first call, which is not counted, makes the first series; the second makes the others.
fn countable(bench: &mut Bench, peer: Peer, series: usize) {
    let made = bench.series(series);
    bench.row_per(series, peer.name, peer.what, COUNTED_ONLY, move || {
        let family = (peer.make)();
        let tags = routes_and_users(made);
        let called = AtomicBool::new(false);
        move |_turn: Turn| {
            let (first, others) = tags.split_at(1);
            let some = if called.swap(true, Ordering::Relaxed) { others } else { first };
            some.iter().for_each(|(route, user)| family.touch(route, user));
        }
    });
}

/// Families made this often; the figure is the median.
const REPETITIONS: usize = 5;

fn measured(group: &str, peers: &[Peer], series: usize, repetitions: usize) -> Vec<Row> {
    let tags = routes_and_users(series);
    let mut nanos = vec![Vec::new(); peers.len()];
    let mut worst = vec![Vec::new(); peers.len()];
    let mut bare = Vec::new();
    for _repetition in 0..repetitions {
        bare.push(copies(&tags).as_nanos() as f64 / series as f64);
        for (at, peer) in peers.iter().enumerate() {
            let family = (peer.make)();
            let ((), taken) = timed(|| tags.iter().for_each(|(route, user)| family.touch(route, user)));
            nanos[at].push(taken.as_nanos() as f64 / series as f64);
            drop(family);
            // Timed one by one in a family of its own: the clock would be in the figure.
            let family = (peer.make)();
            let mut watch = Stopwatch::default();
            let times = tags.iter().map(|(route, user)| watch.nanos(|| family.touch(route, user)));
            worst[at].push(times.fold(0.0, f64::max));
        }
    }
    let mut rows = vec![Row::new("creation", group, "machine", "two strings copied into one allocation")];
    rows[0].ns_per_op = Some(median(&mut bare));
    for (at, peer) in peers.iter().enumerate() {
        let row = Row::new("creation", group, peer.name, peer.what);
        let mut row = row.with("slowest_ns", median(&mut worst[at]));
        row.ns_per_op = Some(median(&mut nanos[at]));
        rows.push(row);
    }
    rows
}

fn copies(tags: &[(String, String)]) -> Duration {
    let mut kept: Vec<Box<str>> = Vec::with_capacity(tags.len());
    let copies = tags.iter().map(|(route, user)| [route.as_str(), user.as_str()].concat().into_boxed_str());
    let ((), taken) = timed(|| kept.extend(copies));
    std::hint::black_box(kept);
    taken
}

/// Series that are made in one family, each insert timed.
const SIZES: [(usize, &str); 3] = [
    (10_000, "10 000 counters, inserts timed one by one"),
    (100_000, "100 000 counters, inserts timed one by one"),
    (1_000_000, "a million counters, inserts timed one by one"),
];

/// How many inserts took how long, up to a million series. The first row shows what the machine's own pauses are.
fn insert_times() -> Vec<Row> {
    SIZES.iter().flat_map(|(series, group)| insert_times_of(group, &routes_and_users(*series))).collect()
}

fn insert_times_of(group: &str, tags: &[(String, String)]) -> Vec<Row> {
    let mut kept: Vec<Box<str>> = Vec::with_capacity(tags.len());
    let bare = Row::new("creation", group, "machine", "two strings copied into one allocation");
    let mut rows = vec![spread(bare, tags, |route, user| kept.push([route, user].concat().into_boxed_str()))];
    let shown = ["tagmeter", "prometheus", "prometheus-client", "measured", "fastmetrics"];
    for peer in counters().into_iter().filter(|peer| shown.contains(&peer.name)) {
        let family = (peer.make)();
        let row = Row::new("creation", group, peer.name, peer.what);
        rows.push(spread(row, tags, |route, user| family.touch(route, user)));
    }
    rows
}

/// Times each insert, and adds to the row how they are spread.
fn spread(row: Row, tags: &[(String, String)], mut insert: impl FnMut(&str, &str)) -> Row {
    let mut watch = Stopwatch::default();
    let mut nanos: Vec<f64> = tags.iter().map(|(route, user)| watch.nanos(|| insert(route, user))).collect();
    nanos.sort_by(f64::total_cmp);
    let at = |share: f64| nanos[((nanos.len() - 1) as f64 * share) as usize];
    let over = |limit: f64| (nanos.len() - nanos.partition_point(|nanos| *nanos <= limit)) as f64;
    row.with("p50_ns", at(0.5))
        .with("p99_ns", at(0.99))
        .with("p99.99_ns", at(0.9999))
        .with("slowest_ns", at(1.0))
        .with("over_100_µs", over(1e5))
        .with("over_1_ms", over(1e6))
}
