//! Ten thousand series, pushed every second to a real database for a long time: memory stays where it is, the schedule does
//! not drift, and every point arrives once. A minute of it here; `tests/soak` makes it half an hour.
//!
//! The program that is instrumented is this test's process. It takes all of its time by waiting for reports, which is what
//! it is about.
#![cfg(target_os = "linux")]

#[path = "support/backends.rs"]
#[allow(dead_code, reason = "a soak needs one server and its export")]
mod backends;

use std::collections::BTreeMap;
use std::fs;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use backends::{History, Series, Victoria};
use reqwest::Client;
use tagmeter::collect::ResourceUsage;
use tagmeter::report::{Outcome, Point, PushError, Rules, Sink};
use tagmeter::tag::Environment;
use tagmeter::{Apptuit, Counter, Gauge, Registry, Reporter, Timer};

/// What is soaked when nobody says how long.
const SECONDS: usize = 60;
const INTERVAL: Duration = Duration::from_secs(1);
/// Between two rounds of recording: every series moves between two reports.
const ROUND: Duration = Duration::from_millis(200);
/// For whatever must come, sooner or later.
const PATIENCE: Duration = Duration::from_secs(30);

/// By what share memory may have grown since a third of the time: what an allocator keeps for later varies by as much.
const GROWTH: f64 = 0.05;
/// By how much reports may come later at the end than at the beginning. A schedule that waits an interval after each
/// report, instead of going by the clock, is later than that after a minute.
const DRIFT: Duration = Duration::from_millis(250);

const COUNTERS: usize = 8_000;
const GAUGES: usize = 1_900;
const TIMERS: usize = 100;
/// Numbers that a timer has.
const FIELDS: usize = 15;
const POINTS: usize = COUNTERS + GAUGES + TIMERS * FIELDS;
/// Series are looked at in so many parts: all samples of half an hour at once are a gigabyte of text.
const PARTS: usize = 100;

#[tokio::test]
async fn memory_stays_the_schedule_does_not_drift_and_every_point_arrives_once() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client");
    let database = Victoria::start("victoria-new:soak", &client);
    let registry = Registry::new();
    let load = Load::new(&registry);
    load.record(0);

    let (sink, pushes) = Watched::new(&database);
    let start = Instant::now();
    let reporter = Reporter::new(&registry, sink).every(INTERVAL).environment(Environment::empty());
    let reporter = reporter.push_own_metrics(false).start().expect("nothing is wrong with it");
    let (rounds, seen) = load.record_while(|| watch(&pushes, start, seconds()));
    let last = reporter.stop(PATIENCE).expect("there is time");
    assert_eq!((last.points, last.failed), (POINTS, 0));
    let stamps: Vec<f64> =
        seen.iter().map(|seen| seen.stamp).chain(pushes.iter().map(|push| push.stamp)).collect();

    print(&seen, stamps.len(), start);
    on_time(&seen);
    memory_stayed(&seen);
    let mut truth = load.truth(rounds);
    for part in 0..PARTS {
        let held = database.export(&format!("{{part=\"{part}\"}}"), &["n"]).await;
        held.iter().for_each(|history| check(history, &stamps, &mut truth));
    }
    assert!(truth.is_empty(), "{} series have not arrived, as {:?}", truth.len(), truth.first_key_value());
}

fn seconds() -> usize {
    let seconds = std::env::var("SOAK_SECONDS").ok();
    seconds.map_or(SECONDS, |text| text.parse().expect("SOAK_SECONDS is a number")).max(SECONDS)
}

/// A push that was made.
struct Push {
    at: Instant,
    stamp: f64,
    points: usize,
}

/// Apptuit's sink, with somebody who watches it.
struct Watched {
    sink: Apptuit,
    watcher: Sender<Push>,
}

impl Watched {
    fn new(database: &Victoria) -> (Self, Receiver<Push>) {
        let sink = Apptuit::builder().token("any").endpoint(database.endpoint());
        let sink = sink.environment(Environment::empty()).build().expect("all is given");
        let (watcher, pushes) = channel();
        (Watched { sink, watcher }, pushes)
    }
}

impl Sink for Watched {
    fn name(&self) -> &str {
        self.sink.name()
    }

    fn rules(&self) -> Rules {
        self.sink.rules()
    }

    fn push(&mut self, batch: &[Point], deadline: Instant) -> Result<Outcome, PushError> {
        let (at, stamp) = (Instant::now(), batch[0].timestamp.as_f64());
        assert!(batch.iter().all(|point| point.timestamp.as_f64() == stamp), "a report has one timestamp");
        // After the last report nobody may be watching any more.
        let _ = self.watcher.send(Push { at, stamp, points: batch.len() });
        self.sink.push(batch, deadline)
    }
}

/// How things stood at a report.
struct Seen {
    stamp: f64,
    /// After it was due.
    late: Duration,
    resident_bytes: usize,
    cpu: Duration,
}

/// Looks at so many reports as they are pushed. Report n is due n intervals after the start; one that comes in the next
/// interval, or not at all, is a fault, and so is a second one in the same.
fn watch(pushes: &Receiver<Push>, start: Instant, reports: usize) -> Vec<Seen> {
    let seen = |n: usize| {
        let push = pushes.recv_timeout(PATIENCE).expect("reports are made");
        assert_eq!(push.points, POINTS, "report {n} is not whole");
        let due = start + INTERVAL * u32::try_from(n).expect("not for a century");
        let late = push.at.checked_duration_since(due).unwrap_or_else(|| panic!("report {n} came early"));
        assert!(late < INTERVAL, "report {n} came {late:?} late: one is missing");
        Seen { stamp: push.stamp, late, resident_bytes: resident_bytes(), cpu: cpu() }
    };
    (1..=reports).map(seen).collect()
}

