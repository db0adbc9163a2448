//! What reporters say about themselves on the page of their registry.

use std::process;
use std::time::{Duration, UNIX_EPOCH};

use parking_lot::Mutex;

use super::status::{Ledger, Status};
use crate::name::Name;
use crate::registry::{Families, Registry};
use crate::tag::Tags;

/// The collector's name. It is the registry's, for all its reporters: two would fight over the families.
const COLLECTOR: &str = "tagmeter_reporter";
/// What all its families begin with.
const PREFIX: &str = "tagmeter_reporter_";

/// How long the list is waited for, which is held for some instructions: in a forked child who held it is gone.
const PATIENCE: Duration = Duration::from_millis(500);

/// The reporters that run.
static LISTED: Mutex<Vec<Listed>> = Mutex::new(Vec::new());

#[derive(Clone)]
struct Listed {
    place: Place,
    ledger: Ledger,
    process: u32,
}

#[derive(Clone, PartialEq)]
struct Place {
    /// The registry's address: who is listed holds it, so there is no other at that place.
    registry: usize,
    sink: String,
    /// Tells reporters to sinks of one name apart.
    number: usize,
}

/// A reporter's place on the page of its registry, until dropped.
pub(super) struct Listing {
    /// None if the list cannot be had in this process.
    place: Option<Place>,
    process: u32,
    _registry: Registry,
}

impl Listing {
    pub(super) fn new(registry: &Registry, sink: &str, ledger: &Ledger) -> Self {
        let process = process::id();
        let place = Listing::list(&LISTED, registry.address(), sink, ledger);
        let address = registry.address();
        registry.collector(COLLECTOR, move |families| fill(families, address));
        Listing { place, process, _registry: registry.clone() }
    }

    fn list(list: &Mutex<Vec<Listed>>, registry: usize, sink: &str, ledger: &Ledger) -> Option<Place> {
        let (mut listed, process) = (list.try_lock_for(PATIENCE)?, process::id());
        // Those of a parent are not here.
        listed.retain(|listed| listed.process == process);
        let place = |number| Place { registry, sink: sink.to_owned(), number };
        let is_free = |place: &Place| listed.iter().all(|listed| listed.place != *place);
        let free = (1..).map(place).find(is_free).unwrap_or_else(|| place(0));
        listed.push(Listed { place: free.clone(), ledger: ledger.clone(), process });
        Some(free)
    }

    /// Whether a family is one of these: they are for pages, not for pushes.
    pub(super) fn is_own(family: &Name) -> bool {
        family.as_str().starts_with(PREFIX)
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        // In a forked child there is nothing to take off the list. Where the list could be had, who holds it gives it back.
        if let Some(place) = self.place.take().filter(|_| self.process == process::id()) {
            LISTED.lock().retain(|listed| listed.place != place);
        }
    }
}

fn fill(families: &mut Families<'_>, registry: usize) {
    for Listed { place, ledger, .. } in listed(&LISTED, registry) {
        let tags = Tags::from([("sink", place.sink), ("reporter", place.number.to_string())]);
        fill_one(families, &tags, &ledger.figures());
    }
}

/// The reporters of a registry. A forked child has none of its parent's, whatever the list says.
fn listed(list: &Mutex<Vec<Listed>>, registry: usize) -> Vec<Listed> {
    let process = process::id();
    let is_here = |listed: &&Listed| listed.place.registry == registry && listed.process == process;
    let list = list.try_lock_for(PATIENCE);
    list.map_or_else(Vec::new, |list| list.iter().filter(is_here).cloned().collect())
}

