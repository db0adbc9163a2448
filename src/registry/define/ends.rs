//! The last words of definitions: a kind of instrument, which is made, or the family of it.

use super::{Define, DefineOutcome, NoTags, RemovableTags, SerdeTags, TagKeys, TypedTags};
use crate::metric::{
    Counter, FloatCounter, Gauge, Histogram, Info, Instrument, Meter, OutcomeTimer, StateSet, Timer,
    UpDownCounter,
};
use crate::registry::RegisterError;
use crate::registry::family::Family;
use crate::registry::keys::Keys;
use crate::registry::outcome::OutcomeFamily;
use crate::registry::removable::RemovableFamily;
use crate::registry::typed::TypedFamily;
use crate::registry::typed_serde::SerdeFamily;
use crate::tag::{TagSet, Tags};

impl Define<'_> {
    fn one<I: Instrument>(self) -> Result<I, RegisterError> {
        let series = self.register::<I>(Some(&[]))?;
        Ok(series.with(&Tags::new()).clone())
    }
}

impl<const N: usize> Define<'_, TagKeys<N>> {
    fn many<I: Instrument>(self) -> Result<Family<I, N>, RegisterError> {
        let keys: Vec<&str> = self.keys.0.iter().map(|key| &**key).collect();
        let series = self.register::<I>(Some(&keys))?;
        Ok(Family::new(series, Keys::new(&self.keys.0)))
    }
}

impl<const N: usize> Define<'_, RemovableTags<N>> {
    fn many<I: Instrument>(self) -> Result<RemovableFamily<I, N>, RegisterError> {
        let RemovableTags(TagKeys(own), removal) = &self.keys;
        let keys: Vec<&str> = own.iter().map(|key| &**key).collect();
        let series = self.registry.register_removable(self.described::<I>(Some(&keys), *removal)?)?;
        Ok(RemovableFamily::new(series, Keys::new(own)))
    }
}

impl<T: TagSet> Define<'_, TypedTags<T>> {
    fn many<I: Instrument>(self) -> Result<TypedFamily<I, T>, RegisterError> {
        Ok(TypedFamily::new(self.register::<I>(Some(T::KEYS))?))
    }
}

impl<T: serde::Serialize + ?Sized> Define<'_, SerdeTags<T>> {
    fn many<I: Instrument>(self) -> Result<SerdeFamily<I, T>, RegisterError> {
        let series = self.register::<I>(None)?;
        Ok(SerdeFamily::new(series, self.registry.shared().clone()))
    }
}

/// The last words of definitions: one method a kind of instrument.
macro_rules! ends {
    ($($one:ident $many:ident $instrument:ident $what:literal;)*) => {
        impl Define<'_> {$(
            #[doc = concat!("Defines one ", $what, ".")]
            ///
            /// # Errors
            /// See [`RegisterError`].
            ///
            /// ```
            /// # let registry = tagmeter::Registry::new();
            #[doc = concat!("registry.define(\"jobs\").", stringify!($one), "()?;")]
            /// # Ok::<(), tagmeter::registry::RegisterError>(())
            /// ```
            pub fn $one(self) -> Result<$instrument, RegisterError> {
                self.one()
            }
        )*}

        impl<const N: usize> Define<'_, TagKeys<N>> {$(
            #[doc = concat!("Defines a family of ", $what, "s.")]
            ///
            /// # Errors
            /// See [`RegisterError`].
            ///
            /// ```
            /// # let registry = tagmeter::Registry::new();
            #[doc = concat!("let jobs = registry.define(\"jobs\").tags([\"queue\"]).", stringify!($many), "()?;")]
            /// jobs.with(["mail"]);
            /// # Ok::<(), tagmeter::registry::RegisterError>(())
            /// ```
            pub fn $many(self) -> Result<Family<$instrument, N>, RegisterError> {
                self.many()
            }
        )*}

        impl<const N: usize> Define<'_, RemovableTags<N>> {$(
            #[doc = concat!("Defines a removable family of ", $what, "s.")]
            ///
            /// # Errors
            /// See [`RegisterError`].
            ///
            /// ```
            /// # let registry = tagmeter::Registry::new();
            #[doc = concat!("let jobs = registry.define(\"jobs\").tags([\"queue\"]).removable().", stringify!($many), "()?;")]
            /// jobs.with(["mail"], |_| ());
            /// # Ok::<(), tagmeter::registry::RegisterError>(())
            /// ```
            pub fn $many(self) -> Result<RemovableFamily<$instrument, N>, RegisterError> {
                self.many()
            }
        )*}

        impl<T: TagSet> Define<'_, TypedTags<T>> {$(
            #[doc = concat!("Defines a family of ", $what, "s.")]
            ///
            /// # Errors
            /// See [`RegisterError`].
            ///
            /// ```
            /// # #[cfg(feature = "derive")] {
            /// # use tagmeter::Tags;
            /// # let registry = tagmeter::Registry::new();
            /// #[derive(Tags)]
            /// struct Queue { queue: &'static str }
            #[doc = concat!("let jobs = registry.define(\"jobs\").typed::<Queue>().", stringify!($many), "()?;")]
            /// jobs.with(&Queue { queue: "mail" });
            /// # }
            /// # Ok::<(), tagmeter::registry::RegisterError>(())
            /// ```
            pub fn $many(self) -> Result<TypedFamily<$instrument, T>, RegisterError> {
                self.many()
            }
        )*}

        impl<T: serde::Serialize + ?Sized> Define<'_, SerdeTags<T>> {$(
            #[doc = concat!("Defines a family of ", $what, "s.")]
            ///
            /// # Errors
            /// See [`RegisterError`].
            ///
            /// ```
            /// # let registry = tagmeter::Registry::new();
            /// #[derive(serde::Serialize)]
            /// struct Queue { queue: &'static str }
            #[doc = concat!("let jobs = registry.define(\"jobs\").typed_serde::<Queue>().", stringify!($many), "()?;")]
            /// jobs.with(&Queue { queue: "mail" });
            /// # Ok::<(), tagmeter::registry::RegisterError>(())
            /// ```
            pub fn $many(self) -> Result<SerdeFamily<$instrument, T>, RegisterError> {
                self.many()
            }
        )*}
    };
}

