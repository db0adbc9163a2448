//! The examples, run as a reader would run them.

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

#[cfg(feature = "serve")]
#[test]
fn the_smallest_program_can_be_scraped() {
    use std::io::{Read, Write};

    let mut smallest = Running::start("smallest", &[]);
    let address = smallest.after("http://");
    let address = address.strip_suffix("/metrics").expect("the page is at /metrics");
    let mut connection = std::net::TcpStream::connect(address).expect("it listens where it says");
    let asked = format!("GET /metrics HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    connection.write_all(asked.as_bytes()).expect("it reads");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("it answers");
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
