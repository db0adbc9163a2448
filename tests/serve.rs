//! The server, as a client on a socket sees it.
#![cfg(feature = "serve")]
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

#[path = "support/client.rs"]
mod client;

use std::error::Error;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use client::{Answer, Client, LIMIT};
use parking_lot::{RwLock, RwLockReadGuard};
use tagmeter::Registry;
use tagmeter::http::{ServeError, Server, ServerBuilder, StopError};

/// Held for reading while a server runs, so that one test can be alone and count threads.
static SERVERS: RwLock<()> = RwLock::new(());

/// A server of this test.
struct Serving {
    server: Server,
    registry: Registry,
    _not_alone: RwLockReadGuard<'static, ()>,
}

impl Serving {
    fn start() -> Self {
        let registry = Registry::new();
        registry.counter("orders").inc();
        Serving::start_with(registry)
    }

    fn start_with(registry: Registry) -> Self {
        Serving::start_as(registry, |builder| builder)
    }

    fn start_as(registry: Registry, how: impl FnOnce(ServerBuilder) -> ServerBuilder) -> Self {
        let guard = SERVERS.read_recursive();
        let server = how(Server::builder(&registry)).start("127.0.0.1:0").unwrap();
        Serving { server, registry, _not_alone: guard }
    }

    fn connect(&self) -> Client {
        Client::connect(self.server.addr())
    }

    fn get(&self, path: &str) -> Answer {
        self.connect().ask(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
    }
}

/// Waits until something holds.
fn until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < LIMIT, "waited too long until {what}");
        thread::yield_now();
    }
}