ends! {
    counter counters Counter "counter";
    float_counter float_counters FloatCounter "float counter";
    up_down up_downs UpDownCounter "up-down counter";
    gauge gauges Gauge "gauge";
    meter meters Meter "meter";
    timer timers Timer "timer";
    histogram histograms Histogram "histogram";
    info infos Info "info";
}

impl Define<'_> {
    /// Defines one state set.
    ///
    /// # Errors
    /// See [`RegisterError`].
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// registry.define("mode").state_set(["starting", "running"])?.switch_to("running");
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn state_set<S: AsRef<str>>(
        self,
        states: impl IntoIterator<Item = S>,
    ) -> Result<StateSet, RegisterError> {
        self.states(states).one()
    }
}

impl<const N: usize> Define<'_, TagKeys<N>> {
    /// Defines a family of state sets.
    ///
    /// # Errors
    /// See [`RegisterError`].
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// let modes = registry.define("mode").tags(["shard"]).state_sets(["starting", "running"])?;
    /// modes.with(["a"]).switch_to("running");
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn state_sets<S: AsRef<str>>(
        self,
        states: impl IntoIterator<Item = S>,
    ) -> Result<Family<StateSet, N>, RegisterError> {
        self.states(states).many()
    }
}

impl<const N: usize> Define<'_, RemovableTags<N>> {
    /// Defines a removable family of state sets.
    ///
    /// # Errors
    /// See [`RegisterError`].
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// let modes = registry.define("mode").tags(["shard"]).removable().state_sets(["starting", "running"])?;
    /// modes.with(["a"], |mode| mode.switch_to("running"));
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn state_sets<S: AsRef<str>>(
        self,
        states: impl IntoIterator<Item = S>,
    ) -> Result<RemovableFamily<StateSet, N>, RegisterError> {
        self.states(states).many()
    }
}

impl<T: TagSet> Define<'_, TypedTags<T>> {
    /// Defines a family of state sets.
    ///
    /// # Errors
    /// See [`RegisterError`].
    ///
    /// ```
    /// # #[cfg(feature = "derive")] {
    /// # use tagmeter::Tags;
    /// # let registry = tagmeter::Registry::new();
    /// #[derive(Tags)]
    /// struct Shard { shard: char }
    /// let modes = registry.define("mode").typed::<Shard>().state_sets(["starting", "running"])?;
    /// modes.with(&Shard { shard: 'a' }).switch_to("running");
    /// # }
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn state_sets<S: AsRef<str>>(
        self,
        states: impl IntoIterator<Item = S>,
    ) -> Result<TypedFamily<StateSet, T>, RegisterError> {
        self.states(states).many()
    }
}

impl DefineOutcome<'_, NoTags> {
    /// Defines one timer with outcomes.
    ///
    /// # Errors
    /// See [`RegisterError`].
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// let saving = registry.define("save").outcome().timer()?;
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn timer(self) -> Result<OutcomeTimer, RegisterError> {
        let none: [&str; 0] = [];
        Ok(DefineOutcome(self.0.tags(none)).timers()?.with(none))
    }
}

impl<const N: usize> DefineOutcome<'_, TagKeys<N>> {
    /// Defines a family of timers with outcomes.
    ///
    /// # Errors
    /// See [`RegisterError`]; `outcome` among the keys is one.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// let saving = registry.define("save").tags(["kind"]).outcome().timers()?;
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn timers(self) -> Result<OutcomeFamily<N>, RegisterError> {
        let own = self.0.keys.0.iter().map(|key| &**key);
        let keys: Vec<&str> = own.chain([crate::metric::Outcome::KEY]).collect();
        let series = self.0.register::<Timer>(Some(&keys))?;
        Ok(OutcomeFamily::new(series, Keys::new(&self.0.keys.0)))
    }
}
