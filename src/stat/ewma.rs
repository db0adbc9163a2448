//! An average that fades.

use std::time::Duration;

/// Time between two ticks. The load average of Unix uses the same step.
const TICK: Duration = Duration::from_secs(5);

/// A rate, averaged with exponentially falling weight.
///
/// Every five seconds somebody says how much was counted since the tick before. The first tick sets the rate; each later
/// one moves it by the share `1 − e^(−5 s / period)` of the way to the rate of that tick. Reading changes nothing.
///
/// Units: events in, events per second out.
/// Range: `0.0` until the first tick, then finite and not negative. A period of zero follows the newest tick.
/// Source: the load average of Unix; Coda Hale's `metrics`, whose first tick sets the rate, too.
///
/// ```
/// use std::time::Duration;
/// use tagmeter::stat::Ewma;
///
/// let mut rate = Ewma::new(Duration::from_secs(60));
/// rate.tick(10); // ten events within five seconds
/// assert_eq!(rate.rate_per_second(), 2.0);
/// rate.idle(12); // a minute of nothing
/// assert!((rate.rate_per_second() - 2.0 / std::f64::consts::E).abs() < 1e-12);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ewma {
    period: Duration,
    rate: Option<f64>,
}

impl Ewma {
    /// Time between two ticks: five seconds.
    ///
    /// ```
    /// assert_eq!(tagmeter::stat::Ewma::TICK.as_secs(), 5);
    /// ```
    pub const TICK: Duration = TICK;

    /// An average over about this time: what is older weighs less than `1/e`.
    ///
    /// ```
    /// use std::time::Duration;
    /// assert_eq!(tagmeter::stat::Ewma::new(Duration::from_secs(60)).rate_per_second(), 0.0);
    /// ```
    pub const fn new(period: Duration) -> Self {
        Ewma { period, rate: None }
    }

    /// Ends a tick in which this many events were counted.
    ///
    /// ```
    /// let mut rate = tagmeter::stat::Ewma::new(std::time::Duration::from_secs(60));
    /// rate.tick(15);
    /// assert_eq!(rate.rate_per_second(), 3.0);
    /// ```
    pub fn tick(&mut self, count: u64) {
        let instant = count as f64 / TICK.as_secs_f64();
        self.rate = Some(match self.rate {
            None => instant,
            Some(rate) => rate + (1.0 - self.kept(1)) * (instant - rate),
        });
    }

    /// Ends this many ticks in which nothing was counted, in one step: the rate falls to `e^(−5 s · ticks / period)` of
    /// what it was.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use tagmeter::stat::Ewma;
    /// let mut rate = Ewma::new(Duration::from_secs(60));
    /// rate.tick(15);
    /// rate.idle(u64::MAX); // 2.9 trillion years
    /// assert_eq!(rate.rate_per_second(), 0.0);
    /// ```
    pub fn idle(&mut self, ticks: u64) {
        if ticks > 0 {
            self.rate = Some(self.rate_per_second() * self.kept(ticks));
        }
    }

    /// The rate as of the last tick; `0.0` before the first.
    ///
    /// ```
    /// # use tagmeter::stat::Ewma;
    /// assert_eq!(Ewma::new(std::time::Duration::from_secs(60)).rate_per_second(), 0.0);
    /// ```
    pub fn rate_per_second(&self) -> f64 {
        self.rate.unwrap_or(0.0)
    }

    /// Share of the rate that is left after some ticks.
    fn kept(&self, ticks: u64) -> f64 {
        if self.period.is_zero() {
            return 0.0;
        }
        (-(ticks as f64) * TICK.as_secs_f64() / self.period.as_secs_f64()).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
    }

    #[test]
    fn the_first_tick_sets_the_rate_and_the_second_moves_it() {
        let mut rate = Ewma::new(MINUTE);
        rate.tick(5);
        assert_eq!(rate.rate_per_second(), 1.0);
        rate.tick(0);
        assert!(close(rate.rate_per_second(), (-5.0_f64 / 60.0).exp()));
    }

    #[test]
    fn an_idle_start_is_a_rate_of_zero() {
        let mut rate = Ewma::new(MINUTE);
        rate.idle(1);
        rate.tick(5);
        assert!(close(rate.rate_per_second(), 1.0 - (-5.0_f64 / 60.0).exp()));
    }

    #[test]
    fn no_idle_ticks_are_no_tick() {
        let mut rate = Ewma::new(MINUTE);
        rate.idle(0);
        rate.tick(5);
        assert_eq!(rate.rate_per_second(), 1.0);
    }

    #[test]
    fn a_period_of_zero_follows_the_newest_tick() {
        let mut rate = Ewma::new(Duration::ZERO);
        rate.tick(50);
        rate.tick(5);
        assert_eq!(rate.rate_per_second(), 1.0);
    }
}