#[test]
fn metrics_come_in_the_format_that_is_asked_for() {
    let serving = Serving::start();
    let text = serving.get("/metrics");
    assert_eq!(text.status, 200);
    assert_eq!(text.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert!(text.body.contains("orders_total 1\n"), "{}", text.body);

    let accept = "Accept: application/openmetrics-text;version=1.0.0";
    let open = serving.connect().ask(&format!("GET /metrics?x=1 HTTP/1.1\r\nHost: x\r\n{accept}\r\n\r\n"));
    assert_eq!(
        open.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    assert!(open.body.ends_with("# EOF\n"), "{}", open.body);
}

#[test]
fn every_scrape_sees_the_present() {
    let serving = Serving::start();
    for count in 1..=5 {
        assert!(serving.get("/metrics").body.contains(&format!("orders_total {count}\n")));
        serving.registry.counter("orders").inc();
    }
}

#[test]
fn health_says_ok() {
    let answer = Serving::start().get("/health");
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
}

#[test]
fn the_index_links_everything_there_is() {
    let answer = Serving::start().get("/");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    for link in ["href=\"/metrics\"", "href=\"/health\""] {
        assert!(answer.body.contains(link), "{}", answer.body);
    }
}

#[test]
fn anything_else_is_not_found() {
    let serving = Serving::start();
    for path in ["/favicon.ico", "/metrics/", "//metrics", "/metrics.txt", "/..%2fmetrics"] {
        assert_eq!(serving.get(path).status, 404, "{path}");
    }
}

#[test]
fn head_is_get_without_the_body() {
    let serving = Serving::start();
    for path in ["/", "/health", "/metrics", "/nothing"] {
        let whole = serving.get(path);
        let mut client = serving.connect();
        client.send(&format!("HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
        let head = client.head();
        assert_eq!(head.status, whole.status, "{path}");
        assert_eq!(head.header("content-type"), whole.header("content-type"), "{path}");
        assert_eq!(head.length(), whole.body.len(), "{path}");
        assert_eq!(client.rest(), b"", "{path}");
    }
}

#[test]
fn other_methods_are_told_which_are_allowed() {
    let serving = Serving::start();
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "get"] {
        for path in ["/", "/health", "/metrics"] {
            let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
            let answer = serving.connect().ask(&request);
            assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{method} {path}");
        }
    }
}

#[test]
fn what_is_not_http_is_refused() {
    let serving = Serving::start();
    let mut client = serving.connect();
    assert_eq!(client.send("\u{1}\u{2} hello\r\n\r\n").head().status, 400);
    client.rest();
}

#[test]
fn a_large_head_is_refused() {
    let serving = Serving::start();
    for size in [17 * 1024, 1024 * 1024] {
        let mut client = serving.connect();
        let request = format!("GET /metrics HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(size));
        // The server may have closed before everything was sent.
        let _ = client.0.write_all(request.as_bytes());
        assert_eq!(client.head().status, 431, "{size} bytes");
        client.rest();
    }
    let many = "A: b\r\n".repeat(200);
    assert_eq!(serving.connect().send(&format!("GET / HTTP/1.1\r\n{many}\r\n")).head().status, 431);
}

#[test]
fn a_head_of_usual_size_is_not() {
    let request = format!("GET /health HTTP/1.1\r\nHost: x\r\nCookie: {}\r\n\r\n", "x".repeat(8 * 1024));
    assert_eq!(Serving::start().connect().ask(&request).status, 200);
}

#[test]
fn a_body_is_ignored_if_it_is_small() {
    let serving = Serving::start();
    let mut client = serving.connect();
    let sized =
        format!("GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n{}", "b".repeat(50_000));
    assert_eq!(client.ask(&sized).status, 200);
    let chunked =
        "GET /health HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    assert_eq!(client.ask(chunked).status, 200);
    assert_eq!(client.ask("GET /health HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
}

#[test]
fn a_body_is_refused_if_it_is_large() {
    let serving = Serving::start();
    let mut client = serving.connect();
    client.send("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n");
    let _ = client.0.write_all(&vec![b'b'; 200_000]);
    let answer = client.answer();
    assert_eq!((answer.status, answer.header("connection")), (413, Some("close")));
    client.rest();
}

#[test]
fn a_connection_serves_many_requests() {
    let serving = Serving::start();
    let mut client = serving.connect();
    for _ in 0..10 {
        assert_eq!(client.ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
        assert_eq!(client.ask("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n").status, 404);
    }
}

#[test]
fn requests_sent_ahead_are_answered_in_order() {
    let serving = Serving::start();
    let mut client = serving.connect();
    let ask = |path| format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    client.send(&[ask("/health"), ask("/nothing"), ask("/metrics"), ask("/health")].concat());
    let statuses: Vec<u16> = (0..4).map(|_| client.answer().status).collect();
    assert_eq!(statuses, [200, 404, 200, 200]);
}

#[test]
fn a_connection_ends_when_the_client_wants_it_to() {
    let serving = Serving::start();
    for request in
        ["GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "GET /health HTTP/1.0\r\n\r\n"]
    {
        let mut client = serving.connect();
        assert_eq!(client.ask(request).body, "ok\n");
        assert_eq!(client.rest(), b"");
    }
}

#[test]
fn a_client_that_closed_its_side_gets_its_answer() {
    let serving = Serving::start();
    let mut client = serving.connect();
    client.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    client.0.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.answer().status, 200);
    assert_eq!(client.rest(), b"");
}

#[test]
fn half_sent_requests_keep_no_scrape_waiting() {
    let serving = Serving::start_as(Registry::new(), |builder| builder.max_connections(64));
    // More than there is room for, so that the first of them have to go.
    let mut slow: Vec<Client> = (0..100).map(|_| serving.connect()).collect();
    slow.iter_mut().for_each(|client| drop(client.0.write_all(b"GET /metrics HTTP/1.1\r\nHost")));
    let mut scraper = serving.connect();
    for _ in 0..3 {
        assert_eq!(scraper.ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
    }
    assert_eq!(slow[0].rest(), b"");
    let last = slow.last_mut().unwrap();
    assert_eq!(last.ask(": x\r\n\r\n").status, 200);
}

#[test]
fn readers_that_stop_reading_keep_no_scrape_waiting() {
    let registry = Registry::new();
    for number in 0..20_000 {
        registry.counter(("orders", [("number", number.to_string())])).inc();
    }
    let serving = Serving::start_with(registry);
    let whole = serving.get("/metrics").body;
    let mut slow: Vec<Client> = (0..40).map(|_| serving.connect()).collect();
    for client in &mut slow {
        client.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    assert_eq!(serving.get("/metrics").body.len(), whole.len());
}

#[test]
fn many_scrapes_at_once_are_all_answered() {
    let serving = Serving::start();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..25 {
                    assert_eq!(serving.get("/metrics").status, 200);
                }
            });
        }
    });
}

/// A registry whose next scrape says that it has begun and ends when it is told to.
fn slow_registry() -> (Registry, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let registry = Registry::new();
    let (begun, begins) = mpsc::channel();
    let (end, ended) = mpsc::channel();
    let ended = parking_lot::Mutex::new(ended);
    registry.gauge_fn("slow", move || {
        let _ = begun.send(());
        let _ = ended.lock().recv_timeout(LIMIT);
        1.0
    });
    (registry, begins, end)
}

#[test]
fn a_slow_collector_keeps_only_pages_waiting() {
    let (registry, begun, end) = slow_registry();
    let serving = Serving::start_with(registry);
    let mut scraper = serving.connect();
    scraper.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    begun.recv_timeout(LIMIT).unwrap();
    assert_eq!(serving.get("/health").status, 200);
    assert_eq!(serving.get("/").status, 200);
    end.send(()).unwrap();
    assert!(scraper.answer().body.contains("slow 1\n"));
}

#[test]
fn stop_frees_the_port_and_lets_begun_answers_finish() {
    let (registry, begun, end) = slow_registry();
    let Serving { server, registry, _not_alone } = Serving::start_with(registry);
    let addr = server.addr();
    let mut scraper = Client::connect(addr);
    scraper.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    begun.recv_timeout(LIMIT).unwrap();

    let stopping = thread::spawn(move || server.stop(LIMIT));
    until("the port is free", || TcpListener::bind(addr).is_ok());
    assert!(!stopping.is_finished());
    end.send(()).unwrap();
    assert!(scraper.answer().body.contains("slow 1\n"));
    assert_eq!(stopping.join().unwrap(), Ok(()));

    let again = tagmeter::serve(addr, &registry).unwrap();
    assert_eq!(Client::connect(addr).ask("GET /health HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
    again.stop(LIMIT).unwrap();
}

#[test]
fn stop_cuts_off_what_does_not_end() {
    let (registry, begun, _end) = slow_registry();
    let Serving { server, _not_alone, .. } = Serving::start_with(registry);
    let mut scraper = Client::connect(server.addr());
    scraper.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    begun.recv_timeout(LIMIT).unwrap();
    let timeout = Duration::from_millis(20);
    let error = server.stop(timeout).unwrap_err();
    assert_eq!(error, StopError::CutOff { unfinished: 1, timeout });
    assert_eq!(error.to_string(), "answers unfinished after 20ms and cut off: 1");
    assert_eq!(scraper.rest(), b"");
}

#[test]
fn stop_waits_for_nobody_who_is_not_being_answered() {
    let Serving { server, _not_alone, .. } = Serving::start();
    let mut idle = Client::connect(server.addr());
    assert_eq!(idle.ask("GET /health HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
    let mut half_sent = Client::connect(server.addr());
    half_sent.send("GET /metr");
    let mut silent = Client::connect(server.addr());
    // They are not waited for at all, however short the timeout.
    assert_eq!(server.stop(Duration::ZERO), Ok(()));
    for client in [&mut idle, &mut half_sent, &mut silent] {
        assert_eq!(client.rest(), b"");
    }
}

#[test]
fn a_dropped_server_goes_on() {
    let serving = Serving::start();
    let addr = serving.server.addr();
    drop(serving.server);
    for _ in 0..3 {
        assert_eq!(Client::connect(addr).ask("GET /health HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
    }
}

#[test]
fn a_taken_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    let error = tagmeter::serve(addr, &Registry::new()).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot listen on {addr}, expected a free port of this machine"));
    let source = error.source().unwrap().downcast_ref::<io::Error>().unwrap();
    assert_eq!(source.kind(), io::ErrorKind::AddrInUse);
    let mut shown = String::new();
    write!(shown, "{error:?}").unwrap();
    assert!(shown.contains(&addr.to_string()), "{shown}");
}

#[test]
fn the_next_address_is_tried_when_the_first_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addrs = [taken.local_addr().unwrap(), "127.0.0.1:0".parse().unwrap()];
    let guard = SERVERS.read_recursive();
    let server = tagmeter::serve(&addrs[..], &Registry::new()).unwrap();
    assert_ne!(server.addr(), addrs[0]);
    server.stop(LIMIT).unwrap();
    drop(guard);
}

#[test]
fn an_address_without_a_port_is_refused() {
    let error = tagmeter::serve("localhost", &Registry::new()).unwrap_err();
    assert!(matches!(error, ServeError::Resolve { .. }));
    assert_eq!(error.to_string(), "the address to serve on does not resolve, expected `host:port`");
    let none: &[SocketAddr] = &[];
    assert!(matches!(tagmeter::serve(none, &Registry::new()), Err(ServeError::Resolve { .. })));
}

/// Starts, scrapes, stops, and drops one that goes on.
fn use_a_server() {
    let serving = Serving::start();
    assert_eq!(serving.get("/metrics").status, 200);
    serving.server.stop(LIMIT).unwrap();
    drop(Serving::start().server);
}

#[test]
fn it_needs_no_runtime_and_works_inside_any() {
    use_a_server();
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async { use_a_server() });
    let many = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    many.block_on(async {
        use_a_server();
        tokio::spawn(async { use_a_server() }).await.unwrap();
        tokio::task::spawn_blocking(use_a_server).await.unwrap();
    });
}

/// How many threads of this process have such a name.
fn threads(name: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names.filter(|own| own.trim_end().starts_with(name)).count()
}

#[test]
fn stop_leaves_no_thread_behind() {
    let _alone = SERVERS.write();
    let before = threads("tagmeter");
    for _ in 0..3 {
        let registry = Registry::new();
        let server = tagmeter::serve("127.0.0.1:0", &registry).unwrap();
        assert_eq!(Client::connect(server.addr()).ask("GET /metrics HTTP/1.0\r\n\r\n").status, 200);
        assert!(threads("tagmeter") > before);
        server.stop(LIMIT).unwrap();
    }
    // The system may show a thread for a moment after it was joined.
    until("no thread is left", || threads("tagmeter") <= before);
}
