//! The registry of the whole program, and instruments that find it by themselves.

use std::fmt;
use std::sync::atomic::AtomicI64;
use std::sync::{LazyLock, OnceLock};

use parking_lot::RwLock;

use super::Registry;
use super::family::{Family, Shown};
use super::keys::Keys;
use crate::metric::{
    Counter, CounterCell, CounterFn, FloatCell, FloatCounter, Gauge, GaugeCell, Handle, Histogram,
    HistogramCell, Info, Instrument, Meter, MeterCell, Named, Observed, StateCell, StateSet, Timer,
    TimerCell, UpDownCounter,
};
use crate::name::Name;
use crate::tag::Tags;

/// The registry that `counter!` and its like and `static` instruments use.
///
/// A library should rather take a [`Registry`] from its caller: tests then have one each.
///
/// ```
/// tagmeter::counter!("orders", "city" => "Oslo").inc();
/// assert_eq!(tagmeter::global().value(("orders", [("city", "Oslo")])), Some(1.0));
/// ```
pub fn global() -> &'static Registry {
    static GLOBAL: LazyLock<Registry> = LazyLock::new(Registry::new);
    &GLOBAL
}

/// Constructors for `static` instruments.
macro_rules! statics {
    ($($instrument:ident $what:literal;)*) => {$(
        impl $instrument {
            #[doc = concat!("A ", $what, " for a `static`: the one of that name in the [global registry](global),")]
            /// found at its first use. Once removed from there it stays unseen: it does not look again.
            ///
            /// Its first use takes the registry's lock and allocates: a global allocator that records into it must not be
            /// that first use, or it waits for itself. Use it once before, at the beginning of `main`.
            ///
            /// ```
            #[doc = concat!("use tagmeter::", stringify!($instrument), ";")]
            ///
            #[doc = concat!("static JOBS: ", stringify!($instrument), " = ", stringify!($instrument), "::new(\"jobs\");")]
            /// let same = JOBS.clone();
            /// ```
            pub const fn new(name: &'static str) -> Self {
                $instrument(Handle::late(name))
            }

            /// Says what a `static` instrument means.
            ///
            /// ```
            #[doc = concat!("use tagmeter::", stringify!($instrument), ";")]
            ///
            #[doc = concat!("static JOBS: ", stringify!($instrument), " = ", stringify!($instrument),
                "::new(\"jobs\").help(\"What the jobs did.\");")]
            /// let same = JOBS.clone();
            /// ```
            pub const fn help(mut self, help: &'static str) -> Self {
                self.0.set_help(help);
                self
            }
        }
    )*};
}

statics! {
    Counter "counter";
    FloatCounter "float counter";
    UpDownCounter "up-down counter";
    Gauge "gauge";
    Meter "meter";
    Timer "timer";
    Histogram "histogram";
    Info "info";
}

/// The cells of instruments: a name means what it means in the global registry.
macro_rules! named {
    ($($cell:ty: $instrument:ident;)*) => {$(
        impl Named for $cell {
            fn named(name: &'static str, help: &'static str) -> Handle<Self> {
                let $instrument(handle) = global().named(name.into(), help);
                handle
            }
        }
    )*};
}

named! {
    CounterCell: Counter;
    Observed: CounterFn;
    FloatCell: FloatCounter;
    AtomicI64: UpDownCounter;
    GaugeCell: Gauge;
    MeterCell: Meter;
    TimerCell: Timer;
    HistogramCell: Histogram;
    RwLock<Tags>: Info;
    StateCell: StateSet;
}

/// A place in the code that names a family: what `counter!("orders", "city" => city)` expands to.
///
/// ```
/// use tagmeter::{Counter, registry::CallSite};
///
/// static ORDERS: CallSite<Counter, 1> = CallSite::new("orders_by_city", ["city"]);
/// ORDERS.with(["Oslo"]).inc();
/// assert_eq!(tagmeter::global().value(("orders_by_city", [("city", "Oslo")])), Some(1.0));
/// ```
pub struct CallSite<I: Instrument, const N: usize> {
    name: &'static str,
    keys: [&'static str; N],
    family: OnceLock<Family<I, N>>,
}

impl<I: Instrument, const N: usize> CallSite<I, N> {
    /// A place that names this family and these tag keys.
    ///
    /// ```
    /// use tagmeter::{Gauge, registry::CallSite};
    /// static DEPTH: CallSite<Gauge, 1> = CallSite::new("depth", ["queue"]);
    /// ```
    pub const fn new(name: &'static str, keys: [&'static str; N]) -> Self {
        CallSite { name, keys, family: OnceLock::new() }
    }

