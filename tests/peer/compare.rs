//! Whether two programs sent the same.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// Relative difference below which two floats are the same: sums are added up in another order.
const TOLERANCE: f64 = 1e-9;

/// A line of `departures.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Departure {
    begins: Option<String>,
    ends: Option<String>,
    within: Option<f64>,
    #[serde(default)]
    absent: bool,
    #[serde(default)]
    any_value: bool,
    #[serde(default)]
    any_time: bool,
    reason: String,
}

#[derive(Debug, Deserialize)]
struct Departures {
    departure: Vec<Departure>,
}

impl Departure {
    fn is_about(&self, name: &str) -> bool {
        self.begins.as_ref().is_none_or(|start| name.starts_with(start))
            && self.ends.as_ref().is_none_or(|end| name.ends_with(end))
    }

    /// Whether it allows what ours is beside the original.
    fn allows(&self, original: f64, ours: Option<f64>) -> bool {
        match ours {
            None => self.absent,
            Some(_) if self.any_value => true,
            Some(ours) => self.within.is_some_and(|share| (ours - original).abs() <= share * original.abs()),
        }
    }
}

/// Points by what they are about: name, tags and, where it is compared, time.
type Points = BTreeMap<String, Point>;

#[derive(Debug)]
struct Point {
    name: String,
    time: Value,
    value: f64,
}

/// Fails on every difference that no line lists, and on every line that lists none.
pub(crate) fn all(original: &[Value], ours: &[Value]) {
    let Departures { departure: departures } = toml::from_str(include_str!("departures.toml")).unwrap();
    let (mut faults, mut used, mut equal) = (Vec::new(), vec![0; departures.len()], 0);
    for (original, ours) in original.iter().zip(ours) {
        let (original, mut ours) = (read(original, &departures), read(ours, &departures));
        for (what, point) in original {
            let own = ours.remove(&what);
            let value = own.as_ref().map(|own| own.value);
            let lines: Vec<usize> =
                (0..departures.len()).filter(|at| departures[*at].is_about(&point.name)).collect();
            if own.is_some_and(|own| own.time != point.time) {
                lines.iter().filter(|at| departures[**at].any_time).for_each(|at| used[*at] += 1);
            }
            if value.is_some_and(|own| (own - point.value).abs() <= TOLERANCE * point.value.abs()) {
                equal += 1;
                continue;
            }
            match lines.iter().find(|at| departures[**at].allows(point.value, value)) {
                Some(at) => used[*at] += 1,
                None => faults.push(format!("{what}: {}, ours {value:?}", point.value)),
            }
        }
        faults.extend(ours.into_keys().map(|what| format!("{what}: only ours")));
    }
    println!("{equal} points are equal; listed: {used:?}");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    for (line, used) in departures.iter().zip(used) {
        assert!(!line.reason.is_empty() && used > 0, "listed and not needed: {line:?}");
    }
}

/// The points of one request. A time that is not compared is left out.
fn read(request: &Value, departures: &[Departure]) -> Points {
    let mut points = Points::new();
    for point in request.as_array().expect("a list of points") {
        let fields = point.as_object().unwrap();
        assert_eq!(fields.len(), 4, "{point}");
        let name = point["metric"].as_str().unwrap().to_owned();
        let own_time = departures.iter().any(|line| line.any_time && line.is_about(&name));
        let time = if own_time { "…".to_owned() } else { point["timestamp"].to_string() };
        let tags: BTreeMap<String, Value> = serde_json::from_value(point["tags"].clone()).unwrap();
        let what = format!("{name} {} @{time}", serde_json::to_string(&tags).unwrap());
        let twice = points.insert(
            what,
            Point { name, time: point["timestamp"].clone(), value: point["value"].as_f64().unwrap() },
        );
        assert!(twice.is_none(), "{point} came twice");
    }
    points
}
