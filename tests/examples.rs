//! The examples, run as a reader would run them.

#[path = "support/example.rs"]
#[allow(dead_code)]
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
