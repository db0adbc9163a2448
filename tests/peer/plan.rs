//! What both push.
//!
//! Reports are 5 s apart, because the original's rates move where they are read and ours with fixed ticks of 5 s. A
//! histogram has 999 values, because the original's percentiles lie at `p * (n + 1)`, which is then one of them. Durations
//! are exact in binary, beside a clock of 1.6e9 seconds too, and in nanoseconds.

use serde_json::{Value, json};

/// When it begins.
pub(crate) const START: u64 = 1_600_000_000;
const VALUES: u32 = 999;
/// The least duration: 1 953 125 ns.
const GRAIN_SECONDS: f64 = 1.0 / 512.0;

pub(crate) fn plan() -> Value {
    json!({ "direct": direct(), "reported": reported() })
}

fn direct() -> Value {
    let tags = json!({"host.name": "h\"1\n", "städte": "Köln 日本"});
    json!({
        "token": "tok", "sanitize": "apptuit", "tags": {"env": "dev", "host.name": "global"},
        "points": [
            {"metric": "proc.cpu", "tags": tags, "timestamp": START, "value": 12.5},
            {"metric": "9 lives/é😀", "tags": {"k": "v"}, "timestamp": 1_600_000_000.75, "value": -0.0},
            {"metric": "tiny", "tags": {}, "timestamp": START, "value": 1e-9},
            {"metric": "huge", "tags": {}, "timestamp": START, "value": 1.797e308},
        ],
        "series": {"metric": "queue", "tags": {"k": "v"}, "points": [[START, 1.0], [START + 60, 2.5]]},
    })
}

fn reported() -> Value {
    let mut steps = vec![
        json!({"do": "make", "kind": "histogram", "name": "unused", "tags": {}}),
        json!({"do": "make", "kind": "meter", "name": "hits", "tags": {}}),
        json!({"do": "make", "kind": "timer", "name": "lat.ency", "tags": {"route": "/a b"}}),
        json!({"do": "inc", "name": "requests", "tags": {}, "by": 3}),
        json!({"do": "inc", "name": "errors.total", "tags": {"code": "500", "env.name": "own"}, "by": 2}),
        json!({"do": "level", "name": "jobs", "tags": {}, "by": -4}),
        json!({"do": "set", "name": "queue depth", "tags": {"zone": "a b"}, "to": 7.5}),
        json!({"do": "mark", "name": "hits", "tags": {}, "by": 10}),
    ];
    let value =
        |n: u32| json!({"do": "record", "name": "size", "tags": {"unit": "kB"}, "value": f64::from(n) * 0.5});
    steps.extend((1..=VALUES).map(value));
    let route = json!({"route": "/a b"});
    let duration = |n: u32| json!({"do": "time", "name": "lat.ency", "tags": route, "seconds": f64::from(1 + n % 3) * GRAIN_SECONDS});
    steps.extend((1..=VALUES).map(duration));
    let timed = f64::from(VALUES * 2) * GRAIN_SECONDS;
    steps.extend([
        json!({"do": "advance", "seconds": 5.0 - timed}),
        json!({"do": "report"}),
        json!({"do": "mark", "name": "hits", "tags": {}, "by": 25}),
        json!({"do": "inc", "name": "requests", "tags": {}, "by": 1}),
        json!({"do": "set", "name": "queue depth", "tags": {"zone": "a b"}, "to": -1e-7}),
        json!({"do": "advance", "seconds": 5.0}),
        json!({"do": "report"}),
        json!({"do": "advance", "seconds": 5.0}),
        json!({"do": "report"}),
    ]);
    let tags = json!({"host": "h1", "env.name": "dev"});
    json!({"token": "tok", "sanitize": "prometheus", "prefix": "shop.", "tags": tags, "start": START, "steps": steps})
}
