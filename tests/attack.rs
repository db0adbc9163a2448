//! Clients that are broken, slow, hostile or too many: each gets the answer it should, the others are served meanwhile,
//! and nothing of them is left. The server is a process of its own here, so that what it holds can be counted.
#![cfg(feature = "serve")]
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

#[path = "support/client.rs"]
mod client;

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use client::{Answer, Client, LIMIT};
use tagmeter::Registry;
use tagmeter::http::{Server, ServerBuilder};

/// Set in the process that is the server: how many series it has.
const SERIES: &str = "TAGMETER_TEST_SERIES";
/// And how many bytes there are in each one's tag, at least.
const WIDTH: &str = "TAGMETER_TEST_WIDTH";
/// And how many connections at a time.
const CONNECTIONS: &str = "TAGMETER_TEST_CONNECTIONS";
/// What the server says before its address.
const LISTENING: &str = "listening on ";
/// And before how long records took.
const TOOK: &str = "records took ";

const SCRAPE: &str = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
const SCRAPE_GZIP: &str =
    "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept-Encoding: gzip\r\n\r\n";
const HEALTH: &str = "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/// A server as a process; ended when dropped.
struct Victim {
    child: Child,
    addr: SocketAddr,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Victim {
    /// One with so many series and connections at a time.
    fn start(series: usize, connections: usize) -> Self {
        Victim::start_wide(series, 1, connections)
    }

    /// One whose page is as large as series of such a width make it.
    fn start_wide(series: usize, width: usize, connections: usize) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_victim", "--nocapture"])
            .env(SERIES, series.to_string())
            .env(WIDTH, width.to_string())
            .env(CONNECTIONS, connections.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdin, mut stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let addr = said(&mut stdout, LISTENING).parse().unwrap();
        let victim = Victim { addr, child, stdin, stdout };
        // The thread that pages are written on stays for a while, and shall be there from the start.
        assert_eq!(victim.ask(SCRAPE).status, 200);
        victim
    }

    /// Lets it record so often; how long that took it, in nanoseconds, at the half and the thousandth slowest.
    fn record(&mut self, times: usize) -> [u64; 2] {
        writeln!(self.stdin, "{times}").unwrap();
        let took = said(&mut self.stdout, TOOK);
        let mut numbers = took.split_whitespace().map(|number| number.parse().unwrap());
        [numbers.next().unwrap(), numbers.next().unwrap()]
    }

    fn connect(&self) -> Client {
        Client::connect(self.addr)
    }

    fn ask(&self, request: &str) -> Answer {
        self.connect().ask(request)
    }

    /// File descriptors and threads that it has.
    fn holds(&self) -> [usize; 2] {
        ["fd", "task"].map(|what| fs::read_dir(format!("/proc/{}/{what}", self.child.id())).unwrap().count())
    }

    /// Memory that it has, in MB.
    fn megabytes(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    }

    /// Waits until it holds no more than it did.
    fn holds_again(&self, before: [usize; 2]) {
        let start = Instant::now();
        while self.holds().iter().zip(before).any(|(now, before)| *now > before) {
            assert!(start.elapsed() < LIMIT, "it held {before:?} and holds {:?}", self.holds());
            thread::yield_now();
        }
    }
}

/// The rest of the next line that begins so; the test's own lines are between them.
fn said(stdout: &mut impl BufRead, begins: &str) -> String {
    let mut lines = stdout.lines().map_while(Result::ok);
    lines.find_map(|line| Some(line.strip_prefix(begins)?.to_owned())).unwrap()
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The other process: serves until its standard input ends. Without being told to, it only checks that it can.
#[test]
fn the_victim() {
    let number = |name| std::env::var(name).ok().and_then(|number| number.parse().ok());
    let registry = Registry::new();
    let orders = registry.define("orders").tags(["number"]).max_series(1_000_000).counters().unwrap();
    let width = number(WIDTH).unwrap_or(1);
    let tags: Vec<String> = (0..number(SERIES).unwrap_or(1)).map(|n| format!("{n:0width$}")).collect();
    tags.iter().for_each(|tag| orders.with([tag.as_str()]).inc());
    let connections = |builder: ServerBuilder| builder.max_connections(number(CONNECTIONS).unwrap_or(1));
    let server = connections(Server::builder(&registry)).start("127.0.0.1:0").unwrap();
    println!("\n{LISTENING}{}", server.addr());
    if number(SERIES).is_some() {
        for times in io::stdin().lines().map_while(Result::ok) {
            let [half, slowest] = record(times.parse().unwrap(), &tags, |tag| orders.with([tag]).inc());
            println!("{TOOK}{half} {slowest}");
        }
    }
    server.stop(LIMIT).unwrap();
}

/// Records so often, all over the series; nanoseconds at the half and the thousandth slowest, two readings of the clock
/// included.
fn record(times: usize, tags: &[String], inc: impl Fn(&str)) -> [u64; 2] {
    let mut taken: Vec<u64> = (0..times)
        .map(|n| {
            let tag = &tags[n.wrapping_mul(2_654_435_761) % tags.len()];
            let begun = Instant::now();
            inc(tag);
            u64::try_from(begun.elapsed().as_nanos()).unwrap()
        })
        .collect();
    taken.sort_unstable();
    [taken[times / 2], taken[times - times / 1000]]
}

/// What each odd request is answered with, before the connection ends.
#[test]
fn odd_requests_get_the_status_that_says_so() {
    let victim = Victim::start(1, 64);
    let before = victim.holds();
    let cases: [(&str, u16); 25] = [
        ("GET http://shop.example/metrics HTTP/1.1\r\nHost: shop.example\r\n", 200),
        ("GET /metrics HTTP/1.0\r\n", 200),
        ("GET /metrics?name[]=orders HTTP/1.1\r\nHost: x\r\n", 200),
        ("GET /metrics?%00%ff=&&&==name[]= HTTP/1.1\r\nHost: x\r\n", 200),
        ("GET /metrics/../health HTTP/1.1\r\nHost: x\r\n", 404),
        ("GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n", 404),
        ("GET /..%2f..%2fetc%2fpasswd HTTP/1.1\r\nHost: x\r\n", 404),
        ("GET /%6detrics HTTP/1.1\r\nHost: x\r\n", 404),
        ("GET /metrics%00 HTTP/1.1\r\nHost: x\r\n", 404),
        ("GET //metrics HTTP/1.1\r\nHost: x\r\n", 404),
        ("GET /METRICS HTTP/1.1\r\nHost: x\r\n", 404),
        ("OPTIONS * HTTP/1.1\r\nHost: x\r\n", 404),
        ("TRACE /metrics HTTP/1.1\r\nHost: x\r\n", 405),
        ("CONNECT shop.example:443 HTTP/1.1\r\nHost: x\r\n", 404),
        ("get /metrics HTTP/1.1\r\nHost: x\r\n", 405),
        ("DELETE /health HTTP/1.1\r\nHost: x\r\n", 405),
        ("GET /metrics HTTP/9.9\r\nHost: x\r\n", 400),
        ("GET /metrics\r\n", 400),
        ("GET  /metrics HTTP/1.1\r\nHost: x\r\n", 400),
        ("GET metrics HTTP/1.1\r\nHost: x\r\n", 404),
        ("GET /metrics HTTP/1.1\r\nHost : x\r\n", 400),
        ("GET /metrics HTTP/1.1\r\nHost: x\0y\r\n", 400),
        ("GET /metrics HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n", 400),
        ("GET /metrics HTTP/1.1\r\nContent-Length: -1\r\n", 400),
        ("GET /metrics HTTP/1.1\r\nTransfer-Encoding: cow\r\n", 400),
    ];
    for (request, status) in cases {
        let mut client = victim.connect();
        client.send(&format!("{request}\r\n")).0.shutdown(Shutdown::Write).unwrap();
        let answer = client.head();
        assert_eq!(answer.status, status, "{request:?} {}", answer.head);
        let allow = (status == 405).then_some("GET, HEAD");
        assert_eq!(answer.header("allow"), allow, "{request:?}");
        client.rest();
    }
    // Who speaks HTTP/2 at once is not told in the words of another.
    assert_eq!(victim.connect().send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").rest(), b"");
    assert_eq!(victim.ask(HEALTH).status, 200);
    victim.holds_again(before);
}

#[test]
fn bytes_that_are_not_http_end_the_connection() {
    let victim = Victim::start(1, 64);
    let before = victim.holds();
    // The beginning of what a TLS client says first; zeros; a page of noise.
    let hello = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
    let noise: Vec<u8> = (0..40_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for bytes in [&hello[..], &[0; 4096], &noise] {
        let mut client = victim.connect();
        // The server may have closed before everything was sent.
        let _ = client.0.write_all(bytes);
        assert_eq!(client.head().status, 400);
        client.rest();
    }
    assert_eq!(victim.ask(HEALTH).status, 200);
    victim.holds_again(before);
}

#[test]
fn a_megabyte_of_headers_is_refused() {
    let victim = Victim::start(1, 64);
    let before = victim.holds();
    let one = format!("X: {}\r\n", "x".repeat(1 << 20));
    let many = "A: b\r\n".repeat((1 << 20) / 6);
    let unending = "x".repeat(1 << 20);
    for headers in [&one, &many, &unending] {
        let mut client = victim.connect();
        let _ = client.0.write_all(format!("GET /metrics HTTP/1.1\r\nHost: x\r\n{headers}").as_bytes());
        assert_eq!(client.head().status, 431);
        client.rest();
    }
    victim.holds_again(before);
}

#[test]
fn dribbled_requests_and_missing_bodies_hold_nobody_up() {
    let victim = Victim::start(1, 16);
    let before = victim.holds();
    let mut slow: Vec<Client> = (0..40)
        .map(|n| {
            let mut client = victim.connect();
            let begun = [
                "",
                "G",
                "GET /metrics HTTP/1.1\r\nHost: x\r\n",
                "GET / HTTP/1.1\r\nContent-Length: 9\r\n\r\n",
            ];
            let _ = client.0.write_all(begun[n % 4].as_bytes());
            client
        })
        .collect();
    for _ in 0..3 {
        // A byte more does not make a request faster.
        slow.iter_mut().for_each(|client| _ = client.0.write_all(b"a"));
        assert_eq!(victim.ask(SCRAPE).status, 200);
        assert_eq!(victim.ask(HEALTH).status, 200);
    }
    drop(slow);
    victim.holds_again(before);
}

#[test]
fn an_answer_may_be_read_byte_by_byte() {
    let victim = Victim::start(20, 4);
    let mut slow = victim.connect();
    slow.send(SCRAPE);
    let answer = slow.head();
    let mut body = vec![0; answer.length()];
    for byte in &mut body {
        assert_eq!(victim.ask(HEALTH).status, 200);
        slow.0.read_exact(std::slice::from_mut(byte)).unwrap();
    }
    assert_eq!(String::from_utf8(body).unwrap(), victim.ask(SCRAPE).body);
}

/// A server whose page no socket's buffers take whole.
fn large() -> Victim {
    Victim::start_wide(2_000, 10_000, 64)
}

/// Clients that begin to read a page each.
fn readers(victim: &Victim, count: usize) -> Vec<Client> {
    let begin = || {
        let mut client = victim.connect();
        client.send(SCRAPE).0.read_exact(&mut [0; 100]).unwrap();
        client
    };
    (0..count).map(|_| begin()).collect()
}

#[test]
fn readers_that_stop_may_go_on_and_hold_nobody_up() {
    let victim = large();
    let before = victim.holds();
    let mut stopped = readers(&victim, 4);
    // They have said all they had to say, and still read.
    stopped.iter().for_each(|client| client.0.shutdown(Shutdown::Write).unwrap());
    let whole = victim.ask(SCRAPE).body.len();
    assert!(whole > 20_000_000);
    for client in &mut stopped {
        assert!(client.rest().len() > 20_000_000);
    }
    victim.holds_again(before);
}

#[test]
fn readers_that_stop_go_when_others_want_the_memory() {
    let victim = large();
    let before = victim.holds();
    // As many pages as there are at a time.
    let mut stopped = readers(&victim, 8);
    assert!(victim.ask(SCRAPE).body.len() > 20_000_000);
    for client in &mut stopped {
        assert!(client.rest().len() < 20_000_000);
    }
    victim.holds_again(before);
}

#[test]
fn readers_that_vanish_leave_nothing_behind() {
    let victim = large();
    let before = victim.holds();
    for _ in 0..3 {
        // What is unread when a socket closes resets the connection.
        drop(readers(&victim, 6));
        assert_eq!(victim.ask(HEALTH).status, 200);
        victim.holds_again(before);
    }
    assert!(victim.ask(SCRAPE).body.len() > 20_000_000);
}

/// As many scrapes at once, of which each reads its answer to the end. Gives how often each status came.
fn storm(victim: &Victim, request: &str, scrapes: usize, length: Option<usize>) -> Vec<(u16, usize)> {
    let scrape = || {
        let mut client = victim.connect();
        let head = client.send(request).head();
        let body = client.rest();
        assert_eq!(body.len(), head.length(), "{}", head.head);
        match head.status {
            200 => length.into_iter().for_each(|length| assert_eq!(body.len(), length)),
            _ => assert_eq!((head.status, head.header("retry-after")), (503, Some("1"))),
        }
        head.status
    };
    let statuses: Vec<u16> = thread::scope(|scope| {
        let small = || thread::Builder::new().stack_size(128 * 1024);
        let scrapes: Vec<_> = (0..scrapes).map(|_| small().spawn_scoped(scope, scrape).unwrap()).collect();
        let health = small().spawn_scoped(scope, || victim.ask(HEALTH).status).unwrap();
        assert_eq!(health.join().unwrap(), 200);
        scrapes.into_iter().map(|scrape| scrape.join().unwrap()).collect()
    });
    let count = |status| statuses.iter().filter(|own| **own == status).count();
    [200, 503].into_iter().map(|status| (status, count(status))).collect()
}

/// How many connections this process may make, and some more.
fn scrapes() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let most = line.split_whitespace().next().unwrap().parse().unwrap_or(usize::MAX);
    1_000.min(most.saturating_sub(100))
}

#[test]
fn a_thousand_scrapes_at_once_are_all_answered_round_after_round() {
    let victim = Victim::start(series(), 2048);
    let before = victim.holds();
    println!("before, the server has {:.0} MB", victim.megabytes());
    for (how, request) in [("as it is", SCRAPE), ("in gzip", SCRAPE_GZIP)] {
        let length = victim.connect().send(request).head().length();
        for round in 1..=5 {
            let (begun, scrapes) = (Instant::now(), scrapes());
            assert_eq!(storm(&victim, request, scrapes, Some(length)), [(200, scrapes), (503, 0)]);
            let (took, has) = (begun.elapsed(), victim.megabytes());
            println!("{how}, round {round}: {scrapes} times {length} bytes in {took:.1?}, then {has:.0} MB");
            victim.holds_again(before);
        }
    }
}

/// How many series there are where figures are wanted: a tenth of that unless said otherwise.
fn series() -> usize {
    std::env::var("TAGMETER_ATTACK_SERIES").map_or(10_000, |series| series.parse().unwrap())
}

/// Says that it has ended when it is dropped, as a panic does.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// As [`Victim::record`], while a thousand scrape again and again.
fn record_while_scraped(victim: &mut Victim, times: usize) -> [u64; 2] {
    let (addr, ended) = (victim.addr, AtomicBool::new(false));
    let scrape_on = || {
        while !ended.load(Ordering::Relaxed) {
            let mut client = Client::connect(addr);
            assert_eq!(client.send(SCRAPE).head().status, 200);
            client.rest();
        }
    };
    thread::scope(|scope| {
        let _end = End(&ended);
        for _ in 0..scrapes() {
            thread::Builder::new().stack_size(128 * 1024).spawn_scoped(scope, scrape_on).unwrap();
        }
        victim.record(times)
    })
}

/// The median of each number.
fn medians(mut runs: Vec<[u64; 2]>) -> [u64; 2] {
    [0, 1].map(|number| {
        runs.sort_unstable_by_key(|run| run[number]);
        runs[runs.len() / 2][number]
    })
}

#[test]
fn records_are_counted_while_a_thousand_scrape_again_and_again() {
    let series = series();
    let times = 3 * series;
    let mut victim = Victim::start(series, 2048);
    let (mut alone, mut scraped) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        alone.push(victim.record(times));
        scraped.push(record_while_scraped(&mut victim, times));
    }
    for (when, runs) in [("alone", alone), ("while a thousand scrape", scraped)] {
        let [half, slowest] = medians(runs);
        println!("a record {when}: {half} ns, p99.9 {slowest} ns");
    }
    let page = victim.ask(SCRAPE).body;
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    let sum: usize = samples.map(|line| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap()).sum();
    assert_eq!(sum, series + 10 * times);
}

#[test]
fn beyond_the_limit_scrapes_are_told_to_come_back_and_health_is_told() {
    let victim = Victim::start(5_000, 64);
    let before = victim.holds();
    for _ in 0..3 {
        let answered = storm(&victim, SCRAPE, 400, None);
        assert!(answered[0].1 >= 1, "{answered:?}");
        assert_eq!(answered.iter().map(|(_, count)| count).sum::<usize>(), 400);
        victim.holds_again(before);
    }
    assert_eq!(victim.ask(SCRAPE).status, 200);
}

/// What is left of a storm whose clients all leave in the middle.
#[test]
fn a_storm_that_breaks_off_leaves_nothing_behind() {
    let victim = Victim::start(20_000, 256);
    let before = victim.holds();
    for _ in 0..3 {
        let mut clients: Vec<Client> = (0..200).map(|_| victim.connect()).collect();
        clients.iter_mut().for_each(|client| _ = client.0.write_all(SCRAPE.as_bytes()));
        clients[0].0.read_exact(&mut [0; 10]).unwrap();
        drop(clients);
        assert_eq!(victim.ask(HEALTH).status, 200);
        victim.holds_again(before);
    }
    assert_eq!(victim.ask(SCRAPE).status, 200);
}
