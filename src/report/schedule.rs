//! When to push.

use std::time::Duration;

/// Ticks at `start + every`, `start + 2·every`, …, however long the work in between takes.
///
/// Counting from the start instead of from the last tick keeps the schedule from drifting. Ticks that passed while a
/// push was under way, or the machine asleep, are left out: there is no burst afterwards.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    due: Duration,
    every: Duration,
}

impl Schedule {
    /// A schedule whose first tick is one interval from `now`. `every` is not zero.
    pub(super) fn new(now: Duration, every: Duration) -> Self {
        Schedule { due: now.saturating_add(every), every }
    }

    /// The time of the next tick.
    pub(super) fn due(&self) -> Duration {
        self.due
    }

    /// Whether the next tick has come. If so, moves on to the first that has not.
    pub(super) fn tick(&mut self, now: Duration) -> bool {
        let Some(late) = now.checked_sub(self.due) else { return false };
        let into_interval = late.as_nanos() % self.every.as_nanos().max(1);
        let left = self.every.as_nanos() - into_interval;
        self.due = now.saturating_add(Duration::from_nanos(u64::try_from(left).unwrap_or(u64::MAX)));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn the_first_tick_is_one_interval_after_the_start() {
        let mut schedule = Schedule::new(Duration::from_secs(7), MINUTE);
        assert!(!schedule.tick(Duration::from_secs(66)));
        assert!(schedule.tick(Duration::from_secs(67)));
    }

    #[test]
    fn a_late_tick_does_not_move_the_next() {
        let mut schedule = Schedule::new(Duration::ZERO, MINUTE);
        assert!(schedule.tick(Duration::from_secs(75)));
        assert_eq!(schedule.due(), Duration::from_secs(120));
    }

    #[test]
    fn after_an_hour_of_sleep_there_is_one_tick() {
        let mut schedule = Schedule::new(Duration::ZERO, MINUTE);
        assert!(schedule.tick(Duration::from_secs(3601)));
        assert!(!schedule.tick(Duration::from_secs(3601)));
        assert_eq!(schedule.due(), Duration::from_secs(3660));
    }

    proptest! {
        #[test]
        fn ticks_stay_on_the_grid_and_lie_ahead(
            every in 1u64..1 << 40, start in 0u64..1 << 50, steps in prop::collection::vec(0u64..1 << 45, 0..20),
        ) {
            let mut schedule = Schedule::new(Duration::from_nanos(start), Duration::from_nanos(every));
            let mut now = start;
            for step in steps {
                now += step;
                let came = schedule.due() <= Duration::from_nanos(now);
                prop_assert_eq!(schedule.tick(Duration::from_nanos(now)), came);
                let due = schedule.due().as_nanos() as u64;
                prop_assert!(due > now && due <= now.max(start) + every);
                prop_assert_eq!((due - start) % every, 0);
            }
        }
    }
}
