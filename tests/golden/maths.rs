//! Averages, percentiles, histograms, meters and timers against the recorded ones.
//!
//! Percentiles agree when ours is within 1 % of one of the two values around position p·(n + 1), between which the recorded
//! one lies. What is absent with us (the least of no values, say) is left out of a result. The values listed in
//! `departures.toml` were computed by `maths.py`, which knows the definitions but not this crate.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tagmeter::Registry;
use tagmeter::clock::ManualClock;
use tagmeter::model::HistogramValue;
use tagmeter::stat::{Averages, Distribution, Ewma, Rates};

use crate::support::{Case, Golden, agree, read_float};

#[test]
fn averages() {
    Golden::open("ewma").run(|case| {
        if duration(&case.input["tick_interval"])? != Ewma::TICK {
            return None;
        }
        match case.input["period_minutes"].as_u64()? {
            1 => of_a_meter(case, |rates| rates.one_minute),
            5 => of_a_meter(case, |rates| rates.five_minutes),
            15 => of_a_meter(case, |rates| rates.fifteen_minutes),
            minutes => alone(case, Duration::from_secs(60 * minutes)),
        }
    });
}

/// One of the averages that a meter keeps.
fn of_a_meter(case: &Case, rate: fn(Rates) -> f64) -> Option<Value> {
    let (mut averages, mut now, mut total) = (Averages::new(Duration::ZERO), Duration::ZERO, 0);
    let mut reads = Vec::new();
    for (verb, operand) in operations(case) {
        match verb {
            "add" => {
                averages.advance(now, total);
                total += whole(operand)?;
            }
            "advance" if read_float(operand)? < 0.0 => now -= duration(&json!(-read_float(operand)?))?,
            "advance" => now += duration(operand)?,
            "tick" => averages.advance(now, total),
            "read" => reads.push(json!([clock(case, "start", now), rate(averages.rates(now, total))])),
            other => panic!("{}: no operation {other}", case.id),
        }
    }
    Some(json!({ "reads": reads }))
}

/// An average of a period that no meter has, told of each tick; it can only be replayed in steps of a tick.
fn alone(case: &Case, period: Duration) -> Option<Value> {
    let (mut average, mut now, mut counted) = (Ewma::new(period), Duration::ZERO, 0);
    let mut reads = Vec::new();
    for (verb, operand) in operations(case) {
        match verb {
            "add" => counted += whole(operand)?,
            "advance" => {
                assert_eq!(duration(operand)?, Ewma::TICK, "{}", case.id);
                now += Ewma::TICK;
                average.tick(std::mem::take(&mut counted));
            }
            "read" => reads.push(json!([clock(case, "start", now), average.rate_per_second()])),
            other => panic!("{}: no operation {other}", case.id),
        }
    }
    Some(json!({ "reads": reads }))
}

#[test]
fn percentiles() {
    let golden = Golden::open("percentile").agreeing_when(|case, recorded, ours| {
        match (recorded.get("value"), ours.get("value")) {
            (Some(recorded), Some(ours)) => {
                percentile_agrees(&finite(&case.input["values"]), &case.input["p"], recorded, ours)
            }
            _ => agree(recorded, ours),
        }
    });
    golden.run(|case| {
        let distribution = Distribution::from_values(finite(&case.input["values"]));
        Some(match distribution.quantile(read_float(&case.input["p"])?) {
            Some(value) => json!({ "value": value }),
            None if distribution.count() == 0 => json!({}),
            None => json!({"error": "not a share"}),
        })
    });
}

#[test]
fn meters() {
    Golden::open("meter").run(|case| {
        let (time, registry) = registry();
        let meter = registry.meter("m");
        let mut reads = Vec::new();
        for (verb, operand) in operations(case) {
            match verb {
                "mark" => meter.mark_n(whole(operand)?),
                "advance" => time.advance(duration(operand)?),
                "tick" => _ = meter.rates(),
                "read" => {
                    let mut read = rates(meter.rates(), "mean");
                    read.insert("t".into(), json!(clock(case, "start", time.elapsed())));
                    read.insert("count".into(), json!(meter.count()));
                    reads.push(read);
                }
                other => panic!("{}: no operation {other}", case.id),
            }
        }
        Some(json!({ "reads": reads }))
    });
}

