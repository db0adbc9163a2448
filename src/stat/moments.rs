//! Count, extremes, mean and variance, kept without the values.

/// Moments of values: count, least, greatest, mean, and the sum of squared distances from the mean.
///
/// Updated by Welford's method and merged by that of Chan, Golub and LeVeque: the distance is always taken from a mean near
/// the values, so that a large offset with little spread (or a first value far from all others) costs no digits, which
/// sums of squares would lose.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Moments {
    pub(crate) count: u64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    sum: f64,
    /// The mean again, updated in steps: the squares need one that cannot overflow.
    center: f64,
    squares: f64,
}

impl Moments {
    /// Adds a finite value `count` times.
    pub(crate) fn record_n(&mut self, value: f64, count: u64) {
        let sum = value * count as f64;
        self.merge(&Moments { count, min: value, max: value, sum, center: value, squares: 0.0 });
    }

    /// Adds finite values. Twice as fast as one by one, or more: in lanes, and without a division for each.
    pub(crate) fn record_all(&mut self, values: &[f64]) {
        let [sum, min, max] = sum_and_extremes(values);
        let center = sum / values.len() as f64;
        if center.is_finite() {
            let squares =
                in_lanes(values, 0.0, |squares, value| squares + (value - center).powi(2), |a, b| a + b);
            self.merge(&Moments { count: values.len() as u64, min, max, sum, center, squares });
        } else {
            // None at all, or so large that their sum is no number.
            values.iter().for_each(|value| self.record_n(*value, 1));
        }
    }

    /// Adds all values of another set.
    pub(crate) fn merge(&mut self, other: &Moments) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        let count = self.count.saturating_add(other.count);
        let share = other.count as f64 / count as f64;
        let distance = other.center - self.center;
        self.squares += other.squares + distance * distance * (self.count as f64 * share);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.center = if distance.is_finite() {
            self.center + distance * share
        } else {
            self.center * (1.0 - share) + other.center * share
        };
        self.sum += other.sum;
        self.count = count;
    }

    /// The mean, between the extremes; 0 when there is none. Whole numbers that cancel out give exactly zero.
    pub(crate) fn mean(&self) -> f64 {
        let mean = self.sum / self.count as f64;
        // Rounding may carry the mean past the only value there is.
        (if self.sum.is_finite() && self.count > 0 { mean } else { self.center }).clamp(self.min, self.max)
    }

    /// Sample variance (n − 1): `0.0` for one value, not finite when squares do not fit.
    pub(crate) fn variance(&self) -> f64 {
        match self.count {
            0 | 1 => 0.0,
            count => self.squares / (count - 1) as f64,
        }
    }
}

fn sum_and_extremes(values: &[f64]) -> [f64; 3] {
    let none = [0.0, f64::INFINITY, f64::NEG_INFINITY];
    let add = |[sum, min, max]: [f64; 3], [s, least, most]: [f64; 3]| {
        [sum + s, lesser(min, least), greater(max, most)]
    };
    in_lanes(values, none, |so_far, value| add(so_far, [value; 3]), add)
}

/// Folds every fourth value into a lane of its own, and the lanes at the end: additions that do not wait for each other.
fn in_lanes<T: Copy>(values: &[f64], none: T, add: impl Fn(T, f64) -> T, join: impl Fn(T, T) -> T) -> T {
    const LANES: usize = 4;
    let mut lanes = [none; LANES];
    let (fours, rest) = values.as_chunks::<LANES>();
    for four in fours {
        for (lane, value) in lanes.iter_mut().zip(four) {
            *lane = add(*lane, *value);
        }
    }
    let all = lanes.into_iter().fold(none, join);
    rest.iter().fold(all, |so_far, value| add(so_far, *value))
}

/// One instruction, where `f64::min` has to think of NaN.
fn lesser(a: f64, b: f64) -> f64 {
    if b < a { b } else { a }
}

fn greater(a: f64, b: f64) -> f64 {
    if b > a { b } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[f64]) -> Moments {
        let mut moments = Moments::default();
        values.iter().for_each(|value| moments.record_n(*value, 1));
        moments
    }

    /// Two passes: first the mean, then the distances from it.
    fn naive(values: &[f64]) -> (f64, f64) {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        (mean, if values.len() < 2 { 0.0 } else { squares / (values.len() - 1) as f64 })
    }

    #[test]
    fn a_large_offset_costs_no_digits() {
        let moments = of(&[1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0]);
        assert_eq!((moments.mean(), moments.variance()), (1e9 + 10.0, 30.0));
    }

    #[test]
    fn a_first_value_far_from_the_others_costs_no_digits() {
        let values: Vec<f64> = std::iter::once(1e6).chain((0..10_000).map(|i| f64::from(i % 2))).collect();
        let (mean, variance) = naive(&values);
        assert!((of(&values).mean() / mean - 1.0).abs() < 1e-9);
        assert!((of(&values).variance() / variance - 1.0).abs() < 1e-9);
    }

    #[test]
    fn values_at_the_ends_of_the_range_have_a_mean() {
        let moments = of(&[f64::MAX, -f64::MAX, f64::MAX, f64::MAX]);
        assert!((moments.mean() / f64::MAX - 0.5).abs() < 1e-9);
        assert!(!moments.variance().is_finite());
    }

    #[test]
    fn values_at_once_are_the_values_one_by_one() {
        for values in
            [vec![], vec![-2.5], vec![f64::MAX; 7], vec![f64::MAX, f64::MIN, 1.0], vec![1e300, -1e-300]]
        {
            let mut at_once = Moments::default();
            at_once.record_all(&values);
            assert_eq!(at_once, of(&values), "{values:?}");
        }
    }

    proptest! {
        #[test]
        fn moments_are_those_of_two_passes_however_they_are_merged(
            values in prop::collection::vec(-1e6..1e6, 1..300_usize),
            offset in prop::sample::select(vec![0.0, 1e6, -1e6]),
            cut: prop::sample::Index,
        ) {
            let values: Vec<f64> = values.into_iter().map(|value| value + offset).collect();
            let (head, tail) = values.split_at(cut.index(values.len()));
            let mut merged = of(head);
            merged.merge(&of(tail));
            let (mean, variance) = naive(&values);
            let mut at_once = of(head);
            at_once.record_all(tail);
            for moments in [of(&values), merged, at_once] {
                prop_assert_eq!(moments.count, values.len() as u64);
                prop_assert!((moments.mean() - mean).abs() <= 1e-6);
                prop_assert!((moments.variance() - variance).abs() <= 1e-6 * variance.max(1e-6));
                prop_assert!(moments.min <= moments.mean() && moments.mean() <= moments.max);
            }
        }
    }
}
