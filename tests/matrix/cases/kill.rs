//! The program ends: stopped while nobody listens, or killed.

use std::path::Path;
use std::thread;
use std::time::Duration;

use super::{program, shown};
use crate::endpoint::{Controlled, Endpoint, seed};
use crate::faults::{Chance, Fault, Kind};
use crate::figures::Row;
use crate::ledger::Held;
use crate::process::{Process, command};
use crate::program::{Figures, Made, Program, REPORT_ON, ROLE, Settings};

/// Points of a life of the program, up to a report.
fn held_of(held: &Held, life: u64, reports: u64) -> u64 {
    let is_of_life = |tags: &str| tags.parse() == Ok(life);
    held.points().filter(|point| is_of_life(&point.tags["life"]) && point.report <= reports).count() as u64
}

/// A life of a program with a spool.
pub(super) fn spooled(endpoint: &impl Endpoint, scratch: &Path, life: u64) -> Settings {
    let spool = Some(scratch.join("spool"));
    Settings { spool, life, survives_power_loss: life.is_multiple_of(2), ..Settings::to(&endpoint.url()) }
}

pub(super) fn down_at_the_end_with_a_spool<E: Endpoint>(scratch: &Path) -> Row {
    let mut endpoint = E::new(scratch);
    let mut first = Program::start(spooled(&endpoint, scratch, 0));
    first.report(10);
    let first = first.stop();
    assert_eq!((first.delivered, first.dropped()), (0, 0), "{first:?}");
    endpoint.up();
    delivered_by_another(&endpoint, &first, spooled(&endpoint, scratch, 1))
}

/// Less than a request may take, and than a report: the program ends before the backend says anything.
const STOP: Duration = Duration::from_secs(1);

pub(super) fn silent_at_the_end_with_a_spool(scratch: &Path) -> Row {
    let mut endpoint = Controlled::new(scratch);
    endpoint.up();
    let mut first = Program::start(Settings { stop: STOP, ..spooled(&endpoint, scratch, 0) });
    first.report(5);
    endpoint.fault(Fault::always(Kind::Silence));
    first.wait_for("a push to be given up", |figures| figures.failed_pushes > 0);
    let first = first.stop();
    assert!(first.waiting > 0 && first.dropped() == 0, "{first:?}");
    endpoint.fault(Fault::NONE);
    delivered_by_another(&endpoint, &first, spooled(&endpoint, scratch, 1))
}

/// What a program left in its spool arrives with what the next one has itself.
pub(super) fn delivered_by_another(endpoint: &impl Endpoint, first: &Figures, settings: Settings) -> Row {
    let series = settings.series;
    let mut second = Program::start(settings);
    second.catch_up();
    let second = second.stop();
    let left = first.accepted - first.delivered;
    assert_eq!(second.accepted, left + second.reports * series, "it found what waited: {second:?}");
    let held = shown(endpoint, |held| held.distinct() >= first.delivered + second.accepted);
    both(first, &second, &held, series)
}

/// Two lives, of which the second delivers what the first left.
fn both(first: &Figures, second: &Figures, held: &Held, series: u64) -> Row {
    let row = Row {
        reports: first.reports + second.reports,
        accepted: (first.reports + second.reports) * series,
        held: held_of(held, 0, first.reports) + held_of(held, 1, second.reports),
        duplicates: held.duplicates(),
        pushes: first.pushes + second.pushes,
        failed_pushes: first.failed_pushes + second.failed_pushes,
        ..Row::default()
    };
    assert_eq!((row.held, second.dropped()), (held.distinct(), 0));
    held.check_times();
    row.checked()
}

