//! The registry of the whole program, and instruments that find it by themselves.

use std::fmt;
use std::sync::{LazyLock, OnceLock};

use super::Registry;
use super::family::Family;
use super::keys::Keys;
use crate::metric::{
    Counter, FloatCounter, Gauge, Handle, Histogram, Info, Instrument, Meter, Timer, UpDownCounter,
};
use crate::name::Name;

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
            /// found at its first use.
            ///
            /// ```
            #[doc = concat!("use tagmeter::", stringify!($instrument), ";")]
            ///
            #[doc = concat!("static JOBS: ", stringify!($instrument), " = ", stringify!($instrument), "::new(\"jobs\");")]
            /// let same = JOBS.clone();
            /// ```
            pub const fn new(name: &'static str) -> Self {
                $instrument(Handle::late(name, |name, help| bind::<$instrument>(name, help).0))
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

/// The instrument of that name in the global registry.
fn bind<I: Instrument>(name: &'static str, help: &'static str) -> I {
    global().named(name.into(), help)
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
