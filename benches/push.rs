//! What does a push cost, for each point?
//!
//! From the call until the receiver, another process, has answered: snapshot, points, JSON, deflate, HTTP. CPU is that of
//! all threads of the pusher, the system's share included. Python's `apptuit`, which tagmeter is a successor of, does the
//! same in a process of its own, where `tests/backends.sh install apptuit` has put it.

use std::hint::black_box;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tagmeter::collect::ResourceUsage;
use tagmeter::tag::Environment;
use tagmeter::{Apptuit, Registry, Reporter};
use tagmeter_benches::counting::{ALLOCATIONS, Counting};
use tagmeter_benches::inputs::{ROUTES, routes_and_users};
use tagmeter_benches::{Bench, Row};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const GROUP: &str = "a report of 100 000 points, per point";
const POINTS: usize = 100_000;
/// Numbers that a timer has.
const FIELDS: usize = 15;
/// Asks this program to be the receiver.
const RECEIVE: &str = "--receive";
const AN_HOUR: Duration = Duration::from_secs(3600);

fn main() -> io::Result<()> {
    if std::env::args().any(|argument| argument == RECEIVE) {
        return receive();
    }
    let mut bench = Bench::new("push");
    if !bench.is_counting() {
        let runs = bench.runs(9);
        let receiver = Receiver::start()?;
        let mut rows = vec![copied(runs)];
        rows.push(reports("counters of two tags", &counters(), &receiver, runs));
        rows.push(reports("timers of two tags, 15 points each", &timers(), &receiver, runs));
        rows.extend(of_python(&receiver, runs));
        bench.rows(rows);
    }
    bench.run();
    Ok(())
}

/// What one report cost.
#[derive(Clone, Copy)]
struct Cost {
    wall: Duration,
    cpu: Duration,
    allocations: usize,
}

impl Cost {
    fn of(work: impl FnOnce()) -> Self {
        let (began, cpu, allocations) = (Instant::now(), cpu(), ALLOCATIONS.load(Ordering::Relaxed));
        work();
        let allocations = ALLOCATIONS.load(Ordering::Relaxed) - allocations;
        Cost { wall: began.elapsed(), cpu: self::cpu().saturating_sub(cpu), allocations }
    }
}

fn cpu() -> Duration {
    ResourceUsage::read().map_or(Duration::ZERO, |usage| usage.user + usage.system)
}

/// Medians, of one point.
fn row(peer: &str, what: &str, costs: &[Cost]) -> Row {
    let each = |number: fn(&Cost) -> f64| median(costs.iter().map(number)) / POINTS as f64;
    let mut row = Row::new("push", GROUP, peer, what).with("CPU_ns", each(|cost| cost.cpu.as_nanos() as f64));
    row.ns_per_op = Some(each(|cost| cost.wall.as_nanos() as f64));
    row
}

fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// The bare machine: the bytes of the JSON, copied.
fn copied(runs: usize) -> Row {
    const BYTES_OF_A_POINT: usize = 125;
    let json = vec![b'x'; POINTS * BYTES_OF_A_POINT];
    let mut copy = json.clone();
    let costs: Vec<Cost> = (0..runs)
        .map(|_| {
            Cost::of(|| {
                copy.copy_from_slice(&json);
                black_box(&copy);
            })
        })
        .collect();
    row("machine", "memcpy of the JSON", &costs)
}

fn reports(what: &str, registry: &Registry, receiver: &Receiver, runs: usize) -> Row {
    let sink = Apptuit::builder().token("any").endpoint(&receiver.endpoint).environment(Environment::empty());
    let sink = sink.build().expect("all is given");
    let reporter = Reporter::new(registry, sink).every(AN_HOUR).environment(Environment::empty());
    let reporter = reporter.push_own_metrics(false).start().expect("nothing is wrong with it");
    let report = || {
        let report = reporter.report_now().expect("the reporter is there");
        assert_eq!(report.successful, POINTS, "{:?}", report.errors);
    };
    // The first makes what later ones find.
    report();
    let costs: Vec<Cost> = (0..runs).map(|_| Cost::of(report)).collect();
    let allocations = median(costs.iter().map(|cost| cost.allocations as f64)) / POINTS as f64;
    row("tagmeter", what, &costs).with("allocations", allocations)
}

fn counters() -> Registry {
    let registry = Registry::new();
    let definition = registry.define("requests").tags(["route", "user"]);
    let family = definition.max_series(POINTS.max(ROUTES.len())).counters().expect("the name is free");
    for (n, (route, user)) in routes_and_users(POINTS).iter().enumerate() {
        family.with([route, user]).add(scattered(n));
    }
    registry
}

fn timers() -> Registry {
    let registry = Registry::builder().quantiles().build();
    let series = POINTS / FIELDS;
    let family = registry.define("latency").tags(["route", "user"]).timers().expect("the name is free");
    for (n, (route, user)) in routes_and_users(series).iter().enumerate() {
        family.with([route, user]).record(Duration::from_micros(scattered(n)));
    }
    // What is missing from a whole number of timers.
    (0..POINTS - series * FIELDS).for_each(|n| registry.gauge(("rest", [("n", n.to_string())])).set(1.0));
    registry
}

/// Of six digits: all ones would be nearly nothing when compressed.
fn scattered(n: usize) -> u64 {
    (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44
}

/// Python's own reports of as many counters, if it is there.
fn of_python(receiver: &Receiver, runs: usize) -> Option<Row> {
    let backends = std::env::var_os("BACKENDS_DIR").map(PathBuf::from);
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let python = backends.unwrap_or_else(|| here.join("../target/backends")).join("venv-apptuit/bin/python");
    let mut command = Command::new(&python);
    command.arg(here.join("push.py")).args([&receiver.endpoint, &POINTS.to_string(), &runs.to_string()]);
    let Ok(said) = command.stderr(Stdio::inherit()).output() else {
        eprintln!("no {}, so no row for Python: tests/backends.sh install apptuit", python.display());
        return None;
    };
    let costs: Vec<Cost> = String::from_utf8_lossy(&said.stdout).lines().filter_map(of_line).collect();
    (costs.len() == runs)
        .then(|| row("apptuit (Python)", "ApptuitReporter.report_now, counters of two tags", &costs))
}

/// Seconds of time and of CPU.
fn of_line(line: &str) -> Option<Cost> {
    let (wall, cpu) = line.split_once(' ')?;
    let seconds = |text: &str| text.parse().map(Duration::from_secs_f64).ok();
    Some(Cost { wall: seconds(wall)?, cpu: seconds(cpu)?, allocations: 0 })
}

/// This program again, as the process that takes what is pushed.
struct Receiver {
    child: Child,
    endpoint: String,
    _said: BufReader<ChildStdout>,
}

impl Receiver {
    fn start() -> io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(RECEIVE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut said = BufReader::new(child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?);
        let mut port = String::new();
        said.read_line(&mut port)?;
        Ok(Receiver { child, endpoint: format!("http://127.0.0.1:{}", port.trim()), _said: said })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Takes every push, and does nothing with it.
fn receive() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    for stream in listener.incoming() {
        let stream = stream?;
        std::thread::spawn(move || drop(answer_all(stream)));
    }
    Ok(())
}

fn answer_all(stream: TcpStream) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    let mut length = 0;
    while {
        line.clear();
        stream.read_line(&mut line)?
    } > 0
    {
        if let Some(told) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = told.trim().parse().unwrap_or(0);
        }
        if line == "\r\n" {
            io::copy(&mut stream.by_ref().take(length), &mut io::sink())?;
            stream.get_mut().write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?;
        }
    }
    Ok(())
}
