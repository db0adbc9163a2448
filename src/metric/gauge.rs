//! A level.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::callback::call;
use super::settings::Extreme;
use super::{Common, Context, GaugeSettings, Handle, Instrument, Place, Requested, Unsuitable, sealed};
use crate::cell::Level;
use crate::clock::Clock;
use crate::model::{Kind, Value};
use crate::stat::SlidingExtreme;

/// A function that tells a level.
pub(crate) type ReadLevel = Arc<dyn Fn() -> f64 + Send + Sync>;

/// A level: a temperature, a queue's depth.
///
/// Units: those of its definition. Shape: a gauge `<name>` for Prometheus, `<name>.value` in line protocols.
/// Range: any `f64`; pages print NaN and infinities, pushes leave them out and count them. Starts at 0.
///
/// A gauge made by [`Registry::gauge_fn`](crate::registry::Registry::gauge_fn) asks its function each time it is read,
/// whatever it was set to.
/// One defined with `.max_over(window)` or `.min_over(window)` shows the greatest or least value that was set in the
/// recent past, and nothing once the window is empty.
///
/// ```
/// let registry = tagmeter::Registry::new();
/// let depth = registry.gauge("queue_depth");
/// depth.set(17.0);
/// depth.add(0.5);
/// assert_eq!(depth.get(), 17.5);
/// ```
#[derive(Debug, Clone)]
pub struct Gauge(pub(crate) Handle<GaugeCell>);

pub(crate) struct GaugeCell {
    common: Arc<Common>,
    level: Level,
    /// Takes the level's place where there is one.
    function: Mutex<Option<ReadLevel>>,
    extreme: Option<Box<ExtremeCell>>,
}

struct ExtremeCell {
    clock: Clock,
    settings: (Extreme, Duration),
    window: Mutex<SlidingExtreme>,
}

impl Gauge {
    /// Sets the level.
    ///
    /// ```
    /// # let gauge = tagmeter::Registry::new().gauge("g");
    /// gauge.set(-2.5);
    /// assert_eq!(gauge.get(), -2.5);
    /// ```
    #[inline]
    pub fn set(&self, value: f64) {
        let Some(cell) = self.0.recording() else { return };
        cell.level.set(value);
        if let Some(extreme) = &cell.extreme {
            extreme.record(value);
        }
    }

    /// Moves the level by `change`, down where it is negative.
    ///
    /// ```
    /// # let gauge = tagmeter::Registry::new().gauge("g");
    /// gauge.add(3.0);
    /// gauge.add(-1.0);
    /// assert_eq!(gauge.get(), 2.0);
    /// ```
    pub fn add(&self, change: f64) {
        self.update(|level| level.unwrap_or(0.0) + change);
    }

    /// Raises the level to `value` where it is lower: with nothing else, the greatest value since the start.
    /// NaN changes nothing.
    ///
    /// ```
    /// # let gauge = tagmeter::Registry::new().gauge("g");
    /// gauge.max(4.0);
    /// gauge.max(3.0);
    /// assert_eq!(gauge.get(), 4.0);
    /// ```
    pub fn max(&self, value: f64) {
        if value.is_nan() {
            return;
        }
        self.update(|level| level.map_or(value, |level| level.max(value)));
    }

    /// Lowers the level to `value` where it is higher: with nothing else, the least value since the start.
    /// NaN changes nothing.
    ///
    /// ```
    /// # let gauge = tagmeter::Registry::new().gauge("g");
    /// gauge.min(4.0);
    /// gauge.min(9.0);
    /// assert_eq!(gauge.get(), 4.0);
    /// ```
    pub fn min(&self, value: f64) {
        if value.is_nan() {
            return;
        }
        self.update(|level| level.map_or(value, |level| level.min(value)));
    }

    /// The level now. Of a function that panics: NaN. Of a window that is empty: NaN.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// assert_eq!(registry.gauge_fn("answer", || 42.0).get(), 42.0);
    /// ```
    pub fn get(&self) -> f64 {
        self.level().unwrap_or(f64::NAN)
    }

    /// Asks `function` from now on.
    pub(crate) fn set_function(&self, function: ReadLevel) {
        let replaced = self.0.recording().and_then(|cell| cell.function.lock().replace(function));
        // Not under the lock: what the old function owns may do anything when it goes.
        drop(replaced);
    }

    fn update(&self, change: impl Fn(Option<f64>) -> f64) {
        let Some(cell) = self.0.recording() else { return };
        let level = cell.level.update(change);
        if let Some(extreme) = &cell.extreme {
            extreme.record(level);
        }
    }

    fn level(&self) -> Option<f64> {
        let cell = self.0.cell();
        // The lock is not held while the function runs: it may call anything.
        let function = cell.function.lock().clone();
        match (function, &cell.extreme) {
            (Some(function), _) => call(&cell.common.refused, || function()),
            (None, Some(extreme)) => extreme.read(),
            (None, None) => Some(cell.level.get()),
        }
    }
}

