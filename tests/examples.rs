//! The examples, run as a reader would run them.

#[cfg(all(unix, feature = "apptuit", feature = "spool"))]
#[path = "support/loopback.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "other tests use the rest")]
mod loopback;

#[path = "support/example.rs"]
#[allow(dead_code, reason = "the end-to-end test uses the rest")]
mod example;

use example::Running;

/// What an example that ends by itself prints.
fn output_of(name: &'static str) -> String {
    Running::start(name, &[]).end()
}

#[track_caller]
fn assert_lines(output: &str, expected: &[&str]) {
    for line in expected {
        assert!(output.lines().any(|printed| printed == *line), "no line {line:?} in:\n{output}");
    }
}

/// What a program answers to a scrape.
#[cfg(any(feature = "serve", all(unix, feature = "apptuit", feature = "spool")))]
fn page(address: &str) -> String {
    use std::io::{Read, Write};

    let mut connection = std::net::TcpStream::connect(address).expect("it listens where it says");
    let asked = format!("GET /metrics HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    connection.write_all(asked.as_bytes()).expect("it reads");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("it answers");
    answer
}

#[cfg(feature = "serve")]
#[test]
fn the_smallest_program_can_be_scraped() {
    let mut smallest = Running::start("smallest", &[]);
    let address = smallest.after("http://");
    let address = address.strip_suffix("/metrics").expect("the page is at /metrics");
    let answer = page(address);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let sample = r#"requests_total{route="/orders",status="200"} 1"#;
    assert_lines(
        &answer,
        &["# HELP requests_total Requests served.", "# TYPE requests_total counter", sample],
    );
}

#[test]
fn metrics_by_name() {
    let expected = [
        "queue_depth 0",
        "kernel_packets_total 1000",
        "jobs_running 0",
        "handle_order_seconds_count 3",
        "order_count_total 3",
        r#"order_count_total{item="lamp"} 1"#,
        "order_total 3",
        "item_letters_sum 13",
        "temperature 21.5",
    ];
    let output = output_of("by_name");
    assert_lines(&output, &expected);
    assert!(output.contains("tagmeter_problems_total{"), "the name that was taken is counted:\n{output}");
}

#[test]
fn defined_metrics() {
    let expected = [
        "# HELP requests_total Requests answered.",
        r#"requests_total{route="/orders",status="200"} 1"#,
        r#"request_seconds_count{route="/orders"} 1"#,
        "queue_depth 2",
        r#"order_bytes_bucket{le="256.0"} 0"#,
        r#"order_bytes_bucket{le="1024.0"} 1"#,
        r#"sent_bytes_total{peer="a"} 2000"#,
        r#"sent_bytes_total{peer="b"} 0"#,
        r#"session_bytes_total{client="10.0.0.7"} 64"#,
        r#"session_bytes_total{client="10.0.0.8"} 128"#,
    ];
    let output = output_of("definitions");
    assert_lines(&output, &expected);
    let conflict =
        r#"# gauge "sent" with tags ["peer", "port"] conflicts with counter "sent" with tags ["peer"]"#;
    assert!(output.starts_with(conflict), "{output}");
}

#[test]
fn every_way_to_time() {
    let expected = ["5 pieces of work", "ok: 1", "error: 1", "panic: 0", "cancelled: 1"];
    assert_lines(&output_of("timing"), &expected);
}

#[cfg(target_os = "linux")]
#[test]
fn an_exporter() {
    let output = output_of("exporter");
    let expected = [
        "# TYPE load_average gauge",
        "# TYPE network_bytes_total counter",
        "# HELP network_packets_total Through a device.",
        r#"tagmeter_collector_runs_total{collector="load",outcome="ok"} 1"#,
        r#"tagmeter_collector_runs_total{collector="network",outcome="ok"} 3"#,
        r#"tagmeter_collector_seconds_count{collector="network"} 3"#,
    ];
    assert_lines(&output, &expected);
    let kernel = std::fs::read_to_string("/proc/net/dev").expect("it is Linux");
    let devices: Vec<&str> = kernel.lines().filter_map(|line| Some(line.split_once(':')?.0.trim())).collect();
    assert!(!devices.is_empty(), "{kernel}");
    for device in devices {
        for direction in ["received", "sent"] {
            let sample = format!(r#"network_bytes_total{{device="{device}",direction="{direction}"}} "#);
            assert!(output.lines().any(|line| line.starts_with(&sample)), "no {sample} in:\n{output}");
        }
    }
    assert!(!output.contains("tagmeter_problems"), "{output}");
}

#[test]
fn reading_back() {
    let expected = ["2 orders more", r#"orders_total{city="Oslo"} 2"#, "handle_order_seconds_sum 0.5"];
    assert_lines(&output_of("testing"), &expected);
}

#[cfg(all(unix, feature = "apptuit", feature = "spool"))]
#[test]
fn what_a_receiver_that_was_down_did_not_get_is_sent_after_the_next_start() {
    let spool = std::env::temp_dir().join(format!("tagmeter-orders-{}", std::process::id()));
    let spool_text = spool.to_string_lossy();
    let start = |endpoint: &str, seconds: &str| {
        let mut service = Running::start(
            "order_service",
            &[
                ("APPTUIT_API_TOKEN", "t"),
                ("APPTUIT_API_ENDPOINT", endpoint),
                ("PORT", "0"),
                ("REPORT_SECONDS", seconds),
                ("SPOOL_DIR", &spool_text),
            ],
        );
        let address = service.after("listening on http://");
        (service, address)
    };
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        listener.local_addr().expect("a bound socket has an address")
    };
    let (mut service, _) = start(&format!("http://{nobody}"), "1");
    (0..2).for_each(|_| drop(service.after("points not delivered")));
    let printed = service.terminate();
    assert!(printed.contains("last report: 0 of "), "{printed}");

    let receiver = loopback::Loopback::start();
    let (service, address) = start(&receiver.url(), "3600");
    let waiting = spool_points(&address);
    let printed = service.terminate();
    let last = printed.lines().find_map(|line| line.strip_prefix("last report: ")).expect("it says so");
    let (taken, new) = last.trim_end_matches(" points taken").split_once(" of ").expect("two numbers");
    assert_eq!(taken, new);
    let new: usize = new.parse().expect("a number");
    let received: usize = receiver.drain().iter().map(loopback::Received::points).sum();
    assert!(waiting >= 2 * new, "{waiting} points of two reports at least, of {new} each");
    assert_eq!(received, waiting + new);
    std::fs::remove_dir_all(spool).expect("the directory is there");
}

/// How many points wait in the spool, by the service's own page.
#[cfg(all(unix, feature = "apptuit", feature = "spool"))]
fn spool_points(address: &str) -> usize {
    let page = page(address);
    let points = page.lines().find(|line| line.starts_with("tagmeter_reporter_spool_points{"));
    let points = points.and_then(|line| line.rsplit_once(' ')).and_then(|(_, points)| points.parse().ok());
    points.unwrap_or_else(|| panic!("no points of the spool in:\n{page}"))
}