fn resident_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it is among that");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number of kilobytes") * 1024
}

fn cpu() -> Duration {
    let usage = ResourceUsage::read().expect("Linux tells");
    usage.user + usage.system
}

fn on_time(seen: &[Seen]) {
    let tenth = seen.len() / 10;
    let (first, last) = (median_late(&seen[..tenth]), median_late(&seen[seen.len() - tenth..]));
    assert!(
        first.abs_diff(last) < DRIFT,
        "the median report came {first:?} late at first, at the end {last:?}"
    );
    assert!(seen.is_sorted_by(|one, next| one.stamp < next.stamp), "two reports have one timestamp");
}

fn median_late(seen: &[Seen]) -> Duration {
    let mut late: Vec<Duration> = seen.iter().map(|seen| seen.late).collect();
    late.sort();
    late[late.len() / 2]
}

fn memory_stayed(seen: &[Seen]) {
    let (warm, end) =
        (seen[seen.len() / 3].resident_bytes as f64, seen[seen.len() - 1].resident_bytes as f64);
    assert!(
        end <= warm * (1.0 + GROWTH),
        "{warm} bytes were resident at a third of the time, {end} at its end"
    );
}

fn print(seen: &[Seen], reports: usize, start: Instant) {
    let megabytes = |n: usize| seen[n].resident_bytes as f64 / 1e6;
    let (count, tenth) = (seen.len(), seen.len() / 10);
    let worst = seen.iter().map(|seen| seen.late).max().unwrap_or_default();
    let share =
        (seen[count - 1].cpu - seen[0].cpu).as_secs_f64() / (INTERVAL * (count as u32 - 1)).as_secs_f64();
    println!("{reports} reports of {POINTS} points in {:.0} s", start.elapsed().as_secs_f64());
    println!(
        "resident: {:.1} MB at the first report, {:.1} at a third, {:.1} at two thirds, {:.1} at the end",
        megabytes(0),
        megabytes(count / 3),
        megabytes(2 * count / 3),
        megabytes(count - 1)
    );
    println!(
        "late, median: {:?} in the first tenth, {:?} in the last; at worst {worst:?}",
        median_late(&seen[..tenth]),
        median_late(&seen[count - tenth..])
    );
    println!("CPU: {:.2} % of one core, recording included", share * 100.0);
}

/// A series of the database has a sample for every report, and at its end what was recorded.
fn check(history: &History, stamps: &[f64], truth: &mut Series) {
    assert_eq!(history.times, stamps, "{} has other timestamps", history.series);
    let expected = truth.remove(&history.series);
    let expected = expected.unwrap_or_else(|| panic!("nobody sent {}", history.series));
    // What a window has, and a rate, is not known beforehand.
    assert!(
        expected.is_nan() || history.values.last() == Some(&expected),
        "{}: {:?}",
        history.series,
        history.values.last()
    );
}

/// What is recorded.
struct Load {
    counters: Vec<Counter>,
    gauges: Vec<Gauge>,
    timers: Vec<Timer>,
}

impl Load {
    fn new(registry: &Registry) -> Self {
        let tags = |n: usize| [("n", n.to_string()), ("part", (n % PARTS).to_string())];
        Load {
            counters: (0..COUNTERS).map(|n| registry.counter(("orders", tags(n)))).collect(),
            gauges: (0..GAUGES).map(|n| registry.gauge(("depth", tags(n)))).collect(),
            timers: (0..TIMERS).map(|n| registry.timer(("request", tags(n)))).collect(),
        }
    }

    /// One round; each counter and gauge moves in its own way.
    fn record(&self, round: usize) {
        self.counters.iter().enumerate().for_each(|(n, counter)| counter.add(step(n)));
        self.gauges.iter().enumerate().for_each(|(n, gauge)| gauge.set(level(n, round)));
        for (n, timer) in self.timers.iter().enumerate() {
            timer.record(Duration::from_micros((1 + n as u64) * (1 + round as u64 % 1000)));
        }
    }

    /// Records round by round while something is done; says how many rounds there were, and what came of it.
    fn record_while<T>(&self, work: impl FnOnce() -> T) -> (usize, T) {
        let (end, ended) = channel::<()>();
        thread::scope(|scope| {
            let rounds = scope.spawn(move || {
                let mut rounds = 1;
                while ended.recv_timeout(ROUND) == Err(RecvTimeoutError::Timeout) {
                    self.record(rounds);
                    rounds += 1;
                }
                rounds
            });
            let done = work();
            drop(end);
            (rounds.join().expect("recording never panics"), done)
        })
    }

    /// The last value of every series after so many rounds; not a number where a timer's fields depend on time.
    fn truth(&self, rounds: usize) -> Series {
        let mut truth = BTreeMap::new();
        let mut series =
            |name: &str, n: usize, value: f64| truth.insert(format!("{name}{{n=\"{n}\"}}"), value);
        for n in 0..COUNTERS {
            series("orders_count", n, (step(n) * rounds as u64) as f64);
        }
        for n in 0..GAUGES {
            series("depth_value", n, level(n, rounds - 1));
        }
        for n in 0..TIMERS {
            series("request_count", n, rounds as f64);
            for field in
                ["avg", "sum", "max", "min", "std_dev", "15m_rate", "5m_rate", "1m_rate", "mean_rate"]
            {
                series(&format!("request_{field}"), n, f64::NAN);
            }
            for percentile in ["50", "75", "95", "99", "999"] {
                series(&format!("request_{percentile}_percentile"), n, f64::NAN);
            }
        }
        truth
    }
}

fn step(n: usize) -> u64 {
    1 + n as u64 % 7
}

fn level(n: usize, round: usize) -> f64 {
    (n * 31 + round * 17) as f64 % 1009.0 / 8.0
}
