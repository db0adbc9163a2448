//! Keeps what is logged in this process.

use std::sync::{Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

/// After this long something that should be logged is not.
const LIMIT: Duration = Duration::from_secs(30);

/// Every line logged since the first call of [`lines`].
pub(crate) struct Lines {
    kept: Mutex<Vec<String>>,
    also: fn(),
}

/// The lines of this process. Whoever asks first also says what is done with each record before it is kept.
pub(crate) fn lines(also: fn()) -> &'static Lines {
    static LINES: OnceLock<&'static Lines> = OnceLock::new();
    LINES.get_or_init(|| {
        let lines: &'static Lines = Box::leak(Box::new(Lines { kept: Mutex::default(), also }));
        log::set_logger(lines).expect("nobody else logs here");
        log::set_max_level(log::LevelFilter::Trace);
        lines
    })
}

impl Lines {
    /// All so far: target, colon, text.
    pub(crate) fn all(&self) -> Vec<String> {
        self.kept.lock().unwrap().clone()
    }

    /// Waits until something of the sort was logged.
    #[allow(dead_code, reason = "not every test waits")]
    pub(crate) fn wait_for(&self, text: &str) {
        let begun = Instant::now();
        while !self.kept.lock().unwrap().iter().any(|line| line.contains(text)) {
            assert!(begun.elapsed() < LIMIT, "never logged: {text}");
            thread::yield_now();
        }
    }
}

impl log::Log for Lines {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        (self.also)();
        self.kept.lock().unwrap().push(format!("{}: {}", record.target(), record.args()));
    }

    fn flush(&self) {}
}
