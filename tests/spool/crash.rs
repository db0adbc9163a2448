//! What is there after a process was killed.

use std::path::Path;

use tagmeter::Registry;
use tagmeter::report::{Outcome, Point, PushError, Reporter, Rules, Sink, Spool, Survives};

use super::child::{self, Running};
use super::*;

/// Random numbers that need not be good.
fn random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}

/// Reports to a backend that is down, until killed. Says each report whose end it has seen.
fn report_for_ever(spool: &Path) {
    let survives = if std::process::id().is_multiple_of(2) { Survives::Kill } else { Survives::PowerLoss };
    let reporting = Numbered::start(&Backend::default(), Spool::in_dir(spool).survives(survives));
    for number in 1.. {
        reporting.report(number);
        child::say(number);
    }
}

#[test]
fn every_report_that_had_ended_survives_the_killed_process() {
    if let Some(spool) = child::spool() {
        return report_for_ever(&spool);
    }
    let mut seed = 7;
    for _ in 0..25 {
        let place = Place::new();
        let name = "crash::every_report_that_had_ended_survives_the_killed_process";
        let mut child = Running::start(name, &place.spool());
        let heard = (0..random(&mut seed) % 40).map(|_| child.hear().expect("it goes on")).last();
        let seen = child.kill().pop().or(heard).map_or(0, |line| line.parse().unwrap());
        let (delivered, lost) = delivered_from(&place.spool());
        // One more may have been written, but not said.
        let all = delivered.len() as u32;
        assert!(all == seen || all == seen + 1, "{all} of {seen}");
        assert_eq!((delivered, lost), (numbers(1..=all), 0));
    }
}

/// Says what it takes.
struct Telling;

impl Sink for Telling {
    fn name(&self) -> &str {
        "backend"
    }

    fn rules(&self) -> Rules {
        Rules::default()
    }

    fn push(&mut self, batch: &[Point], _: Instant) -> Result<Outcome, PushError> {
        batch.iter().for_each(|point| child::say(point.value));
        Ok(Outcome::all(batch.len()))
    }
}

fn deliver_aloud(spool: &Path) {
    let reporter = Reporter::new(&Registry::new(), Telling).spool(spool).start().unwrap();
    reporter.report_now().unwrap();
    // Killed here at the latest.
    std::thread::park();
}

#[test]
fn what_was_being_delivered_when_the_process_was_killed_comes_twice_at_most_and_in_order() {
    if let Some(spool) = child::spool() {
        return deliver_aloud(&spool);
    }
    const REPORTS: u32 = 60;
    let mut seed = 11;
    for _ in 0..25 {
        let place = Place::new();
        let first =
            Numbered::start(&Backend::default(), Spool::in_dir(place.spool()).survives(Survives::Kill));
        (1..=REPORTS).for_each(|number| first.report(number));
        let last = REPORTS + 1;
        first.number.set(last.into());
        drop(first);
        let name =
            "crash::what_was_being_delivered_when_the_process_was_killed_comes_twice_at_most_and_in_order";
        let mut child = Running::start(name, &place.spool());
        let mut said: Vec<String> =
            (0..random(&mut seed) % 60).map(|_| child.hear().expect("it goes on")).collect();
        said.extend(child.kill());
        let said: Vec<f64> = said.iter().map(|line| line.parse().unwrap()).collect();
        let taken = said.len() as u32;
        assert_eq!(said, numbers(1..=taken));
        let (rest, lost) = delivered_from(&place.spool());
        let from = last + 1 - rest.len() as u32;
        assert!(from == taken || from == taken + 1, "from {from} on after {taken}");
        assert_eq!(lost, 0);
    }
}
