//! How a series leaves its family.
//!
//! A *sweep*, at most one a second, makes what was touched idle, and hides what has been idle for the timeout. What is
//! hidden or was removed by hand is *leaving*: `collect` gives it up in the end, takes it out of its chain, and frees it
//! when no section can see it any more. Both are run by snapshots and by whoever makes a series, so nothing grows while
//! nobody reads; removals by hand and a full family collect too.
//!
//! No step waits for a section: what is still looked at is looked at again next time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::series::{RemovableSeries, Series};
use crate::cell::{self, Node, Passed, Stamp, State};
use crate::metric::Instrument;
use crate::nanos;
use crate::registry::definition::Removal;

/// What a family knows about the leaving of its series.
#[derive(Debug)]
pub(super) struct Expiry {
    /// In nanoseconds; the greatest number where nothing becomes idle.
    timeout: u64,
    next_sweep: AtomicU64,
    /// Held by who sweeps; others have no need to.
    sweeping: Mutex<()>,
    /// Held by who collects; taken before the turn of the chains, never after.
    leaving: Mutex<Leaving>,
}

/// Series that are hidden or removed, by number.
#[derive(Debug)]
struct Leaving {
    numbers: BTreeSet<u64>,
    /// With so many, a removal by hand collects.
    enough: usize,
    /// How often a full family does without collecting, because the last time there was nothing to be had.
    skip: usize,
}

/// What sweeps note about a series.
#[derive(Debug, Default)]
pub(super) struct Rest {
    /// Taken after it became idle or was removed; until then `None`.
    stamp: Option<Stamp>,
    /// When it was first seen with nobody using or holding it; since it is hidden, when it was hidden.
    since: Option<u64>,
}

/// Nanoseconds between two sweeps.
const SWEEP_INTERVAL: u64 = nanos::PER_SECOND;
/// Removals by hand between two collections: each costs some microseconds.
const ENOUGH: usize = 64;
/// Series that are given up while others wait for the turn.
const AT_ONCE: usize = 256;
/// New series that find no room between two collections in vain, and again for as many leaving series: each of them
/// costs some microseconds, and is paid by recordings that come too many.
const IN_VAIN: usize = 16;

/// Whether a series that is hidden keeps its place for a while.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Hidden {
    Waits,
    GoesNow,
}

/// What becomes of a series that is leaving.
enum Outlook {
    Goes,
    Waits,
    /// Somebody uses it again.
    Stays,
}

impl Expiry {
    pub(super) fn new(removal: Removal) -> Self {
        let timeout = match removal {
            Removal::Idle(timeout) => nanos::of(timeout),
            Removal::Hides | Removal::ByHand => u64::MAX,
        };
        Expiry {
            timeout,
            next_sweep: AtomicU64::new(0),
            sweeping: Mutex::new(()),
            leaving: Mutex::new(Leaving { numbers: BTreeSet::new(), enough: ENOUGH, skip: 0 }),
        }
    }
}

impl<I: Instrument> RemovableSeries<I> {
    /// Sweeps and collects, unless that was done within the last second.
    pub(super) fn sweep_if_due(&self) {
        let now = self.shared.context.clock.coarse_nanos();
        // Relaxed: it only saves work, and who sweeps is alone.
        if now < self.expiry.next_sweep.load(Ordering::Relaxed) {
            return;
        }
        let Some(_alone) = self.expiry.sweeping.try_lock() else { return };
        self.expiry.next_sweep.store(now.saturating_add(SWEEP_INTERVAL), Ordering::Relaxed);
        if self.expiry.timeout != u64::MAX {
            self.make_idle();
            self.hide_idle();
        }
        self.collect(now, Hidden::Waits);
    }

    fn make_idle(&self) {
        for node in self.all() {
            if !node.value.overflow && node.value.presence.rest() {
                *node.value.rest.lock() = Rest::default();
            }
        }
    }

    fn hide_idle(&self) {
        let stamp = cell::stamp();
        let passed = cell::passed_soon(stamp);
        // After that: what is found idle was last used before this moment.
        let now = self.shared.context.clock.coarse_nanos();
        for node in self.all() {
            if node.value.presence.state() == State::Idle && self.may_hide(&node.value, stamp, passed, now) {
                self.expiry.leaving.lock().numbers.insert(node.number());
            }
        }
    }

    /// Hides an idle series if it is time; `stamp` was taken after it became idle.
    fn may_hide(&self, series: &Series<I>, stamp: Stamp, passed: Passed, now: u64) -> bool {
        let mut rest = series.rest.lock();
        let stamp = *rest.stamp.get_or_insert(stamp);
        // In this order: handles that sections made before they ended are seen.
        if !passed.has(stamp) || series.instrument.is_held() {
            rest.since = None;
            return false;
        }
        let since = *rest.since.get_or_insert(now);
        // Not in the sweep that finds it idle: whoever reads after this one sees it once more.
        let hidden = since < now && now - since >= self.expiry.timeout && series.presence.hide();
        if hidden {
            rest.since = Some(now);
        }
        hidden
    }

