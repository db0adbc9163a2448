//! Families of timers that tell outcomes apart.

use std::sync::Arc;

use super::family::SeriesOf;
use super::keys::Keys;
use super::sought::Sought;
use crate::metric::{Outcome, OutcomeTimer, Timer};
use crate::tag::Tags;

/// [`OutcomeTimer`]s by tags. Made by a definition with `.outcome()`.
///
/// ```
/// let registry = tagmeter::Registry::new();
/// let saves = registry.define("save").tags(["kind"]).outcome().timers()?;
/// let saved = saves.with(["order"]).time(|| Ok::<_, String>(7));
/// assert_eq!(saved, Ok(7));
/// assert_eq!(registry.value(("save", [("kind", "order"), ("outcome", "ok")])), Some(1.0));
/// # Ok::<(), tagmeter::registry::RegisterError>(())
/// ```
#[derive(Debug, Clone)]
pub struct OutcomeFamily<const N: usize> {
    series: Arc<SeriesOf<Timer>>,
    keys: Keys,
}

impl<const N: usize> OutcomeFamily<N> {
    pub(crate) fn new(series: Arc<SeriesOf<Timer>>, keys: Keys) -> Self {
        OutcomeFamily { series, keys }
    }

    /// The timers of these values, one an outcome; made where they are new. Keep it where it is used often.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// # let saves = registry.define("save").tags(["kind"]).outcome().timers()?;
    /// let orders = saves.with(["order"]);
    /// orders.time(|| Ok::<_, String>(7)).unwrap();
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn with<S: AsRef<str>>(&self, values: [S; N]) -> OutcomeTimer {
        let own: Tags = self.keys.with(&values).to_tags();
        OutcomeTimer::new(|outcome| {
            let tags = Tags::from([(Outcome::KEY, outcome.as_str())]).over(&own);
            self.series.with(&tags).clone()
        })
    }

    /// Makes these series now, at zero.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// # let saves = registry.define("save").tags(["kind"]).outcome().timers()?;
    /// saves.init([["order"]]);
    /// assert_eq!(registry.value(("save", [("kind", "order"), ("outcome", "panic")])), Some(0.0));
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn init<S: AsRef<str>>(&self, values: impl IntoIterator<Item = [S; N]>) {
        for values in values {
            self.with(values);
        }
    }
}