/// Without a spool, what waited ends with the program, and nothing else.
pub(super) fn without_a_spool(scratch: &Path) -> Row {
    let mut endpoint = Controlled::new(scratch);
    endpoint.up();
    let mut program = program(&endpoint);
    program.report(5);
    // Not by a kill: that could come between the storing of points and their acknowledgement.
    endpoint.fault(Fault::always(Kind::ServerError));
    let figures = program.report(10);
    let series = program.settings.series;
    program.kill();
    endpoint.fault(Fault::NONE);
    let lost = figures.accepted - figures.delivered;
    let again = Program::start(Settings { life: 1, ..Settings::to(&endpoint.url()) });
    let again = again.stop();
    let held = endpoint.held();
    assert_eq!(again.accepted, again.reports * series, "it found nothing");
    Row {
        reports: figures.reports + again.reports,
        accepted: figures.accepted + again.accepted,
        held: held_of(&held, 0, figures.reports) + held_of(&held, 1, again.reports),
        dropped: vec![("with the program", lost)],
        duplicates: held.duplicates(),
        pushes: figures.pushes + again.pushes,
        failed_pushes: figures.failed_pushes + again.failed_pushes,
        ..Row::default()
    }
    .checked()
}

/// Lines that it says before the moment begins: that it has started, and then one a report. Less than so many.
const LINES: u64 = 6;
/// The moment comes within so many microseconds, which is what a report takes.
const MICROS: u64 = 20_000;

/// Every report that a life said it had made is delivered, by that life or by a later one.
pub(super) fn at_random_moments<E: Endpoint, const KILLS: u64>(scratch: &Path) -> Row {
    let mut endpoint = E::new(scratch);
    let mut chance = Chance::seeded(seed());
    let mut made = Vec::new();
    for life in 0..KILLS {
        let is_up = trouble(&mut endpoint, &mut chance);
        made.push(live_and_die(spooled(&endpoint, scratch, life), &mut chance));
        if is_up {
            endpoint.down();
        }
    }
    endpoint.up();
    let mut last = Program::start(spooled(&endpoint, scratch, KILLS));
    last.catch_up();
    let (last, series) = (last.stop(), Settings::to("").series);
    assert_eq!((last.dropped(), last.waiting), (0, 0), "{last:?}");
    made.push(Made { reports: last.reports, dropped: 0 });
    let lived = made.iter().filter(|made| made.reports > 0).count() as u64;
    assert!(lived > KILLS / 3, "only {lived} lives made a report");
    let reports: u64 = made.iter().map(|made| made.reports).sum();
    let held = shown(&endpoint, |held| held_of_all(held, &made) >= reports * series);
    assert!(made.iter().all(|made| made.dropped == 0), "{made:?}");
    held.check_times();
    Row {
        reports,
        accepted: reports * series,
        held: held_of_all(&held, &made),
        duplicates: held.duplicates(),
        ..Row::default()
    }
    .checked()
}

/// Points of reports that lives said they had made.
fn held_of_all(held: &Held, made: &[Made]) -> u64 {
    made.iter().enumerate().map(|(life, made)| held_of(held, life as u64, made.reports)).sum()
}

/// A backend in some state; whether it is up.
fn trouble<E: Endpoint>(endpoint: &mut E, chance: &mut Chance) -> bool {
    // Every other life it is down, and points pile up.
    let Some(fault) = E::FAULTS.get(chance.below(2 * E::FAULTS.len() as u64) as usize) else { return false };
    endpoint.up();
    endpoint.fault(*fault);
    true
}

/// Runs a program that reports on, kills it at a moment by chance, and gives the last it said.
fn live_and_die(settings: Settings, chance: &mut Chance) -> Made {
    let mut process = Process::start(&mut command(ROLE, &settings));
    process.order(REPORT_ON);
    let mut said: Vec<String> = (0..chance.below(LINES)).map(|_| process.next()).collect();
    // Whatever it is doing then: nothing is waited for.
    thread::sleep(Duration::from_micros(chance.below(MICROS)));
    process.kill();
    said.extend(std::iter::from_fn(|| process.next_if_any()));
    let made = said.iter().skip(1).last();
    made.map(|made| serde_json::from_str(made).unwrap()).unwrap_or_default()
}
