//! The goals that were set before the code was written, and what was measured of each.

use std::fmt::Write;

use crate::Row;
use crate::table::{bare, number};

/// A row of tagmeter: question, group, what.
type Of = (&'static str, &'static str, &'static str);

/// What is asked of a row.
enum Ask {
    /// With so many threads at most so many nanoseconds.
    Nanos(usize, f64),
    /// With two and with eight threads at most [`FLAT`] times what one needs.
    Flat,
    /// With so many threads at most so many nanoseconds more than the group's first row.
    Added(usize, f64),
    /// At most so much of another number.
    Most(&'static str, f64),
    /// At most so many times that number of the row of the same name in another group.
    Times(&'static str, f64, &'static str),
}

use Ask::{Added, Flat, Most, Nanos, Times};

/// As flat as a shared machine can show.
const FLAT: f64 = 1.3;

struct Goal {
    work: &'static str,
    goal: &'static str,
    asks: &'static [(Of, Ask)],
}

const fn goal(work: &'static str, goal: &'static str, asks: &'static [(Of, Ask)]) -> Goal {
    Goal { work, goal, asks }
}

const INC: Of = ("counter", "one more, held handle", "Counter::inc");
const COLD: Of = ("counter", "one more, held handle", "series of an open family, never contended");
const PROMOTED: Of = ("counter", "one more, held handle", "the same after contention");
const MARK: Of = ("counter", "one more, with rates", "Meter::mark");
const RECORD: Of = ("histogram", "14 buckets and sum", "Histogram::record");
const CROWDED: Of = ("crowded", "14 buckets and sum, in a crowd", "Histogram::record");
const NATIVE: Of = ("histogram", "native buckets", "Histogram::record, native");
const QUANTILES: Of = ("histogram", "for quantiles", "Histogram::record, .quantiles()");
const WINDOW: Of =
    ("memory", "a window for quantiles, latencies over three decades", "Histogram, .quantiles()");
const IN_WORK: Of = ("histogram", "inside real work", "with Histogram::record");
const TIMED: Of = ("timer", "around an empty closure", "Timer::time");
const TIMED_BY_TSC: Of = ("timer", "around an empty closure", "Timer::time, feature quanta");
const SAMPLED: Of = ("timer", "around an empty closure, sampled", "Timer::time, 1 in 32");
const STRINGS: Of = ("lookup", "two strings", "family.with([&str; 2]).inc()");
const REMOVABLE: Of = ("lookup", "two strings", "removable family.with([&str; 2], inc)");
const TYPED: &str = "two typed tags, or text that lives for ever";
const ENUMS: Of = ("lookup", TYPED, "derived tags: two enums");
const SERDE: Of = ("lookup", TYPED, "typed_serde: enum and u16");
const CONSTANTS: Of =
    ("lookup", "constant tags at the call site", "counter!(\"…\", \"…\" => \"…\", \"…\" => \"…\").inc()");
const COUNTERS: &str = "Family<Counter, 2>";
const HISTOGRAMS: &str = "Family<Histogram, 2>";
const PAGE: Of = ("encode", "100 000 counters of two tags, per line", COUNTERS);
const HISTOGRAM_PAGE: Of = ("encode", "1 000 histograms of 14 buckets, per line", HISTOGRAMS);
const WEIGHT: Of = ("memory", "100 000 counters of two tags, a series", COUNTERS);
const WEIGHT_OF_MANY: Of = ("memory", "1 000 000 counters of two tags, a series", COUNTERS);
const HISTOGRAM_WEIGHT: Of = ("memory", "10 000 histograms of two tags, a series", HISTOGRAMS);
const HISTOGRAM_WEIGHT_OF_MANY: Of = ("memory", "100 000 histograms of two tags, a series", HISTOGRAMS);
const CREATED: Of = ("creation", "100 000 counters of two tags", COUNTERS);
const INSERTED: Of = ("creation", "a million counters, inserts timed one by one", COUNTERS);
const FRESH: Of = ("stall_under_scrape", "a new series, scraped without end", COUNTERS);
const KNOWN: Of = ("stall_under_scrape", "a record into a known series, scraped without end", COUNTERS);
const BUILT: Of = ("compile", "a clean release build", "default features");

const GOALS: &[Goal] = &[
    goal(
        "a counter, held handle; 1, 2, 8 threads",
        "≤ 0.7 ns, flat",
        &[(INC, Nanos(1, 0.7)), (INC, Nanos(2, 0.7)), (INC, Nanos(8, 0.7)), (INC, Flat)],
    ),
    goal("a series of an open family, never fought over", "≤ 4.6 ns", &[(COLD, Nanos(1, 4.6))]),
    goal(
        "the same once it was; 1, 2, 8 threads",
        "≤ 1.2 ns, flat",
        &[(PROMOTED, Nanos(1, 1.2)), (PROMOTED, Nanos(2, 1.2)), (PROMOTED, Nanos(8, 1.2)), (PROMOTED, Flat)],
    ),
    goal("a meter's mark", "≤ 4 ns, flat", &[(MARK, Nanos(1, 4.0)), (MARK, Flat)]),
    goal(
        "a histogram of 14 bounds; 1, 2, 8 threads",
        "≤ 3.5 ns, flat",
        &[(RECORD, Nanos(1, 3.5)), (RECORD, Nanos(2, 3.5)), (RECORD, Nanos(8, 3.5)), (RECORD, Flat)],
    ),
    goal("the same by a thread without cells of its own", "≤ 20 ns", &[(CROWDED, Nanos(1, 20.0))]),
    goal("a native histogram", "≤ 4 ns, flat", &[(NATIVE, Nanos(1, 4.0)), (NATIVE, Flat)]),
    goal("a histogram with quantiles", "≤ 8 ns, flat", &[(QUANTILES, Nanos(1, 8.0)), (QUANTILES, Flat)]),
    goal("a window of quantiles", "≤ 8 KiB", &[(WINDOW, Most("bytes", 8_192.0))]),
    goal("a histogram inside 7.5 ns of work, 2 threads on one", "≤ 1 ns more", &[(IN_WORK, Added(2, 1.0))]),
    goal("a timer around nothing", "≤ 48 ns", &[(TIMED, Nanos(1, 48.0))]),
    goal("the same with `quanta`", "≤ 22 ns", &[(TIMED_BY_TSC, Nanos(1, 22.0))]),
    goal("the same, 1 in 32 timed", "≤ 4 ns", &[(SAMPLED, Nanos(1, 4.0))]),
    goal(
        "found by two `&str`; 1, 2 threads",
        "≤ 11 ns, flat",
        &[(STRINGS, Nanos(1, 11.0)), (STRINGS, Nanos(2, 11.0)), (STRINGS, Flat)],
    ),
    goal(
        "the same in a removable family",
        "≤ 13 ns, flat",
        &[(REMOVABLE, Nanos(1, 13.0)), (REMOVABLE, Nanos(2, 13.0)), (REMOVABLE, Flat)],
    ),
    goal(
        "found by two enums; 1, 2 threads",
        "≤ 2 ns, flat",
        &[(ENUMS, Nanos(1, 2.0)), (ENUMS, Nanos(2, 2.0)), (ENUMS, Flat)],
    ),
    goal("found by a struct that serialises", "≤ 11 ns", &[(SERDE, Nanos(1, 11.0))]),
    goal(
        "`counter!` with constant tags; 1, 2 threads",
        "≤ 1 ns, flat",
        &[(CONSTANTS, Nanos(1, 1.0)), (CONSTANTS, Nanos(2, 1.0)), (CONSTANTS, Flat)],
    ),
    goal(
        "text of 100 000 series, a line, snapshot included",
        "≤ 10 ns, no allocation a line",
        &[(PAGE, Nanos(1, 10.0)), (WEIGHT, Most("allocations_of_a_second_scrape", 0.01))],
    ),
    goal("text of 1 000 histograms, a line", "≤ 10 ns", &[(HISTOGRAM_PAGE, Nanos(1, 10.0))]),
    goal(
        "weight of a counter series with two tags, rendered; of 100 000, of a million",
        "≤ 110 B",
        &[(WEIGHT, Most("bytes_after_scrapes", 110.0)), (WEIGHT_OF_MANY, Most("bytes_after_scrapes", 110.0))],
    ),
    goal(
        "weight of a histogram series; of 10 000, of 100 000",
        "≤ 320 B",
        &[
            (HISTOGRAM_WEIGHT, Most("bytes_after_scrapes", 320.0)),
            (HISTOGRAM_WEIGHT_OF_MANY, Most("bytes_after_scrapes", 320.0)),
        ],
    ),
    goal("a new series", "≤ 80 ns", &[(CREATED, Nanos(1, 80.0))]),
    goal("of a million new series", "none above 1 ms", &[(INSERTED, Most("over_1_ms", 0.0))]),
    goal(
        "a new series while 100 000 are scraped without end; median, worst",
        "≤ 1 µs, ≤ 100 µs",
        &[(FRESH, Most("p50_ns", 1e3)), (FRESH, Most("worst_ns", 1e5))],
    ),
    goal(
        "p99.9 of records meanwhile, to that without scrapes",
        "≤ 1.5 ×",
        &[(KNOWN, Times("p99.9_ns", 1.5, "a record into a known series, not scraped"))],
    ),
    goal(
        "a clean release build, default features",
        "≤ 8 s, ≤ 24 crates",
        &[(BUILT, Most("seconds", 8.0)), (BUILT, Most("crates", 24.0))],
    ),
];

/// All goals as a table.
pub fn markdown(rows: &[Row]) -> String {
    let mut text = "| work | goal | measured | |\n|---|---|---|---|\n".to_owned();
    for goal in GOALS {
        let (measured, verdict) = goal.judge(rows);
        let _ = writeln!(text, "| {} | {} | {measured} | {verdict} |", goal.work, goal.goal);
    }
    text
}

impl Goal {
    fn judge(&self, rows: &[Row]) -> (String, &'static str) {
        let measured: Vec<(String, bool)> =
            self.asks.iter().filter_map(|(of, ask)| ask.measured(*of, rows)).collect();
        let shown: Vec<&str> = measured.iter().map(|(shown, _)| shown.as_str()).collect();
        let verdict = match measured.iter().all(|(_, met)| *met) {
            _ if measured.len() < self.asks.len() => "not measured",
            true => "met",
            false => "**missed**",
        };
        (shown.join(", "), verdict)
    }
}

impl Ask {
    /// What was measured, and whether it is enough; nothing where a row is not there.
    fn measured(&self, of: Of, rows: &[Row]) -> Option<(String, bool)> {
        let at_most = |value: f64, most: f64, unit: &str| (format!("{}{unit}", number(value)), value <= most);
        Some(match *self {
            Nanos(threads, most) => at_most(nanos(rows, of, threads)?, most, " ns"),
            Flat => {
                let one = nanos(rows, of, 1)?;
                let company = nanos(rows, of, 2)?.max(nanos(rows, of, 8)?);
                (format!("× {}", number(company / one)), company <= one * FLAT)
            }
            Added(threads, most) => {
                let group: Vec<&Row> =
                    rows.iter().filter(|row| (&*row.question, &*row.group) == (of.0, of.1)).collect();
                at_most(nanos(rows, of, threads)? - bare(&group, threads)?, most, " ns")
            }
            Most(name, most) => at_most(more(rows, of, name)?, most, unit_of(name)),
            Times(name, most, other) => {
                at_most(more(rows, of, name)? / more(rows, (of.0, other, of.2), name)?, most, " ×")
            }
        })
    }
}

fn unit_of(name: &str) -> &'static str {
    match name {
        "seconds" => " s",
        "crates" => " crates",
        "over_1_ms" => " of them",
        name if name.ends_with("_ns") => " ns",
        name if name.starts_with("bytes") => " B",
        _ => " allocations",
    }
}

fn own(rows: &[Row], of: Of) -> impl Iterator<Item = &Row> {
    rows.iter().filter(move |row| row.peer == "tagmeter" && (&*row.question, &*row.group, &*row.what) == of)
}

fn nanos(rows: &[Row], of: Of, threads: usize) -> Option<f64> {
    own(rows, of).find(|row| row.threads == threads)?.ns_per_op
}

fn more(rows: &[Row], of: Of, name: &str) -> Option<f64> {
    own(rows, of).find_map(|row| row.more.get(name).copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(of: Of, threads: usize, nanos: f64) -> Row {
        let mut row = Row::new(of.0, of.1, "tagmeter", of.2);
        (row.threads, row.ns_per_op) = (threads, Some(nanos));
        row
    }

    fn verdict_of(work: &str, rows: &[Row]) -> &'static str {
        let goal = GOALS.iter().find(|goal| goal.work == work).expect("there is such a goal");
        goal.judge(rows).1
    }

    #[test]
    fn a_goal_is_met_when_all_of_it_is() {
        let work = "a meter's mark";
        let three = |eight| [row(MARK, 1, 3.0), row(MARK, 2, 3.2), row(MARK, 8, eight)];
        assert_eq!(verdict_of(work, &three(3.9)), "met");
        assert_eq!(verdict_of(work, &three(4.0)), "**missed**");
        assert_eq!(verdict_of(work, &three(3.9)[..2]), "not measured");
    }

    #[test]
    fn what_recording_adds_is_counted_from_the_work_alone() {
        let mut alone = row(IN_WORK, 2, 7.5);
        (alone.peer, alone.what) = ("machine".into(), "the work alone".into());
        let work = "a histogram inside 7.5 ns of work, 2 threads on one";
        assert_eq!(verdict_of(work, &[alone.clone(), row(IN_WORK, 2, 8.4)]), "met");
        assert_eq!(verdict_of(work, &[alone, row(IN_WORK, 2, 8.6)]), "**missed**");
    }

    #[test]
    fn scrapes_are_judged_by_what_records_cost_without_them() {
        let row = |group: &str, nanos| Row::new(KNOWN.0, group, "tagmeter", KNOWN.2).with("p99.9_ns", nanos);
        let alone = row("a record into a known series, not scraped", 100.0);
        let work = "p99.9 of records meanwhile, to that without scrapes";
        assert_eq!(verdict_of(work, &[row(KNOWN.1, 150.0), alone.clone()]), "met");
        assert_eq!(verdict_of(work, &[row(KNOWN.1, 151.0), alone]), "**missed**");
    }
}