    /// Removes a series by hand; tells whether it was seen.
    pub(super) fn remove_number(&self, number: u64) -> bool {
        let turn = self.chains.turn();
        let Some(node) = turn.get(number) else { return false };
        let was_shown = node.value.presence.remove();
        node.value.rest.lock().stamp = Some(cell::stamp());
        drop(turn);
        let mut leaving = self.expiry.leaving.lock();
        leaving.numbers.insert(number);
        leaving.skip = 0;
        let enough = leaving.numbers.len() >= leaving.enough;
        drop(leaving);
        if enough {
            self.collect(self.shared.context.clock.coarse_nanos(), Hidden::Waits);
        }
        was_shown
    }

    /// Makes room in a full family, if something may go.
    pub(super) fn make_room(&self) {
        let mut leaving = self.expiry.leaving.lock();
        if leaving.skip > 0 {
            leaving.skip -= 1;
            return;
        }
        drop(leaving);
        self.collect(self.shared.context.clock.coarse_nanos(), Hidden::GoesNow);
    }

    /// Gives up what may go, and frees what nobody sees any more.
    fn collect(&self, now: u64, hidden: Hidden) {
        let mut leaving = self.expiry.leaving.lock();
        let before = leaving.numbers.len();
        self.give_up(&mut leaving.numbers, now, hidden);
        let freed = self.release();
        let in_vain = freed.is_empty() && (before > 0 || self.chains.turn().has_unlinked());
        leaving.enough = ENOUGH.max(leaving.numbers.len() * 2);
        let skip = in_vain && hidden == Hidden::GoesNow;
        leaving.skip = if skip { IN_VAIN + before / IN_VAIN } else { 0 };
        drop(leaving);
        // Last: what a series owns may do anything when it goes.
        drop(freed);
    }

    fn give_up(&self, leaving: &mut BTreeSet<u64>, now: u64, hidden: Hidden) {
        if leaving.is_empty() {
            return;
        }
        let passed = cell::passed_soon(cell::stamp());
        let numbers: Vec<u64> = leaving.iter().copied().collect();
        for some in numbers.chunks(AT_ONCE) {
            let mut turn = self.chains.turn();
            for number in some {
                let outlook = turn.get(*number).map(|node| self.outlook(&node.value, passed, now, hidden));
                match outlook {
                    Some(Outlook::Waits) => continue,
                    Some(Outlook::Goes) => self.unlink(&mut turn, *number),
                    Some(Outlook::Stays) | None => {}
                }
                leaving.remove(number);
            }
        }
    }

    fn outlook(&self, series: &Series<I>, passed: Passed, now: u64, hidden: Hidden) -> Outlook {
        let mut rest = series.rest.lock();
        let state = series.presence.state();
        let may_go = match state {
            State::Hidden => {
                let long_enough =
                    rest.since.is_some_and(|since| now.saturating_sub(since) >= self.expiry.timeout);
                hidden == Hidden::GoesNow || long_enough
            }
            // In this order: handles that sections made before they ended are seen.
            State::Removed => {
                // A sweep that made it idle at that moment may have forgotten the stamp; a later one is as good.
                let stamp = *rest.stamp.get_or_insert_with(cell::stamp);
                passed.has(stamp) && !series.instrument.is_held()
            }
            State::Touched | State::Idle | State::Gone => return Outlook::Stays,
        };
        match may_go {
            false => Outlook::Waits,
            true if series.presence.give_up(state) => Outlook::Goes,
            true => Outlook::Stays,
        }
    }

    fn release(&self) -> Vec<Arc<Node<Series<I>>>> {
        if !self.chains.turn().has_unlinked() {
            return Vec::new();
        }
        let passed = cell::passed_soon(cell::stamp());
        self.chains.turn().release(passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Counter;
    use crate::registry::Registry;

    #[test]
    fn an_item_of_iter_is_not_a_series_that_a_sweep_hides_meanwhile() {
        let sessions = Registry::new().define("sessions").tags(["peer"]).removable().counters().unwrap();
        sessions.init([["a"], ["b"]]);
        let [a, b] = [0, 1].map(|at| sessions.series.all().nth(at).unwrap());
        let kept = a.value.held().unwrap();
        let presences = [&a, &b].map(|node| &node.value.presence);
        assert!(presences.iter().all(|presence| presence.rest()));
        let stamp = cell::stamp();
        let passed = || cell::passed_soon(stamp);
        // Some tries, for sections of other tests.
        assert!((0..10_000).any(|_| passed().has(stamp)));
        let may_hide =
            |node: &Node<Series<Counter>>, now| sessions.series.may_hide(&node.value, stamp, passed(), now);
        assert_eq!([&a, &b].map(|node| may_hide(node, 0)), [false; 2]);
        let late = u64::MAX;
        assert_eq!([&a, &b].map(|node| may_hide(node, late)), [false, true], "what came first is held");
        assert!(b.value.held().is_none(), "what comes later is not seen");
        drop(kept);
    }

    #[test]
    fn a_series_that_is_removed_while_a_sweep_makes_it_idle_gives_its_place_back() {
        let sessions = Registry::new().define("sessions").tags(["peer"]).removable().counters().unwrap();
        sessions.init([["a"]]);
        let node = sessions.series.all().next().unwrap();
        assert!(sessions.remove(["a"]));
        // What a sweep does next that saw it touched before.
        *node.value.rest.lock() = Rest::default();
        drop(node);
        let gone = || {
            sessions.series.collect(0, Hidden::GoesNow);
            sessions.series.chains.turn().len() == 0
        };
        // Some tries, for sections of other tests.
        assert!((0..10_000).any(|_| gone()));
    }
}
