//! What does a scrape cost, for each line of the page?
//!
//! The snapshot (or whatever gathers) is part of it; the buffer is used again where the crate lets one. Every value
//! was touched, none is zero.

use std::hint::black_box;
use std::io;
use std::sync::Mutex;
use std::time::Instant;

use tagmeter::Registry;
use tagmeter::encode::{Escaping, Options, json, openmetrics, protobuf, text};
use tagmeter::http::{Request, respond};
use tagmeter::model::Snapshot;
use tagmeter_benches::inputs::{ROUTES, routes_and_users};
use tagmeter_benches::peers::series::{Peer, counters, histograms};
use tagmeter_benches::{Bench, ONE_THREAD, Row, Turn};

fn main() {
    let mut bench = Bench::new("encode");
    many_counters(&mut bench);
    many_histograms(&mut bench);
    compressed(&mut bench);
    bench.run();
}

/// `_bucket` for 14 bounds and infinity, `_sum`, `_count`.
const LINES_OF_A_HISTOGRAM: usize = 17;

fn many_counters(bench: &mut Bench) {
    const SERIES: usize = 100_000;
    bench.group("100 000 counters of two tags, per line");
    copy(bench, SERIES);
    let series = bench.series(SERIES);
    bench.row_per(SERIES, "tagmeter", "snapshot alone", ONE_THREAD, move || {
        let registry = filled(series);
        move |turn: Turn| {
            turn.each(|_| {
                black_box(registry.snapshot());
            });
        }
    });
    encodings(bench, SERIES);
    for peer in counters().into_iter().filter(|peer| peer.has_page) {
        scrapes(bench, peer, SERIES, 1);
    }
}

/// What a format costs once there is a snapshot.
fn encodings(bench: &mut Bench, series: usize) {
    let formats: [(&str, Encode); 5] = [
        ("text", |snapshot, page| text::encode_into(snapshot, page).map(drop)),
        ("text 1.0.0, names as they are", |snapshot, page| {
            let options = Options::default().escaping(Escaping::AllowUtf8);
            text::encode_with(snapshot, &options, page).map(drop)
        }),
        ("OpenMetrics", |snapshot, page| openmetrics::encode_into(snapshot, page).map(drop)),
        ("protobuf", |snapshot, page| protobuf::encode_into(snapshot, page).map(drop)),
        ("JSON", json::encode_into),
    ];
    let made = bench.series(series);
    for (name, encode) in formats {
        let what = format!("{name} of a snapshot, buffer used again");
        bench.row_per(series, "tagmeter", &what, ONE_THREAD, move || {
            let snapshot = filled(made).snapshot();
            let page = Mutex::new(Vec::new());
            move |turn: Turn| {
                let Ok(mut page) = page.lock() else { return };
                turn.each(|_| {
                    page.clear();
                    let _ = encode(&snapshot, &mut page);
                    black_box(&page);
                });
            }
        });
    }
}

type Encode = fn(&Snapshot, &mut Vec<u8>) -> io::Result<()>;

/// Megabytes of a page a second, made and compressed, and what is left of them: medians. Counts have six digits, since
/// a page of ones is nearly nothing.
fn compressed(bench: &mut Bench) {
    const GROUP: &str = "a page of 100 000 counters, as it is sent";
    if bench.is_counting() {
        return;
    }
    let registry = filled_by(bench.series(100_000), |n| (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44);
    let (runs, whole) = (bench.runs(9), registry.snapshot().to_text().len() as f64);
    let rows: Vec<Row> = ["identity", "gzip", "zstd"]
        .map(|coding| {
            let request = Request::new("GET", "/metrics").header("accept-encoding", coding);
            let sent = respond(&registry, &request).body.len() as f64;
            let mut seconds: Vec<f64> =
                (0..runs).map(|_| seconds_of(|| respond(&registry, &request))).collect();
            seconds.sort_by(f64::total_cmp);
            Row::new("encode", GROUP, "tagmeter", coding)
                .with("MB a second", whole / 1e6 / seconds[runs / 2])
                .with("bytes", sent)
        })
        .into();
    bench.rows(rows);
}

fn seconds_of<T>(work: impl Fn() -> T) -> f64 {
    let began = Instant::now();
    black_box(work());
    began.elapsed().as_secs_f64()
}

fn many_histograms(bench: &mut Bench) {
    const SERIES: usize = 1_000;
    bench.group("1 000 histograms of 14 buckets, per line");
    copy(bench, SERIES * LINES_OF_A_HISTOGRAM);
    for peer in histograms() {
        scrapes(bench, peer, SERIES, LINES_OF_A_HISTOGRAM);
    }
}

/// The bare machine: the bytes of such a page, copied.
fn copy(bench: &mut Bench, lines: usize) {
    const BYTES_OF_A_LINE: usize = 60;
    let made = bench.series(lines);
    bench.row_per(lines, "machine", "memcpy of the page", ONE_THREAD, move || {
        let page = vec![b'x'; made * BYTES_OF_A_LINE];
        let copy = Mutex::new(page.clone());
        move |turn: Turn| {
            let Ok(mut copy) = copy.lock() else { return };
            turn.each(|_| {
                copy.copy_from_slice(&page);
                black_box(&copy);
            });
        }
    });
}

fn scrapes(bench: &mut Bench, peer: Peer, series: usize, lines: usize) {
    let made = bench.series(series);
    bench.row_per(series * lines, peer.name, peer.what, ONE_THREAD, move || {
        let family = (peer.make)();
        for (route, user) in routes_and_users(made) {
            family.touch(&route, &user);
        }
        let page = Mutex::new(String::new());
        move |turn: Turn| {
            let Ok(mut page) = page.lock() else { return };
            turn.each(|_| family.scrape(&mut page));
        }
    });
}

/// A registry with so many counters, of one each.
fn filled(series: usize) -> Registry {
    filled_by(series, |_| 1)
}

/// A registry with so many counters, of what `count` says of each.
fn filled_by(series: usize, count: impl Fn(usize) -> u64) -> Registry {
    let registry = Registry::new();
    let definition = registry.define("requests").help("Requests served.").tags(["route", "user"]);
    let family = definition.max_series(series.max(ROUTES.len())).counters().expect("the name is free");
    for (n, (route, user)) in routes_and_users(series).iter().enumerate() {
        family.with([route, user]).add(count(n));
    }
    registry
}
