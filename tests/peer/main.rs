//! The original beside ours: Python's `apptuit` and this crate push the same data to the same server, a process of its own,
//! and what arrives is equal, point by point, but for what `departures.toml` lists.
#![cfg(feature = "apptuit")]
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod compare;
mod ours;
mod plan;
mod receiver;

use receiver::Receiver;

/// Requests that a plan makes: points, a series, three reports, and the reporter's own metrics after the second and third.
const REQUESTS: usize = 2 + 3 + 2;

#[test]
fn the_original_and_we_send_the_same() {
    let receiver = Receiver::start();
    let plan = plan::plan();
    receiver::push_as_python(&plan, &receiver.endpoint());
    let original = receiver.take(REQUESTS);
    ours::push(&plan, &receiver.endpoint());
    let ours = receiver.take(REQUESTS);
    for (original, ours) in original.iter().zip(&ours) {
        for part in ["request", "authorization", "content_type", "content_encoding"] {
            assert_eq!(original[part], ours[part], "{part}");
        }
    }
    let points = |requests: &[serde_json::Value]| -> Vec<serde_json::Value> {
        requests.iter().map(|request| request["points"].clone()).collect()
    };
    compare::all(&points(&original), &points(&ours));
}