    /// The series of these values. See [`Family::with`].
    ///
    /// ```
    /// use tagmeter::{Gauge, registry::CallSite};
    /// static DEPTH: CallSite<Gauge, 1> = CallSite::new("depth_of", ["queue"]);
    /// DEPTH.with(["mail"]).set(2.0);
    /// assert_eq!(DEPTH.with(["mail"]).get(), 2.0);
    /// ```
    pub fn with<S: AsRef<str>>(&self, values: [S; N]) -> &I {
        self.family().with(values)
    }

    fn family(&self) -> &Family<I, N> {
        if let Some(family) = self.family.get() {
            return family;
        }
        // Not inside `get_or_init`: a conflict is logged, and the logger may come through here.
        let series = global().open::<I>(&Name::from(self.name), &self.keys);
        let family = Family::new(series, Keys::new(&self.keys));
        self.family.get_or_init(|| family)
    }
}

impl<I: Instrument, const N: usize> fmt::Debug for CallSite<I, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallSite").field("name", &self.name).field("keys", &self.keys).finish_non_exhaustive()
    }
}

/// A place in the code that names one series: what `counter!("orders", "city" => "Oslo")` expands to.
///
/// Finds its series once; from then on it costs little more than a handle that is held. Unlike such a handle it shows a
/// series again that was removed.
///
/// ```
/// use tagmeter::{Counter, registry::SeriesSite};
///
/// static OSLO: SeriesSite<Counter, 1> = SeriesSite::new("orders_of", [("city", "Oslo")]);
/// OSLO.get().inc();
/// assert_eq!(tagmeter::global().value(("orders_of", [("city", "Oslo")])), Some(1.0));
/// ```
pub struct SeriesSite<I: Instrument, const N: usize> {
    values: [&'static str; N],
    family: CallSite<I, N>,
    series: OnceLock<Shown<'static, I>>,
}

impl<I: Instrument, const N: usize> SeriesSite<I, N> {
    /// A place that names the series of this family and these tags.
    ///
    /// ```
    /// use tagmeter::{Gauge, registry::SeriesSite};
    /// static MAIL: SeriesSite<Gauge, 1> = SeriesSite::new("depth_now", [("queue", "mail")]);
    /// ```
    pub const fn new(name: &'static str, tags: [(&'static str, &'static str); N]) -> Self {
        let (mut keys, mut values) = ([""; N], [""; N]);
        let mut at = 0;
        while at < N {
            (keys[at], values[at]) = tags[at];
            at += 1;
        }
        SeriesSite { values, family: CallSite::new(name, keys), series: OnceLock::new() }
    }

    /// The series.
    ///
    /// ```
    /// use tagmeter::{Gauge, registry::SeriesSite};
    /// static MAIL: SeriesSite<Gauge, 1> = SeriesSite::new("depth_then", [("queue", "mail")]);
    /// MAIL.get().set(2.0);
    /// assert_eq!(MAIL.get().get(), 2.0);
    /// ```
    #[inline]
    pub fn get(&'static self) -> &'static I {
        match self.series.get().and_then(Shown::instrument) {
            Some(instrument) => instrument,
            None => self.get_slow(),
        }
    }

    /// Remembers what it finds, but for the overflow series: every recording that goes there counts as a problem.
    #[cold]
    fn get_slow(&'static self) -> &'static I {
        let family = self.family.family();
        let instrument = family.with(self.values);
        if let Some(series) = family.shown(self.values) {
            // There are as many as there are places in the code: few.
            instrument.give_cells();
            self.series.get_or_init(|| series);
        }
        instrument
    }
}

impl<I: Instrument, const N: usize> fmt::Debug for SeriesSite<I, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeriesSite")
            .field("family", &self.family)
            .field("values", &self.values)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Counter;

    #[test]
    fn a_series_that_was_removed_is_shown_again_where_its_site_is_passed() {
        fn visit() {
            static VISITS: SeriesSite<Counter, 1> = SeriesSite::new("visits_shown_again", [("page", "home")]);
            VISITS.get().inc();
        }
        let id = ("visits_shown_again", [("page", "home")]);
        (0..3).for_each(|_| visit());
        assert_eq!(global().value(id), Some(3.0));
        assert!(global().remove(id));
        assert_eq!(global().value(id), None);
        visit();
        assert_eq!(global().value(id), Some(1.0));
    }

    #[test]
    fn sites_of_one_series_and_families_share_it() {
        static PLAIN: SeriesSite<Counter, 2> = SeriesSite::new("visits_shared", [("b", "2"), ("a", "1")]);
        static SORTED: SeriesSite<Counter, 2> = SeriesSite::new("visits_shared", [("a", "1"), ("b", "2")]);
        static ANY: CallSite<Counter, 3> = CallSite::new("visits_shared", ["a", "c", "b"]);
        PLAIN.get().inc();
        SORTED.get().inc();
        ANY.with(["1", "", "2"]).inc();
        global().counter(("visits_shared", [("a", "1"), ("b", "2")])).inc();
        assert_eq!(global().value(("visits_shared", [("b", "2"), ("a", "1")])), Some(4.0));
    }
}
