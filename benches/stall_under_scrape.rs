//! How long do known and new series wait while another thread scrapes without end?
//!
//! One writer finds a known series of 100 000 for each record, and makes a new one every 4 096 records; each is timed
//! with two readings of the clock, which are in the figures; waiting for a core is not. Once without scrapes, once with.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tagmeter_benches::inputs::{Random, routes_and_users};
use tagmeter_benches::peers::series::{Peer, Series, counters};
use tagmeter_benches::{Bench, Row, Stopwatch};

const SERIES: usize = 100_000;
const RECORDS_FOR_A_NEW_ONE: usize = 4_096;
/// Long enough for some hundred new series and, of the slowest peers, several scrapes.
const LASTS: Duration = Duration::from_millis(1_500);
/// Runs, interleaved; a percentile is the median of theirs, the worst is the worst of all.
const RUNS: usize = 5;

fn main() {
    let mut bench = Bench::new("stall_under_scrape");
    let peers: Vec<Peer> = counters().into_iter().filter(|peer| peer.has_page && peer.finds).collect();
    let known = routes_and_users(SERIES);
    let mut seen: Vec<[Seen; 2]> = peers.iter().map(|_| Default::default()).collect();
    for run in 0..bench.runs(RUNS) {
        for (peer, seen) in peers.iter().zip(&mut seen) {
            let family = (peer.make)();
            known.iter().for_each(|(route, user)| family.touch(route, user));
            for (seen, scraping) in seen.iter_mut().zip([false, true]) {
                watch(&*family, &known, scraping, run, seen);
            }
        }
    }
    for (group, pick) in [("a new series", true), ("a record into a known series", false)] {
        for (peer, seen) in peers.iter().zip(&mut seen) {
            bench.rows(
                seen.iter_mut()
                    .zip([false, true])
                    .map(|(seen, scraping)| seen.row(group, pick, peer, scraping)),
            );
        }
    }
    bench.run();
}

/// What a writer saw in all runs.
#[derive(Default)]
struct Seen {
    fresh: Vec<Vec<f64>>,
    known: Vec<Vec<f64>>,
    scrapes: usize,
}

fn watch(family: &dyn Series, known: &[(String, String)], scraping: bool, run: usize, seen: &mut Seen) {
    let stop = AtomicBool::new(false);
    let scrapes = AtomicUsize::new(0);
    let (fresh, found) = std::thread::scope(|scope| {
        if scraping {
            scope.spawn(|| {
                let mut page = String::new();
                while !stop.load(Ordering::Relaxed) {
                    family.scrape(&mut page);
                    scrapes.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let times = write(family, known, &format!("new-{run}-{scraping}"));
        stop.store(true, Ordering::Relaxed);
        times
    });
    seen.fresh.push(fresh);
    seen.known.push(found);
    seen.scrapes += scrapes.into_inner();
}

fn write(family: &dyn Series, known: &[(String, String)], name: &str) -> (Vec<f64>, Vec<f64>) {
    let mut random = Random::new(7);
    let mut watch = Stopwatch::default();
    let (mut fresh, mut found) = (Vec::new(), Vec::new());
    let end = Instant::now() + LASTS;
    while Instant::now() < end {
        let user = format!("{name}-{}", fresh.len());
        fresh.push(watch.nanos(|| family.touch("/orders", &user)));
        for _record in 0..RECORDS_FOR_A_NEW_ONE {
            let (route, user) = &known[random.below(known.len())];
            found.push(watch.nanos(|| family.touch(route, user)));
        }
    }
    (fresh, found)
}

impl Seen {
    fn row(&mut self, group: &str, fresh: bool, peer: &Peer, scraping: bool) -> Row {
        let group = format!("{group}, {}", if scraping { "scraped without end" } else { "not scraped" });
        let runs = if fresh { &mut self.fresh } else { &mut self.known };
        runs.iter_mut().for_each(|times| times.sort_by(f64::total_cmp));
        let percentile = |share: f64| {
            let each = runs.iter().map(|times| times[((times.len() - 1) as f64 * share) as usize]);
            tagmeter_benches::median(&mut each.collect::<Vec<_>>())
        };
        let worst = runs.iter().filter_map(|times| times.last()).fold(0.0, |most: f64, time| most.max(*time));
        Row::new("stall_under_scrape", &group, peer.name, peer.what)
            .with("p50_ns", percentile(0.5))
            .with("p99_ns", percentile(0.99))
            .with("p99.9_ns", percentile(0.999))
            .with("worst_ns", worst)
            .with("scrapes", self.scrapes as f64)
    }
}
