//! The short table of the crate's own page: how many times what tagmeter needs others need.

use std::fmt::Write;

use crate::Row;
use crate::table::{MACHINE, OURS, number};

/// Those that most people come from. Whoever else is best is named in the first column of ratios.
const SHOWN: [&str; 3] = ["prometheus", "prometheus-client", "metrics"];

/// Work that is compared: question, group, what tagmeter's row is called, and with how many threads.
struct Work {
    name: &'static str,
    of: (&'static str, &'static str, &'static str),
    threads: usize,
    of_what: Of,
}

/// Which number of a row.
#[derive(Clone, Copy)]
enum Of {
    Time,
    Bytes,
}

const fn time(name: &'static str, of: (&'static str, &'static str, &'static str), threads: usize) -> Work {
    Work { name, of, threads, of_what: Of::Time }
}

const COUNTER: (&str, &str, &str) = ("counter", "one more, held handle", "Counter::inc");
const HISTOGRAM: (&str, &str, &str) = ("histogram", "14 buckets and sum", "Histogram::record");
const STRINGS: (&str, &str, &str) = ("lookup", "two strings", "family.with([&str; 2]).inc()");
const FAMILY: &str = "Family<Counter, 2>";

const WORKS: [Work; 9] = [
    time("a counter", COUNTER, 1),
    time("a counter, two threads", COUNTER, 2),
    time("a histogram of 14 buckets", HISTOGRAM, 1),
    time("a histogram, two threads", HISTOGRAM, 2),
    time("a series by two `&str`, and a count", STRINGS, 1),
    time("the same, two threads", STRINGS, 2),
    time("a new series of two tags", ("creation", "100 000 counters of two tags", FAMILY), 1),
    time("a page of 100 000 series, a line", ("encode", "100 000 counters of two tags, per line", FAMILY), 1),
    Work {
        name: "a series of two tags, scraped, kept",
        of: ("memory", "100 000 counters of two tags, a series", FAMILY),
        threads: 1,
        of_what: Of::Bytes,
    },
];

/// All of them as a table.
pub fn markdown(rows: &[Row]) -> String {
    let mut text = "| what | tagmeter | best other |".to_owned();
    SHOWN.iter().for_each(|peer| {
        let _ = write!(text, " `{peer}` |");
    });
    text.push_str("\n|---|---:|---:|---:|---:|---:|\n");
    WORKS.iter().for_each(|work| work.line(&mut text, rows));
    text
}

impl Work {
    fn line(&self, text: &mut String, rows: &[Row]) {
        let own = rows.iter().filter(|row| row.peer == OURS && row.what == self.of.2);
        let Some((own, _)) = self.least(own) else {
            let _ = writeln!(text, "| {} | not measured | | | | |", self.name);
            return;
        };
        let best = self.least(rows.iter().filter(|row| row.peer != OURS && row.peer != MACHINE));
        let best = best.map_or_else(String::new, |(least, peer)| format!("{} `{peer}`", ratio(least / own)));
        let _ = write!(text, "| {} | {}{} | {best} |", self.name, number(own), self.of_what.unit());
        for peer in SHOWN {
            let least = self.least(rows.iter().filter(|row| row.peer == peer));
            let _ = write!(text, " {} |", least.map_or_else(String::new, |(least, _)| ratio(least / own)));
        }
        text.push('\n');
    }

    /// The least of this work among the rows, and whose it is.
    fn least<'a>(&self, rows: impl Iterator<Item = &'a Row>) -> Option<(f64, &'a str)> {
        rows.filter(|row| (&*row.question, &*row.group, row.threads) == (self.of.0, self.of.1, self.threads))
            .filter_map(|row| Some((self.of_what.number(row)?, row.peer.as_str())))
            .min_by(|one, other| one.0.total_cmp(&other.0))
    }
}

impl Of {
    fn number(self, row: &Row) -> Option<f64> {
        match self {
            Of::Time => row.ns_per_op,
            Of::Bytes => row.more.get("bytes_after_scrapes").copied(),
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Of::Time => " ns",
            Of::Bytes => " B",
        }
    }
}

/// Two digits: a third is not the same in the next run.
fn ratio(value: f64) -> String {
    if value < 9.95 { format!("{value:.1} ×") } else { format!("{value:.0} ×") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(peer: &str, what: &str, nanos: f64) -> Row {
        let mut row = Row::new(COUNTER.0, COUNTER.1, peer, what);
        row.ns_per_op = Some(nanos);
        row
    }

    #[test]
    fn every_other_is_compared_by_its_best_way() {
        let rows = [
            row("machine", "lock xadd", 0.1),
            row("tagmeter", "static Counter", 0.2),
            row("tagmeter", "Counter::inc", 0.5),
            row("prometheus", "Counter::inc (f64)", 6.0),
            row("prometheus", "IntCounter::inc", 5.0),
            row("metriken", "Counter::increment", 4.0),
        ];
        let line = "| a counter | 0.50 ns | 8.0 × `metriken` | 10 × |  |  |\n";
        assert!(markdown(&rows).contains(line), "{}", markdown(&rows));
    }
}
