//! The rates of a meter.

use std::time::Duration;

use crate::stat::ewma::Ewma;

const TICK: Duration = Ewma::TICK;

const ONE_MINUTE: Duration = Duration::from_secs(60);
const FIVE_MINUTES: Duration = Duration::from_secs(5 * 60);
const FIFTEEN_MINUTES: Duration = Duration::from_secs(15 * 60);

/// A total that fell by less than half the range of `u64` did not wrap: it was read before the total we know.
const WRAPPED: u64 = u64::MAX / 2;

/// The four rates of a meter.
///
/// Units: events per second.
/// Shape: `<name>.1m_rate` and so on in line protocols; `<name>_rate{window="1m"}` for Prometheus.
/// Range: finite, not negative; all `0.0` at the start, the averages until five seconds have passed.
/// Source: Coda Hale's `metrics`; see [`Averages`].
///
/// ```
/// use std::time::Duration;
/// use tagmeter::stat::{Averages, Rates};
///
/// assert_eq!(Averages::new(Duration::ZERO).rates(Duration::ZERO, 0), Rates::default());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rates {
    /// Events divided by the time since the start.
    pub mean: f64,
    /// Average of the last minute.
    pub one_minute: f64,
    /// Average of the last five minutes.
    pub five_minutes: f64,
    /// Average of the last fifteen minutes.
    pub fifteen_minutes: f64,
}

/// The averages of a meter, as plain data: advanced by whoever knows the time and the total.
///
/// Ticks begin every five seconds from the start on and take no notice of who reads or when. The owner calls
/// [`advance`](Averages::advance) with the total *before* it counts an event of a later tick; then everything counted
/// since the last call happened within one tick, and every tick after it was idle.
///
/// Units: events in, events per second out; times are those of one [`Clock`](crate::clock::Clock).
/// Range: right after any gap, in constant time. A clock that stands still or goes back ends no tick. The total may wrap
/// at 2^64; one that is a little lower than before is taken for a late reading and changes nothing.
/// Source: Coda Hale's `metrics` with its ticks at fixed times.
///
/// ```
/// use std::time::Duration;
/// use tagmeter::stat::Averages;
///
/// let mut averages = Averages::new(Duration::ZERO);
/// let mut total = 30; // counted within the first five seconds
/// assert_eq!(averages.next_tick(), Duration::from_secs(5));
///
/// let now = Duration::from_secs(6);
/// averages.advance(now, total);
/// total += 10; // counted within the next five
/// let rates = averages.rates(now, total);
/// assert_eq!(rates.one_minute, 6.0); // 30 events in 5 s; the newer ten wait for the end of their tick
/// assert_eq!(rates.mean, 40.0 / 6.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Averages {
    start: Duration,
    /// Ticks ended since the start.
    ticks: u64,
    /// The total as of the last of them.
    total: u64,
    one_minute: Ewma,
    five_minutes: Ewma,
    fifteen_minutes: Ewma,
}

impl Averages {
    /// Averages of a meter that starts at this time with nothing counted.
    ///
    /// ```
    /// use std::time::Duration;
    /// let averages = tagmeter::stat::Averages::new(Duration::from_secs(2));
    /// assert_eq!(averages.next_tick(), Duration::from_secs(7));
    /// ```
    pub const fn new(start: Duration) -> Self {
        Averages {
            start,
            ticks: 0,
            total: 0,
            one_minute: Ewma::new(ONE_MINUTE),
            five_minutes: Ewma::new(FIVE_MINUTES),
            fifteen_minutes: Ewma::new(FIFTEEN_MINUTES),
        }
    }

    /// When the tick ends that is under way. Before that time [`advance`](Averages::advance) does nothing.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let mut averages = tagmeter::stat::Averages::new(Duration::ZERO);
    /// averages.advance(Duration::from_secs(12), 3);
    /// assert_eq!(averages.next_tick(), Duration::from_secs(15));
    /// ```
    pub fn next_tick(&self) -> Duration {
        let elapsed = self.ticks.saturating_add(1).saturating_mul(TICK.as_secs());
        self.start.saturating_add(Duration::from_secs(elapsed))
    }

    /// Ends the ticks that are over by now: the first with what was counted since the last call, the others idle.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tagmeter::stat::Averages;
    /// let mut averages = Averages::new(Duration::ZERO);
    /// let mut again = averages;
    /// averages.advance(Duration::from_secs(60), 100);
    /// again.advance(Duration::from_secs(5), 100);
    /// again.advance(Duration::from_secs(60), 100);
    /// let (one, other) = (averages.rates(Duration::from_secs(60), 100), again.rates(Duration::from_secs(60), 100));
    /// assert!((one.one_minute - other.one_minute).abs() < 1e-12); // reading at 5 s changed nothing
    /// ```
    pub fn advance(&mut self, now: Duration, total: u64) {
        let ended = now.saturating_sub(self.start).as_secs() / TICK.as_secs();
        let Some(ticks) = ended.checked_sub(self.ticks).filter(|ticks| *ticks > 0) else { return };
        self.ticks = ended;
        let counted = self.take(total);
        for average in [&mut self.one_minute, &mut self.five_minutes, &mut self.fifteen_minutes] {
            average.tick(counted);
            average.idle(ticks - 1);
        }
    }

