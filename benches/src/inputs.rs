//! What is recorded: random, because a branch predictor learns a short or regular sequence, and then every search in
//! it looks cheap. Seeded, because two runs should do the same work.

use std::sync::LazyLock;

/// How many values there are, and how many picks of tags. With 8 192 a predictor was seen to learn them by heart.
pub const VALUES: usize = 65_536;
/// How many pairs of tag values lie in memory as text: each series some twenty times over, and all of them within the
/// nearest caches, where a program has what it has just parsed.
const COPIES: usize = 1_024;
/// Upper bounds as in Prometheus' Python client, and tagmeter's default: what every bucketed histogram here uses.
pub const BOUNDS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// The same in nanoseconds, for those that take integers.
pub const BOUNDS_NANOS: [u64; 14] = [
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    75_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    750_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    7_500_000_000,
    10_000_000_000,
];
/// Values of the tag `route`.
pub const ROUTES: [&str; 5] = ["/", "/orders", "/orders/{id}", "/customers/{id}/orders", "/health"];
/// Values of the tag `status`.
pub const STATUSES: [&str; 10] = ["200", "201", "204", "301", "400", "401", "404", "409", "500", "503"];

/// From 2 ms to 20 s: every bucket is met, and none much more often than another.
const LEAST_SECONDS: f64 = 0.002;
const MOST_SECONDS: f64 = 20.0;

/// Latencies in seconds, log-uniform.
pub static SECONDS: LazyLock<Box<[f64; VALUES]>> = LazyLock::new(|| {
    let mut random = Random::new(1);
    let span = (MOST_SECONDS / LEAST_SECONDS).ln();
    boxed(|| LEAST_SECONDS * (random.fraction() * span).exp())
});

/// The same latencies in nanoseconds.
pub static NANOS: LazyLock<Box<[u64; VALUES]>> = LazyLock::new(|| {
    let mut seconds = SECONDS.iter();
    boxed(|| seconds.next().map_or(0, |seconds| (seconds * 1e9) as u64))
});

/// Routes and statuses by index, independent and uniform.
pub static PLACES: LazyLock<Box<[(u8, u8); VALUES]>> = LazyLock::new(|| {
    let mut random = Random::new(2);
    boxed(|| (random.below(ROUTES.len()) as u8, random.below(STATUSES.len()) as u8))
});

/// The same as text.
pub static TEXT: LazyLock<Text> = LazyLock::new(|| {
    let mut random = Random::new(3);
    let mut copies =
        || (ROUTES[random.below(ROUTES.len())].to_owned(), STATUSES[random.below(STATUSES.len())].to_owned());
    Text { copies: boxed(&mut copies), picks: boxed(|| random.below(COPIES) as u16) }
});

/// Pairs of tag values as text, in random order. Each copy is a string of its own, as a request handler has them, and not
/// a pointer that a crate has seen.
#[derive(Debug)]
pub struct Text {
    copies: Box<[(String, String); COPIES]>,
    picks: Box<[u16; VALUES]>,
}

impl Text {
    /// The pair of the nth operation.
    #[inline(always)]
    pub fn pair(&self, n: usize) -> (&str, &str) {
        let (route, status) = &self.copies[usize::from(self.picks[n % VALUES]) % COPIES];
        (route, status)
    }
}

/// `route` and `user` of as many series: five routes a user.
pub fn routes_and_users(series: usize) -> Vec<(String, String)> {
    (0..series)
        .map(|n| (ROUTES[n % ROUTES.len()].to_owned(), format!("user-{:06}", n / ROUTES.len())))
        .collect()
}

/// An array on the heap: its length is known to the compiler, so an index masked with it needs no check.
fn boxed<T: Default + Clone, const N: usize>(mut make: impl FnMut() -> T) -> Box<[T; N]> {
    let items: Vec<T> = (0..N).map(|_| make()).collect();
    match items.into_boxed_slice().try_into() {
        Ok(array) => array,
        Err(_) => unreachable!("N items were made"),
    }
}

/// SplitMix64: short, and good enough to be unpredictable.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence of this seed.
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// In `0.0..1.0`.
    pub fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// In `0..n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}
