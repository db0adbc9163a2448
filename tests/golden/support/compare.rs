//! When two results are the same.

use serde_json::{Map, Value, json};

/// Relative difference below which two floats are the same number: the recordings were made with other software.
pub(crate) const TOLERANCE: f64 = 1e-9;

/// Whether two results are the same: numbers within [`TOLERANCE`] (`3` is `3.0`), everything else exactly.
///
/// Errors are `{"error": kind}`. A recorded error that was not mapped to a kind is the same as any error.
pub(crate) fn agree(recorded: &Value, ours: &Value) -> bool {
    match (recorded, ours) {
        (Value::Number(a), Value::Number(b)) => a == b || close(a.as_f64(), b.as_f64()),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| agree(a, b)),
        (Value::Object(a), Value::Object(b)) => agree_in_fields(a, b),
        _ => recorded == ours,
    }
}

fn agree_in_fields(recorded: &Map<String, Value>, ours: &Map<String, Value>) -> bool {
    recorded.len() == ours.len()
        && recorded.iter().all(|(key, value)| match ours.get(key) {
            Some(_) if key == "error" && value.is_object() => true,
            Some(own) => agree(value, own),
            None => false,
        })
}

fn close(a: Option<f64>, b: Option<f64>) -> bool {
    let (Some(a), Some(b)) = (a, b) else { return false };
    (a - b).abs() <= TOLERANCE * a.abs().max(b.abs())
}

/// A float as the recordings write it: `{"$float": "NaN"}` where JSON has no spelling.
pub(crate) fn float(x: f64) -> Value {
    match x {
        x if x.is_nan() => json!({"$float": "NaN"}),
        f64::INFINITY => json!({"$float": "Infinity"}),
        f64::NEG_INFINITY => json!({"$float": "-Infinity"}),
        x => json!(x),
    }
}

/// Reads what [`float`] writes, and plain numbers.
pub(crate) fn read_float(value: &Value) -> Option<f64> {
    match value.get("$float").and_then(Value::as_str) {
        Some("NaN") => Some(f64::NAN),
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        _ => value.as_f64(),
    }
}

/// A recorded result with its error, if it is one, turned into a kind that ours can be compared with.
///
/// `kind` gets the type and the message of the Python exception.
pub(crate) fn with_kind(recorded: &Value, kind: impl Fn(&str, &str) -> &'static str) -> Value {
    match &recorded["error"] {
        Value::Object(error) => {
            let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
            json!({"error": kind(text("type"), text("message"))})
        }
        _ => recorded.clone(),
    }
}

#[test]
fn numbers_agree_within_the_tolerance() {
    assert!(agree(&json!({"a": [3]}), &json!({"a": [3.0]})));
    assert!(agree(&json!(1.0), &json!(1.0 + 1e-12)));
    assert!(!agree(&json!(1.0), &json!(1.0001)));
    assert!(!agree(&json!(u64::MAX), &json!("text")));
    assert!(agree(&float(f64::NAN), &float(f64::NAN)));
}

#[test]
fn fields_must_be_the_same_ones() {
    assert!(!agree(&json!({"a": 1}), &json!({"a": 1, "b": 2})));
    assert!(!agree(&json!({"a": 1}), &json!({"b": 1})));
}

#[test]
fn an_error_agrees_with_errors_of_its_kind() {
    let recorded = json!({"error": {"type": "ValueError", "message": "Too many tags"}});
    assert!(agree(&recorded, &json!({"error": "any"})));
    assert!(!agree(&recorded, &json!({"tags": {}})));
    let mapped = with_kind(&recorded, |_, message| if message.contains("many") { "count" } else { "other" });
    assert!(agree(&mapped, &json!({"error": "count"})));
    assert!(!agree(&mapped, &json!({"error": "other"})));
}

#[test]
fn floats_come_back() {
    for x in [1.5, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(read_float(&float(x)), Some(x));
    }
    assert!(read_float(&float(f64::NAN)).unwrap().is_nan());
    assert_eq!(read_float(&json!("1.5")), None);
}
