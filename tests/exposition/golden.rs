//! The bytes of one fixture in each format. A change here is a change that scrapers see.

use tagmeter::encode::{Options, openmetrics, text};
use tagmeter::http::{Request, respond};

use crate::fixture::fixture;
use crate::judges::{Format, promtool, python};

/// What promtool finds: some families of the fixture have no help on purpose.
const LINT: [&str; 5] = [
    "cpu_seconds_total no help text",
    "jobs_running no help text",
    "order_bytes no help text",
    "plain_total no help text",
    "room_celsius no help text",
];

#[test]
fn text() {
    insta::assert_snapshot!(fixture().snapshot().to_text());
}

#[test]
fn openmetrics() {
    insta::assert_snapshot!(fixture().snapshot().to_openmetrics());
}

#[test]
fn pages_end_in_one_line_feed() {
    let snapshot = fixture().snapshot();
    assert!(snapshot.to_text().ends_with("\n") && !snapshot.to_text().ends_with("\n\n"));
    assert!(snapshot.to_openmetrics().ends_with("\n# EOF\n"));
}

#[test]
fn the_streamed_page_and_the_answer_are_the_same_bytes() {
    let registry = fixture();
    let snapshot = registry.snapshot();
    let mut streamed = Vec::new();
    let left_out = text::encode_into(&snapshot, &mut streamed).unwrap();
    assert_eq!(String::from_utf8(streamed).unwrap(), snapshot.to_text());
    assert_eq!(left_out, []);

    let request = Request::new("GET", "/metrics").header("Accept", openmetrics::CONTENT_TYPE);
    let response = respond(&registry, &request);
    assert_eq!(String::from_utf8(response.body).unwrap(), snapshot.to_openmetrics());
}

#[test]
fn rates_can_be_left_out() {
    let mut page = Vec::new();
    text::encode_with(&fixture().snapshot(), &Options::default().without_rates(), &mut page).unwrap();
    let page = String::from_utf8(page).unwrap();
    assert!(page.contains("order_total 60\n") && !page.contains("order_rate"));
}

#[test]
fn the_judges_accept_it() {
    let snapshot = fixture().snapshot();
    assert_eq!(promtool(&snapshot.to_text()), LINT.map(String::from).into());
    python(Format::Text, &[snapshot.to_text()])[0].as_ref().unwrap();
    python(Format::OpenMetrics, &[snapshot.to_openmetrics()])[0].as_ref().unwrap();
}