impl ExtremeCell {
    fn new((extreme, window): (Extreme, Duration), clock: &Clock) -> Self {
        ExtremeCell {
            clock: clock.clone(),
            settings: (extreme, window),
            window: Mutex::new(empty(extreme, window)),
        }
    }

    fn record(&self, value: f64) {
        if !value.is_nan() {
            self.window.lock().record(self.clock.now(), value);
        }
    }

    fn read(&self) -> Option<f64> {
        self.window.lock().read(self.clock.now())
    }

    fn reset(&self) {
        *self.window.lock() = empty(self.settings.0, self.settings.1);
    }
}

fn empty(extreme: Extreme, window: Duration) -> SlidingExtreme {
    SlidingExtreme::new(
        window,
        match extreme {
            Extreme::Max => f64::max,
            Extreme::Min => f64::min,
        },
    )
}

impl fmt::Debug for GaugeCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GaugeCell").field("level", &self.level).finish_non_exhaustive()
    }
}

impl sealed::Sealed for Gauge {}

impl Instrument for Gauge {
    type Settings = GaugeSettings;
    const KIND: Kind = Kind::Gauge;
    const MAY_ASK: bool = true;

    fn settings(requested: &Requested) -> Result<GaugeSettings, Unsuitable> {
        requested.no_distribution(Self::KIND)?;
        requested.no_exemplars(Self::KIND)?;
        match requested.extreme {
            Some((_, window)) if window.is_zero() => Err(Unsuitable::EmptyWindow),
            extreme => Ok(GaugeSettings { extreme }),
        }
    }

    fn describe(settings: &GaugeSettings) -> String {
        match settings.extreme {
            None => String::new(),
            Some((Extreme::Max, window)) => format!("the greatest over {window:?}"),
            Some((Extreme::Min, window)) => format!("the least over {window:?}"),
        }
    }

    fn create(settings: &GaugeSettings, context: &Context, place: Place) -> Self {
        let cell = GaugeCell {
            common: context.common.clone(),
            level: Level::new(),
            function: Mutex::new(None),
            extreme: settings.extreme.map(|extreme| Box::new(ExtremeCell::new(extreme, &context.clock))),
        };
        Gauge(Handle::of(cell, place))
    }

    fn read(&self) -> Option<Value> {
        self.level().map(Value::Gauge)
    }

    fn is_held(&self) -> bool {
        self.0.is_held()
    }

    fn asks(&self) -> bool {
        self.0.cell().function.lock().is_some()
    }

    fn take_function(&self) -> Option<Box<dyn Any + Send>> {
        let function = self.0.cell().function.lock().take()?;
        Some(Box::new(function))
    }

    fn reset(&self) {
        let cell = self.0.cell();
        let function = cell.function.lock().take();
        // Not under the lock: what the function owns may do anything when it goes.
        drop(function);
        cell.level.reset();
        if let Some(extreme) = &cell.extreme {
            extreme.reset();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn a_panicking_function_has_no_value() {
        let gauge = Gauge::create(&GaugeSettings::default(), &Context::default(), Place::Cells);
        gauge.set_function(Arc::new(|| panic!("no reading")));
        assert_eq!(gauge.read(), None);
        assert!(gauge.get().is_nan());
    }

    #[test]
    fn a_windowed_maximum_forgets() {
        let manual = ManualClock::new();
        let context = Context { clock: manual.clone().into(), ..Context::default() };
        let settings = GaugeSettings { extreme: Some((Extreme::Max, Duration::from_secs(60))) };
        let gauge = Gauge::create(&settings, &context, Place::Cells);
        assert_eq!(gauge.read(), None);
        gauge.set(9.0);
        gauge.set(f64::NAN);
        manual.advance(Duration::from_secs(30));
        gauge.set(4.0);
        assert_eq!(gauge.get(), 9.0);
        manual.advance(Duration::from_secs(40));
        assert_eq!(gauge.get(), 4.0);
    }

    #[test]
    fn the_first_extreme_has_nothing_to_beat() {
        let gauge = || Gauge::create(&GaugeSettings::default(), &Context::default(), Place::Cells);
        let (least, greatest, untouched) = (gauge(), gauge(), gauge());
        least.min(f64::NAN);
        least.min(5.0);
        greatest.max(-5.0);
        greatest.max(f64::NAN);
        assert_eq!((least.get(), greatest.get(), untouched.get()), (5.0, -5.0, 0.0));
    }

    #[test]
    fn gauges_take_every_float() {
        let gauge = Gauge::create(&GaugeSettings::default(), &Context::default(), Place::Cells);
        for value in [f64::INFINITY, f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE] {
            gauge.set(value);
            assert_eq!(gauge.get().to_bits(), value.to_bits());
        }
    }
}
