//! When to push.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Ticks one interval apart, however long the work in between takes.
///
/// Counting from the start, or from the wall clock, instead of from the last tick keeps the schedule from drifting.
/// Ticks that passed while a push was under way, or the machine asleep, are left out: there is no burst afterwards.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    due: Duration,
    every: Duration,
    grid: Grid,
}

/// Where the ticks lie.
#[derive(Debug, Clone, Copy)]
enum Grid {
    /// At whole intervals from the first one.
    Start,
    /// So long after whole intervals of the wall clock. The wait itself is monotonic, so a clock that is set moves one
    /// tick and causes neither a burst nor a long silence.
    Wall { later: Duration },
}

impl Schedule {
    /// A schedule whose first tick is one interval from `now`, and a bit later. `every` is not zero.
    pub(super) fn new(now: Duration, every: Duration, later: Duration) -> Self {
        Schedule { due: now.saturating_add(every).saturating_add(later), every, grid: Grid::Start }
    }

    /// A schedule whose ticks are a bit later than whole multiples of the interval since 1970.
    pub(super) fn aligned(now: Duration, wall: SystemTime, every: Duration, later: Duration) -> Self {
        let due = now.saturating_add(until_aligned(wall, every, later));
        Schedule { due, every, grid: Grid::Wall { later } }
    }

    /// The time of the next tick.
    pub(super) fn due(&self) -> Duration {
        self.due
    }

    /// Whether the next tick has come. If so, moves on to the first that has not.
    pub(super) fn tick(&mut self, now: Duration, wall: SystemTime) -> bool {
        let Some(late) = now.checked_sub(self.due) else { return false };
        let left = match self.grid {
            Grid::Start => left_of(self.every, late),
            Grid::Wall { later } => self.until_next(wall, later, late),
        };
        self.due = now.saturating_add(left);
        true
    }

    /// A wall clock that runs behind the monotonic one has a tick before its time: the rest of that interval is none. After
    /// a tick that came late by itself, little is left because of that.
    fn until_next(&self, wall: SystemTime, later: Duration, late: Duration) -> Duration {
        let (left, half) = (until_aligned(wall, self.every, later), self.every / 2);
        let is_late = self.every - left_of(self.every, late) >= half;
        if left < half && !is_late { left.saturating_add(self.every) } else { left }
    }
}

fn until_aligned(wall: SystemTime, every: Duration, later: Duration) -> Duration {
    let since = wall.duration_since(UNIX_EPOCH).unwrap_or_default();
    match since.checked_sub(later) {
        Some(since) => left_of(every, since),
        None => later - since,
    }
}

/// What is left of the interval that has begun so long after the first; never nothing.
fn left_of(every: Duration, since: Duration) -> Duration {
    let left = every.as_nanos() - since.as_nanos() % every.as_nanos().max(1);
    Duration::from_nanos(u64::try_from(left).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn the_first_tick_is_one_interval_after_the_start() {
        let mut schedule = Schedule::new(Duration::from_secs(7), MINUTE, Duration::ZERO);
        assert!(!schedule.tick(Duration::from_secs(66), UNIX_EPOCH));
        assert!(schedule.tick(Duration::from_secs(67), UNIX_EPOCH));
    }

    #[test]
    fn a_late_tick_does_not_move_the_next() {
        let mut schedule = Schedule::new(Duration::ZERO, MINUTE, Duration::ZERO);
        assert!(schedule.tick(Duration::from_secs(75), UNIX_EPOCH));
        assert_eq!(schedule.due(), Duration::from_secs(120));
    }

    #[test]
    fn after_an_hour_of_sleep_there_is_one_tick() {
        let mut schedule = Schedule::new(Duration::ZERO, MINUTE, Duration::ZERO);
        assert!(schedule.tick(Duration::from_secs(3601), UNIX_EPOCH));
        assert!(!schedule.tick(Duration::from_secs(3601), UNIX_EPOCH));
        assert_eq!(schedule.due(), Duration::from_secs(3660));
    }

    #[test]
    fn the_first_tick_can_be_a_bit_later() {
        let schedule = Schedule::new(Duration::ZERO, MINUTE, Duration::from_secs(7));
        assert_eq!(schedule.due(), Duration::from_secs(67));
    }

    /// Ticks of a schedule aligned to minutes and seven seconds, whose monotonic clock reads 1000 when the wall clock
    /// reads so many seconds.
    struct Aligned(Schedule);

    impl Aligned {
        fn start(wall: u64) -> Self {
            let wall = UNIX_EPOCH + Duration::from_secs(wall);
            Aligned(Schedule::aligned(Duration::from_secs(1000), wall, MINUTE, Duration::from_secs(7)))
        }

        /// The time from one tick to the next, where the wall clock reads this at the first of them.
        fn then(&mut self, wall: f64) -> f64 {
            self.late(0, wall)
        }

        /// As above, where the first is so many seconds late.
        fn late(&mut self, late: u64, wall: f64) -> f64 {
            let now = self.0.due() + Duration::from_secs(late);
            assert!(self.0.tick(now, UNIX_EPOCH + Duration::from_secs_f64(wall)));
            (self.0.due() - now).as_secs_f64()
        }
    }

    #[test]
    fn ticks_can_be_aligned_to_the_wall_clock() {
        let mut aligned = Aligned::start(600);
        assert_eq!(aligned.0.due(), Duration::from_secs(1007));
        assert_eq!(aligned.then(607.0), 60.0);
        assert_eq!(aligned.then(667.5), 59.5);
        assert_eq!(aligned.then(726.5), 60.5, "a clock that runs behind does not tick twice");
        assert_eq!(Aligned::start(3).0.due(), Duration::from_secs(1004));
        assert_eq!(Aligned::start(607).0.due(), Duration::from_secs(1060));
    }

    #[test]
    fn an_aligned_tick_that_is_late_costs_the_next_nothing() {
        for (late, next) in [(10, 50.0), (29, 31.0), (31, 29.0), (40, 20.0), (59, 1.0), (3_640, 20.0)] {
            let mut aligned = Aligned::start(600);
            assert_eq!(aligned.late(late, 607.0 + late as f64), next, "{late} s late");
        }
        let behind = Aligned::start(600).late(60, 666.5);
        assert_eq!(behind, 60.5, "a whole interval late, by a clock that runs behind: not twice");
    }

    #[test]
    fn a_clock_that_is_set_moves_one_tick() {
        let mut aligned = Aligned::start(600);
        assert_eq!(aligned.then(3600.0 + 627.0), 40.0);
        assert_eq!(aligned.then(3600.0 + 667.0), 60.0);
        assert_eq!(aligned.then(47.0), 80.0);
        assert_eq!(aligned.then(127.0), 60.0);
    }

    proptest! {
        #[test]
        fn ticks_stay_on_the_grid_and_lie_ahead(
            every in 1u64..1 << 40, start in 0u64..1 << 50, steps in prop::collection::vec(0u64..1 << 45, 0..20),
        ) {
            let mut schedule = Schedule::new(Duration::from_nanos(start), Duration::from_nanos(every), Duration::ZERO);
            let mut now = start;
            for step in steps {
                now += step;
                let came = schedule.due() <= Duration::from_nanos(now);
                prop_assert_eq!(schedule.tick(Duration::from_nanos(now), UNIX_EPOCH), came);
                let due = schedule.due().as_nanos() as u64;
                prop_assert!(due > now && due <= now.max(start) + every);
                prop_assert_eq!((due - start) % every, 0);
            }
        }
    }
}
