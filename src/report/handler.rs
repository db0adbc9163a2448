//! Who is told what went wrong.

use std::io::Write;

use super::outcome::ReportError;
use crate::metric::caught;

/// Called with everything that goes wrong.
pub(super) struct Handler(Box<dyn FnMut(&ReportError) + Send>);

impl Handler {
    pub(super) fn new(handle: impl FnMut(&ReportError) + Send + 'static) -> Self {
        Handler(Box::new(handle))
    }

    /// Tells it. A panic of its ends here; it is told of the next error all the same.
    pub(super) fn tell(&mut self, error: &ReportError) {
        let Handler(handle) = self;
        if caught(|| handle(error)).is_none() {
            log::error!("the error handler of a reporter panicked; it was told: {error}");
        }
    }
}

/// One line in the log, or on stderr where the program has no logger.
impl Default for Handler {
    fn default() -> Self {
        Handler::new(|error| {
            if has_logger() {
                log::warn!("{error}");
            } else {
                // Not `eprintln`, which panics where stderr is closed.
                let _ = writeln!(std::io::stderr(), "tagmeter: {error}");
            }
        })
    }
}

/// Whether lines for the log go anywhere. The `log` crate does not tell, so: what stands in for a missing logger has no
/// size, and every level is off before one is installed.
fn has_logger() -> bool {
    log::max_level() != log::LevelFilter::Off || size_of_val(log::logger()) > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_handler_that_panics_is_told_of_the_next_error() {
        let (told, heard) = mpsc::channel();
        let mut handler = Handler::new(move |error| {
            told.send(error.failed).unwrap();
            panic!("cannot cope");
        });
        handler.tell(&ReportError::general("first".into()));
        handler.tell(&ReportError::general("second".into()));
        assert_eq!(heard.try_iter().count(), 2);
    }
}