    /// The rates at a time, with `total` events counted so far. Reading changes nothing: ticks that are over but not
    /// ended yet are ended on a copy.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tagmeter::stat::Averages;
    /// let averages = Averages::new(Duration::ZERO);
    /// let rates = averages.rates(Duration::from_secs(5), 10);
    /// assert_eq!((rates.mean, rates.one_minute), (2.0, 2.0));
    /// assert_eq!(averages.rates(Duration::ZERO, 10).mean, 0.0); // no time has passed
    /// ```
    pub fn rates(&self, now: Duration, total: u64) -> Rates {
        let mut at = *self;
        at.advance(now, total);
        Rates {
            mean: per_second(total, now.saturating_sub(self.start)),
            one_minute: at.one_minute.rate_per_second(),
            five_minutes: at.five_minutes.rate_per_second(),
            fifteen_minutes: at.fifteen_minutes.rate_per_second(),
        }
    }

    /// What was counted since the last call.
    fn take(&mut self, total: u64) -> u64 {
        let counted = total.wrapping_sub(self.total);
        if counted > WRAPPED {
            return 0;
        }
        self.total = total;
        counted
    }
}

fn per_second(count: u64, elapsed: Duration) -> f64 {
    if elapsed.is_zero() { 0.0 } else { count as f64 / elapsed.as_secs_f64() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
    }

    #[test]
    fn a_tick_ends_five_seconds_after_the_start_not_earlier() {
        let mut averages = Averages::new(seconds(1));
        averages.advance(seconds(6) - Duration::from_nanos(1), 10);
        assert_eq!(averages.rates(seconds(5), 10).one_minute, 0.0);
        averages.advance(seconds(6), 10);
        assert_eq!(averages.rates(seconds(6), 10).one_minute, 2.0);
    }

    #[test]
    fn a_clock_that_stands_or_goes_back_ends_no_tick() {
        let mut averages = Averages::new(seconds(100));
        averages.advance(seconds(110), 10);
        let before = averages;
        averages.advance(seconds(110), 50);
        averages.advance(seconds(0), 50);
        assert_eq!(averages, before);
        assert_eq!(averages.rates(seconds(0), 50).mean, 0.0);
    }

    #[test]
    fn a_total_may_wrap_and_a_late_reading_changes_nothing() {
        let mut averages = Averages::new(Duration::ZERO);
        averages.take(u64::MAX / 2);
        averages.take(u64::MAX - 2);
        assert_eq!(averages.take(2), 5);
        assert_eq!(averages.take(1), 0);
        assert_eq!(averages.take(3), 1);
    }

    #[test]
    fn the_longest_gap_is_one_step() {
        let mut averages = Averages::new(Duration::ZERO);
        averages.advance(seconds(5), 1_000_000);
        averages.advance(Duration::MAX, u64::MAX / 3);
        let rates = averages.rates(Duration::MAX, u64::MAX);
        assert!(rates.fifteen_minutes == 0.0 && rates.mean.is_finite());
        assert_eq!(averages.next_tick(), seconds(u64::MAX));
    }

    /// Every tick in turn, each with its own count.
    fn slowly(period: Duration, counts: &[u64]) -> f64 {
        let share = 1.0 - (-5.0 / period.as_secs_f64()).exp();
        let instants = counts.iter().map(|count| *count as f64 / 5.0);
        instants.reduce(|rate, instant| rate + share * (instant - rate)).unwrap_or(0.0)
    }

    proptest! {
        /// Events at random times; whether and when somebody reads makes no difference.
        #[test]
        fn rates_are_those_of_every_tick_in_turn(
            start in 0_u64..1_000_000,
            steps in prop::collection::vec((0_u64..90_000, 0_u64..1000, any::<bool>()), 1..60),
        ) {
            let start = Duration::from_millis(start);
            let mut averages = Averages::new(start);
            let (mut now, mut total, mut counts) = (start, 0, vec![0]);
            for (millis, count, read) in steps {
                now += Duration::from_millis(millis);
                if read {
                    averages.advance(now, total);
                }
                if now >= averages.next_tick() {
                    averages.advance(now, total);
                }
                total += count;
                let tick = ((now - start).as_secs() / 5) as usize;
                counts.resize(tick + 1, 0);
                counts[tick] += count;
            }
            let ended = &counts[..counts.len() - 1];
            let rates = averages.rates(now, total);
            prop_assert!(close(rates.one_minute, slowly(ONE_MINUTE, ended)));
            prop_assert!(close(rates.five_minutes, slowly(FIVE_MINUTES, ended)));
            prop_assert!(close(rates.fifteen_minutes, slowly(FIFTEEN_MINUTES, ended)));
        }
    }
}