#[test]
fn histograms() {
    let golden = Golden::open("histogram").seen_as(with_listed_percentiles);
    golden
        .agreeing_when(|case, recorded, ours| agree_around(&finite(&case.input["values"]), recorded, ours))
        .run(|case| {
            let (_, registry) = registry();
            let histogram = registry.define("h").quantiles().histogram().expect("a definition");
            recorded_values(&case.input["values"]).for_each(|value| histogram.record(value));
            let shares = with_listed_percentiles(&case.recorded)["percentiles"].clone();
            Some(moments(&histogram.value(), &shares).into())
        });
}

#[test]
fn timers() {
    let golden = Golden::open("timer").seen_as(with_listed_percentiles);
    golden
        .agreeing_when(|_, recorded, ours| agree_around(&finite(&ours["stop_returns"]), recorded, ours))
        .run(|case| {
            let (time, registry) = registry();
            let timer = registry.define("t").quantiles().timer().expect("a definition");
            let (mut running, mut stop_returns) = (HashMap::new(), Vec::new());
            for (verb, operand) in operations(case) {
                match verb {
                    "start" => _ = running.insert(operand.as_u64()?, timer.start()),
                    // A timing is gone once it has been stopped.
                    "stop" => stop_returns.push(running.remove(&operand.as_u64()?)?.stop().as_secs_f64()),
                    "advance" => time.advance(duration(operand)?),
                    other => panic!("{}: no operation {other}", case.id),
                }
            }
            let mut result = moments(&timer.value(), &json!([[0.5], [0.99]]));
            result.extend(rates(timer.rates(), "mean_rate"));
            result.insert("meter_count".into(), json!(timer.value().count()));
            result.insert("stop_returns".into(), json!(stop_returns));
            Some(result.into())
        });
}

fn registry() -> (ManualClock, Registry) {
    let time = ManualClock::new();
    (time.clone(), Registry::builder().clock(time).build())
}

fn operations(case: &Case) -> impl Iterator<Item = (&str, &Value)> {
    let operations = case.input["ops"].as_array().expect("a case with operations");
    operations.iter().map(|operation| (operation[0].as_str().expect("a verb"), &operation[1]))
}

/// A count, where ours can hold it.
fn whole(value: &Value) -> Option<u64> {
    let value = read_float(value)?;
    (value >= 0.0 && value.fract() == 0.0).then_some(value as u64)
}

/// Seconds as a duration, which is never negative.
fn duration(seconds: &Value) -> Option<Duration> {
    Duration::try_from_secs_f64(read_float(seconds)?).ok()
}

/// What the recorded clock shows some time after the start.
fn clock(case: &Case, start: &str, elapsed: Duration) -> f64 {
    read_float(&case.input[start]).expect("a start") + elapsed.as_secs_f64()
}

fn recorded_values(values: &Value) -> impl Iterator<Item = f64> {
    values.as_array().into_iter().flatten().filter_map(read_float)
}

fn finite(values: &Value) -> Vec<f64> {
    recorded_values(values).filter(|value| value.is_finite()).collect()
}

fn rates(rates: Rates, mean: &str) -> Map<String, Value> {
    let fields = [
        ("m1", rates.one_minute),
        ("m5", rates.five_minutes),
        ("m15", rates.fifteen_minutes),
        (mean, rates.mean),
    ];
    fields.into_iter().map(|(field, rate)| (field.into(), json!(rate))).collect()
}

