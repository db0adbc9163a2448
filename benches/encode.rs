//! What does a scrape cost, for each line of the page?
//!
//! The snapshot (or whatever gathers) is part of it; the buffer is used again where the crate lets one. Every value
//! was touched, none is zero.

use std::hint::black_box;
use std::sync::Mutex;

use tagmeter::Registry;
use tagmeter_benches::inputs::{ROUTES, routes_and_users};
use tagmeter_benches::peers::series::{Peer, counters, histograms};
use tagmeter_benches::{Bench, ONE_THREAD, Turn};

fn main() {
    let mut bench = Bench::new("encode");
    many_counters(&mut bench);
    many_histograms(&mut bench);
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
    bench.row_per(SERIES, "tagmeter", "text of a snapshot, buffer used again", ONE_THREAD, move || {
        let snapshot = filled(series).snapshot();
        let page = Mutex::new(Vec::new());
        move |turn: Turn| {
            let Ok(mut page) = page.lock() else { return };
            turn.each(|_| {
                page.clear();
                let _ = tagmeter::encode::text::encode_into(&snapshot, &mut *page);
                black_box(&page);
            });
        }
    });
    bench.row_per(SERIES, "tagmeter", "protobuf of a snapshot, buffer used again", ONE_THREAD, move || {
        let snapshot = filled(series).snapshot();
        let page = Mutex::new(Vec::new());
        move |turn: Turn| {
            let Ok(mut page) = page.lock() else { return };
            turn.each(|_| {
                page.clear();
                let _ = tagmeter::encode::protobuf::encode_into(&snapshot, &mut *page);
                black_box(&page);
            });
        }
    });
    for peer in counters().into_iter().filter(|peer| peer.has_page) {
        scrapes(bench, peer, SERIES, 1);
    }
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

/// A registry with so many counters.
fn filled(series: usize) -> Registry {
    let registry = Registry::new();
    let definition = registry.define("requests").help("Requests served.").tags(["route", "user"]);
    let family = definition.max_series(series.max(ROUTES.len())).counters().expect("the name is free");
    routes_and_users(series).iter().for_each(|(route, user)| family.with([route, user]).inc());
    registry
}
