//! Timing of futures.

use std::future::Future;

use super::outcome::OutcomeTimer;
use super::timer::Timer;

/// Times futures: `handle(order).timed(&timer).await`.
///
/// The time runs from the first poll to the end. A future that is dropped before its end (a cancelled request) is
/// recorded with the time it had; one that is never polled is not recorded.
///
/// ```
/// use tagmeter::TimedExt;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let timer = tagmeter::Registry::new().timer("handle_order");
/// let answer = async { 42 }.timed(&timer).await;
/// assert_eq!((answer, timer.value().count()), (42, 1));
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait TimedExt: Future + Sized {
    /// Records how long the future takes.
    ///
    /// ```
    /// # use tagmeter::TimedExt;
    /// let timer = tagmeter::Registry::new().timer("t");
    /// drop(async {}.timed(&timer)); // never polled
    /// assert_eq!(timer.value().count(), 0);
    /// ```
    fn timed(self, timer: &Timer) -> impl Future<Output = Self::Output>;

    /// Records how long the future takes and how it ends: ok, error, panic or cancelled.
    ///
    /// ```
    /// # use tagmeter::TimedExt;
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let registry = tagmeter::Registry::new();
    /// let timer = registry.define("handle").outcome().timer().unwrap();
    /// let failed: Result<(), &str> = async { Err("no stock") }.timed_outcome(&timer).await;
    /// assert!(failed.is_err());
    /// assert_eq!(registry.value(("handle", [("outcome", "error")])), Some(1.0));
    /// # });
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn timed_outcome<T, E>(self, timer: &OutcomeTimer) -> impl Future<Output = Result<T, E>>
    where
        Self: Future<Output = Result<T, E>>;
}

impl<F: Future> TimedExt for F {
    async fn timed(self, timer: &Timer) -> F::Output {
        let _timing = timer.start_scoped();
        self.await
    }

    async fn timed_outcome<T, E>(self, timer: &OutcomeTimer) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let timing = timer.start_scoped();
        let result = self.await;
        timing.finish(&result);
        result
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context as TaskContext, Waker};

    use super::*;
    use crate::metric::{Context, Instrument, Outcome, Place, Requested};

    fn timer() -> Timer {
        Timer::create(&Timer::settings(&Requested::default()).unwrap(), &Context::default(), Place::Cells)
    }

    #[test]
    fn a_cancelled_future_is_timed() {
        let timer = timer();
        {
            let mut future = pin!(std::future::pending::<()>().timed(&timer));
            assert!(future.as_mut().poll(&mut TaskContext::from_waker(Waker::noop())).is_pending());
        }
        assert_eq!(timer.value().count(), 1);
    }

    #[test]
    fn a_timed_future_may_move_between_threads() {
        fn is_send<T: Send>(_: &T) {}
        is_send(&async {}.timed(&timer()));
    }

    #[test]
    fn every_end_of_a_future_has_its_outcome() {
        let timers = OutcomeTimer::new(|_| timer());
        let poll_once = |work: Box<dyn Future<Output = Result<(), ()>>>| {
            let mut timed = Box::pin(Box::into_pin(work).timed_outcome(&timers));
            let _ = timed.as_mut().poll(&mut TaskContext::from_waker(Waker::noop()));
        };
        poll_once(Box::new(async { Ok(()) }));
        poll_once(Box::new(async { Err(()) }));
        poll_once(Box::new(std::future::pending()));
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            poll_once(Box::new(async { panic!("out of stock") }));
        }));
        assert!(panicked.is_err());
        drop(async { Ok::<(), ()>(()) }.timed_outcome(&timers));
        let counts = Outcome::ALL.map(|outcome| timers.of(outcome).value().count());
        assert_eq!(counts, [1, 1, 1, 1]);
    }
}