fn fill_one(families: &mut Families<'_>, tags: &Tags, status: &Status) {
    let mut counter = |name: &str, help: &str, tags: &Tags, total: u64| {
        families.counter(format!("{PREFIX}{name}"), help).set(tags, total);
    };
    counter("points", "Points that reports had.", tags, status.accepted);
    counter("delivered_points", "Points the backend took.", tags, status.delivered);
    for (reason, points) in status.dropped.by_reason() {
        let tags = Tags::from([("reason", reason)]).over(tags);
        counter("dropped_points", "Points that are lost.", &tags, points);
    }
    counter("pushes", "Pushes that were tried.", tags, status.pushes);
    counter("failed_pushes", "Pushes that failed.", tags, status.failed_pushes);
    let mut gauge = |name: &str, help: &str, level: f64| {
        families.gauge(format!("{PREFIX}{name}"), help).set(tags, level);
    };
    gauge("backlog_points", "Points that wait for the backend.", status.backlog_points as f64);
    gauge("backlog_bytes", "Bytes that waiting points hold.", status.backlog_bytes as f64);
    #[cfg(feature = "spool")]
    if let Some(spool) = &status.spool {
        gauge("spool_points", "Points that wait on disk.", spool.points as f64);
        gauge("spool_bytes", "Bytes of the files they are in.", spool.bytes as f64);
        let failing = if spool.failure.is_some() { 1.0 } else { 0.0 };
        gauge("spool_failing", "Whether the disk takes or gives no points.", failing);
    }
    gauge("failures_in_a_row", "Pushes that failed since one did not.", status.failures_in_a_row.into());
    if let Some(since) = status.last_success.and_then(|at| at.duration_since(UNIX_EPOCH).ok()) {
        gauge("last_success_timestamp_seconds", "When the backend last took something.", since.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::report::{Outcome, Point, PushError, Reporter, Rules, Sink};
    use std::time::{Duration, Instant};

    /// Takes one point of each push.
    struct Stingy;

    impl Sink for Stingy {
        fn name(&self) -> &str {
            "stingy"
        }

        fn rules(&self) -> Rules {
            Rules::default()
        }

        fn push(&mut self, batch: &[Point], _: Instant) -> Result<Outcome, PushError> {
            Ok(Outcome { successful: 1, failed: batch.len() - 1, ..Outcome::default() })
        }
    }

    fn registry() -> (Registry, ManualClock) {
        let clock = ManualClock::new();
        let registry = Registry::builder().clock(clock.clone()).build();
        registry.counter("orders").inc();
        registry.counter("trees").inc();
        (registry, clock)
    }

    /// The lines of a page about reporters, without comments.
    fn lines(registry: &Registry) -> Vec<String> {
        let page = registry.snapshot().to_text();
        page.lines().filter(|line| line.starts_with(PREFIX)).map(str::to_owned).collect()
    }

    #[test]
    fn a_page_says_how_its_reporters_are_doing_and_no_push_does() {
        let (registry, clock) = registry();
        let first = Reporter::new(&registry, Stingy).start().unwrap();
        let second = Reporter::new(&registry, Stingy).start().unwrap();
        clock.advance(Duration::from_secs(7));
        assert_eq!(first.report_now().unwrap().points, 2);
        let tags = r#"{reporter="1",sink="stingy"}"#;
        let with_reason = |reason: &str| format!(r#"{{reason="{reason}",reporter="1",sink="stingy"}}"#);
        let page = lines(&registry);
        for line in [
            format!("tagmeter_reporter_points_total{tags} 2"),
            format!("tagmeter_reporter_delivered_points_total{tags} 1"),
            format!("tagmeter_reporter_dropped_points_total{} 1", with_reason("refused")),
            format!("tagmeter_reporter_dropped_points_total{} 0", with_reason("overflow")),
            format!("tagmeter_reporter_pushes_total{tags} 1"),
            format!("tagmeter_reporter_failed_pushes_total{tags} 0"),
            format!("tagmeter_reporter_backlog_points{tags} 0"),
            format!("tagmeter_reporter_backlog_bytes{tags} 0"),
            format!("tagmeter_reporter_failures_in_a_row{tags} 0"),
            format!("tagmeter_reporter_last_success_timestamp_seconds{tags} 7"),
            r#"tagmeter_reporter_points_total{reporter="2",sink="stingy"} 0"#.to_owned(),
        ] {
            assert!(page.contains(&line), "{line} is not in {page:#?}");
        }
        drop((first, second));
        assert_eq!(lines(&registry), [""; 0]);
    }

    #[test]
    fn a_list_that_nobody_gives_back_holds_up_nobody() {
        let (list, ledger) = (Mutex::new(Vec::new()), Ledger::default());
        assert!(Listing::list(&list, 7, "stingy", &ledger).is_some());
        assert_eq!(listed(&list, 7).len(), 1);
        let _held = list.lock();
        assert!(Listing::list(&list, 7, "stingy", &ledger).is_none());
        assert!(listed(&list, 7).is_empty());
    }

    #[test]
    fn a_page_without_them_can_be_had_and_one_of_another_registry_has_none() {
        let (registry, _clock) = registry();
        let quiet = Reporter::new(&registry, Stingy).expose_own_metrics(false).start().unwrap();
        assert_eq!(lines(&registry), [""; 0]);
        let loud = Reporter::new(&registry, Stingy).start().unwrap();
        assert!(!lines(&registry).is_empty());
        assert_eq!(lines(&Registry::new()), [""; 0]);
        drop((quiet, loud));
    }
}
