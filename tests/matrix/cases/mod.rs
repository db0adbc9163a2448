//! The cases: what fails, and what has to come of it besides the equation.

mod answers;
mod clock;
mod disk;
mod kill;
mod outages;
mod slowness;
mod trust;

use std::path::Path;

use crate::database::Database;
use crate::endpoint::{Controlled, Endpoint};
use crate::figures::Row;
use crate::ledger::Held;
use crate::process::becomes;
use crate::program::{Program, Settings};
use crate::runner::Case;

/// All of them, in the order of the table.
pub(crate) fn all() -> Vec<Case> {
    fn case<E: Endpoint>(name: &'static str, run: fn(&Path) -> Row) -> Case {
        Case { name, backend: E::NAME, run }
    }
    type C = Controlled;
    type D = Database;
    vec![
        case::<C>("down at the start", outages::down_at_the_start::<C>),
        case::<D>("down at the start", outages::down_at_the_start::<D>),
        case::<C>("down for 50 intervals", outages::down_for_50_intervals::<C>),
        case::<D>("down for 50 intervals", outages::down_for_50_intervals::<D>),
        case::<C>("flapping, 3 intervals up and 3 down, 10 times", outages::flapping::<C>),
        case::<D>("flapping, 3 intervals up and 3 down, 10 times", outages::flapping::<D>),
        case::<C>("down for too long for the backlog", outages::down_for_too_long::<C>),
        case::<C>("down at the end", outages::down_at_the_end::<C>),
        case::<C>("20 % of answers 5xx", answers::some_5xx::<C>),
        case::<D>("20 % of answers 5xx", answers::some_5xx::<D>),
        case::<C>("20 % of answers 5xx, after storing", answers::some_5xx_after_storing),
        case::<D>("every answer 503 for 20 intervals", answers::every_answer_503::<D>),
        case::<C>("asks for rest, 429", answers::asks_for_rest::<C>),
        case::<D>("asks for rest, 429", answers::asks_for_rest::<D>),
        case::<C>("refuses one point in twenty, 400", answers::refuses_some),
        case::<C>("takes 3 points at once, 413", answers::takes_few_at_once),
        case::<C>("the wrong token, then mended", answers::wrong_token),
        case::<C>("latency 10 × interval", slowness::latency),
        case::<C>("latency beyond the timeout", slowness::latency_beyond_the_timeout),
        case::<C>("latency beyond a report's 5 s", slowness::latency_beyond_a_report_s_time),
        case::<C>("latency 300 ms while catching up, interval 6 s", slowness::latency_while_catching_up),
        case::<C>("slow reading, half of the requests", slowness::slow_reading),
        case::<C>("reset in the middle of a request, half of them", answers::resets_while_reading::<C>),
        case::<D>("closed in the middle of a request", answers::closed_while_reading),
        case::<C>("reset after storing, half of the requests", answers::resets_after_storing),
        case::<C>("reset after storing, then dropped", answers::resets_after_storing_then_dropped),
        case::<C>("TLS with a wrong CA, then mended", trust::wrong_ca_then_mended),
        case::<C>("clock steps of ±1 h, backend down at each", clock::steps::<C>),
        case::<D>("clock steps of ±1 h, backend down at each", clock::steps::<D>),
        case::<C>("disk full while spooling", disk::full::<C>),
        case::<D>("disk full while spooling", disk::full::<D>),
        case::<C>("down at the end, with a spool", kill::down_at_the_end_with_a_spool::<C>),
        case::<D>("down at the end, with a spool", kill::down_at_the_end_with_a_spool::<D>),
        case::<C>("silent at the end, with a spool", kill::silent_at_the_end_with_a_spool),
        case::<C>("kill -9, nothing spooled", kill::without_a_spool),
        case::<C>("kill -9 at 60 random moments, with a spool", kill::at_random_moments::<C, 60>),
        case::<D>("kill -9 at 20 random moments, with a spool", kill::at_random_moments::<D, 20>),
    ]
}

/// Starts a program that pushes there.
fn program(endpoint: &impl Endpoint) -> Program {
    Program::start(Settings::to(&endpoint.url()))
}

/// Nothing fails any more, so everything arrives; then the end.
fn drained(mut program: Program, endpoint: &impl Endpoint) -> Row {
    program.catch_up();
    finished(program, endpoint)
}

/// The end, whatever waits.
fn finished(program: Program, endpoint: &impl Endpoint) -> Row {
    let series = program.settings.series;
    let told = program.stop();
    let held = shown(endpoint, |held| held.distinct() >= told.delivered);
    Row::of(&told, series, &held)
}

/// What the backend holds, when it shows enough of it: a database has to sort in what it took. If it never does, the row
/// says what is missing.
fn shown(endpoint: &impl Endpoint, is_enough: impl Fn(&Held) -> bool) -> Held {
    let mut held = Held::default();
    becomes(|| {
        held = endpoint.held();
        is_enough(&held)
    });
    held
}
