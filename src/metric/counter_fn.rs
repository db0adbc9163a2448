//! A count that something else keeps.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use super::callback::call;
use super::{Common, Context, Handle, Instrument, Place, Requested, Unsuitable, sealed};
use crate::model::{Kind, Number, Value};

/// A function that tells a count kept elsewhere.
pub(crate) type ReadCount = Arc<dyn Fn() -> u64 + Send + Sync>;

/// A count that something else keeps, asked for at each scrape and push: packets of a network card, a pool's hits.
///
/// Made by [`Registry::counter_fn`](crate::registry::Registry::counter_fn). The source is expected to grow only; where
/// it falls it has been reset, and what it shows then is added to what was counted before.
/// Shape: as [`Counter`](super::Counter). A source that panics is left out of that snapshot and counted.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// let registry = tagmeter::Registry::new();
/// let packets = Arc::new(AtomicU64::new(7));
/// let source = packets.clone();
/// let counter = registry.counter_fn("kernel_packets", move || source.load(Ordering::Relaxed));
/// assert_eq!(counter.get(), Some(7));
///
/// packets.store(2, Ordering::Relaxed); // the source was reset and counted two since
/// assert_eq!(counter.get(), Some(9));
/// ```
#[derive(Debug, Clone)]
pub struct CounterFn(pub(crate) Handle<Observed>);

/// The source and what was seen of it.
pub(crate) struct Observed {
    common: Arc<Common>,
    source: Mutex<Option<ReadCount>>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    last: u64,
    total: u64,
    /// Answers that were followed.
    answers: u64,
}

impl CounterFn {
    /// Asks the source; `None` where it panics.
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// assert_eq!(registry.counter_fn("ones", || 1).get(), Some(1));
    /// ```
    pub fn get(&self) -> Option<u64> {
        let observed = self.0.cell();
        // No lock is held while the source runs: it may call anything.
        let source = observed.source.lock().clone()?;
        let answers = observed.seen.lock().answers;
        let now = call(&observed.common.refused, || source())?;
        let mut seen = observed.seen.lock();
        // Of two answers that were asked for at the same time, nobody knows which is older; an older one looks like a reset.
        Some(if seen.answers == answers { seen.follow(now) } else { seen.total })
    }

    /// Asks another source from now on.
    pub(crate) fn set_source(&self, source: ReadCount) {
        let replaced = self.0.recording().and_then(|cell| cell.source.lock().replace(source));
        // Not under the lock: what the old source owns may do anything when it goes.
        drop(replaced);
    }
}

impl Seen {
    /// The total once the source shows `now`.
    fn follow(&mut self, now: u64) -> u64 {
        let grown = if now >= self.last { now - self.last } else { now };
        self.last = now;
        self.total = self.total.wrapping_add(grown);
        self.answers += 1;
        self.total
    }
}

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observed").field("seen", &self.seen).finish_non_exhaustive()
    }
}

impl sealed::Sealed for CounterFn {}

impl Instrument for CounterFn {
    type Settings = ();
    const KIND: Kind = Kind::Counter;
    const MAY_ASK: bool = true;

    fn settings(requested: &Requested) -> Result<(), Unsuitable> {
        requested.nothing(Self::KIND)
    }

    fn create((): &(), context: &Context, place: Place) -> Self {
        let common = context.common.clone();
        CounterFn(Handle::of(Observed { common, source: Mutex::default(), seen: Mutex::default() }, place))
    }

    fn read(&self) -> Option<Value> {
        self.get().map(|total| Value::Counter(Number::Integer(total)))
    }

    fn asks(&self) -> bool {
        true
    }

    fn is_held(&self) -> bool {
        self.0.is_held()
    }

    /// Counts anew from what the source shows next.
    fn take_function(&self) -> Option<Box<dyn Any + Send>> {
        let source = self.0.cell().source.lock().take()?;
        Some(Box::new(source))
    }

    fn reset(&self) {
        self.0.cell().seen.lock().total = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn two_scrapes_at_once_count_nothing_twice() {
        let counter = CounterFn::create(&(), &Context::default(), Place::Cells);
        let (first, turns) = (AtomicBool::new(true), Arc::new(Barrier::new(2)));
        let others = turns.clone();
        counter.set_source(Arc::new(move || {
            if !first.swap(false, Ordering::Relaxed) {
                return 12;
            }
            others.wait();
            others.wait();
            10
        }));
        thread::scope(|scope| {
            let slow = scope.spawn(|| counter.get());
            turns.wait();
            assert_eq!(counter.get(), Some(12));
            turns.wait();
            assert_eq!(slow.join().unwrap(), Some(12), "10 came late, and is no reset");
        });
        assert_eq!(counter.get(), Some(12));
    }

    #[test]
    fn a_source_that_falls_was_reset() {
        let mut seen = Seen::default();
        let totals: Vec<u64> = [5, 8, 8, 3, 4].into_iter().map(|now| seen.follow(now)).collect();
        assert_eq!(totals, [5, 8, 8, 11, 12]);
    }

    #[test]
    fn a_panicking_source_has_no_value_and_does_no_harm() {
        let counter = CounterFn::create(&(), &Context::default(), Place::Cells);
        counter.set_source(Arc::new(|| panic!("not today")));
        assert_eq!(counter.get(), None);
        counter.set_source(Arc::new(|| 4));
        assert_eq!(counter.get(), Some(4));
    }
}