/// The fields of a recorded histogram or timer, without those that are absent; `shares` is a list of lists that begin with
/// the share to ask for.
fn moments(value: &HistogramValue, shares: &Value) -> Map<String, Value> {
    let window = value.window.as_ref().expect("quantiles were asked for");
    let std_dev = window.std_dev();
    let present = [
        ("min", window.min()),
        ("max", window.max()),
        ("mean", window.mean()),
        ("stddev", std_dev),
        ("var", std_dev.map(|std_dev| std_dev * std_dev)),
    ];
    let mut fields: Map<String, Value> =
        present.into_iter().filter_map(|(field, value)| Some((field.into(), json!(value?)))).collect();
    fields.insert("count".into(), json!(value.count()));
    fields.insert("sum".into(), json!(value.sum));
    let shares = shares.as_array().into_iter().flatten().filter_map(|pair| pair[0].as_f64());
    let percentiles = shares.filter_map(|q| Some(json!([q, window.quantile(q)?]))).collect();
    fields.insert("percentiles".into(), percentiles);
    fields
}

/// A recorded histogram or timer with all its percentiles in one list, and without the size of its sample.
fn with_listed_percentiles(recorded: &Value) -> Value {
    const NAMED: [(&str, f64); 6] =
        [("median", 0.5), ("p50", 0.5), ("p75", 0.75), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999)];
    let mut fields = recorded.as_object().expect("a histogram or timer").clone();
    fields.remove("snapshot_size");
    let mut percentiles = match fields.remove("percentiles") {
        Some(Value::Array(percentiles)) => percentiles,
        _ => Vec::new(),
    };
    let named = NAMED.into_iter().filter_map(|(name, q)| Some(json!([q, fields.remove(name)?])));
    percentiles.extend(named);
    fields.insert("percentiles".into(), percentiles.into());
    fields.into()
}

/// Whether two histograms or timers agree, percentiles by [`percentile_agrees`].
fn agree_around(values: &[f64], recorded: &Value, ours: &Value) -> bool {
    let (recorded_percentiles, recorded) = without_percentiles(recorded);
    let (our_percentiles, ours) = without_percentiles(ours);
    agree(&recorded, &ours)
        && recorded_percentiles.len() == our_percentiles.len()
        && recorded_percentiles.iter().zip(&our_percentiles).all(|(recorded, ours)| {
            agree(&recorded[0], &ours[0]) && percentile_agrees(values, &ours[0], &recorded[1], &ours[1])
        })
}

fn without_percentiles(fields: &Value) -> (Vec<Value>, Value) {
    let mut fields = fields.as_object().expect("a histogram or timer").clone();
    let percentiles = fields.remove("percentiles").and_then(|list| list.as_array().cloned());
    (percentiles.expect("a list of percentiles"), fields.into())
}

/// Whether ours is within 1 % of a value next to position p·(n + 1), and the recorded one lies between those.
fn percentile_agrees(values: &[f64], p: &Value, recorded: &Value, ours: &Value) -> bool {
    let [Some(p), Some(recorded), Some(ours)] = [p, recorded, ours].map(read_float) else { return false };
    let Some([low, high]) = around(values, p) else { return false };
    let near = |value: f64| (ours - value).abs() <= 0.01 * value.abs();
    let rounding = 1e-9 * recorded.abs();
    (near(low) || near(high)) && low - rounding <= recorded && recorded <= high + rounding
}

/// The two values next to position p·(n + 1), counted from 1, or twice the first or last.
fn around(values: &[f64], p: f64) -> Option<[f64; 2]> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let position = p * (sorted.len() as f64 + 1.0);
    let at = |rank: f64| sorted.get((rank as usize).clamp(1, sorted.len().max(1)) - 1).copied();
    Some([at(position.floor())?, at(position.floor() + 1.0)?])
}

#[test]
fn a_percentile_agrees_with_its_neighbours_only() {
    let agrees = |recorded: f64, ours: f64| {
        percentile_agrees(&[100.0, 200.0, 300.0], &json!(0.375), &json!(recorded), &json!(ours))
    };
    assert!(agrees(150.0, 100.5) && agrees(150.0, 199.0));
    assert!(!agrees(150.0, 150.0) && !agrees(99.0, 100.0));
}
