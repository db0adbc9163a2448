//! Instruments by name: get or create, without a definition and without an error.

use std::sync::Arc;

use super::define::unit_of;
use super::definition::{Definition, Removal};
use super::families::Found;
use super::family::{AnyFamily, Described, SeriesOf};
use super::removable::RemovableSeries;
use super::{RegisterError, Registry};
use crate::metric::{
    Counter, CounterFn, FloatCounter, Gauge, Histogram, Info, Instrument, Meter, Requested, StateSet, Timer,
    UpDownCounter,
};
use crate::name::Name;
use crate::tag::{Id, Tags};
use crate::unit::Unit;

/// The short forms, one method an instrument.
macro_rules! short_forms {
    ($($method:ident $instrument:ident $what:literal $use_it:literal;)*) => {
        impl Registry {$(
            #[doc = concat!("The ", $what, " of this name and tags; made where it is new.")]
            ///
            /// The same name and tags give the same instrument. Where the name already means something else, the answer
            /// works and is exposed nowhere; that is logged once and counted in `tagmeter_problems_total`.
            ///
            /// ```
            /// let registry = tagmeter::Registry::new();
            #[doc = concat!("registry.", stringify!($method), "(\"jobs\")", $use_it, ";")]
            #[doc = concat!("registry.", stringify!($method), "((\"jobs\", [(\"city\", \"Oslo\")]))", $use_it, ";")]
            /// assert_eq!(registry.iter().count(), 2);
            /// ```
            pub fn $method(&self, id: impl Into<Id>) -> $instrument {
                self.by_id(id.into(), &Requested::default())
            }
        )*}
    };
}

short_forms! {
    counter Counter "counter" ".inc()";
    float_counter FloatCounter "float counter" ".add(0.5)";
    up_down UpDownCounter "up-down counter" ".inc()";
    gauge Gauge "gauge" ".set(17.0)";
    meter Meter "meter" ".mark()";
    timer Timer "timer" ".time(|| 42)";
    histogram Histogram "histogram" ".record(512.0)";
    info Info "info" ".set([(\"role\", \"leader\")])";
}

impl Registry {
    /// The state set of this name and tags; made with these states where it is new.
    ///
    /// Without any state it is exposed nowhere, as where the name already means something else.
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// registry.state_set("mode", ["starting", "running"]).switch_to("running");
    /// assert!(registry.snapshot().to_text().contains(r#"mode{mode="running"} 1"#));
    /// ```
    pub fn state_set<S: AsRef<str>>(
        &self,
        id: impl Into<Id>,
        states: impl IntoIterator<Item = S>,
    ) -> StateSet {
        let mut known = Vec::<Box<str>>::new();
        for state in states {
            if known.iter().all(|own| **own != *state.as_ref()) {
                known.push(state.as_ref().into());
            }
        }
        let states = known;
        self.by_id(id.into(), &Requested { states, ..Requested::default() })
    }

    /// A gauge that asks a function each time it is read; one that was there is told to ask this function from now on.
    ///
    /// A function that panics is left out of that snapshot and counted; one that reads the registry sees no functions.
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// registry.gauge_fn("answer", || 42.0);
    /// assert_eq!(registry.value("answer"), Some(42.0));
    /// ```
    pub fn gauge_fn(&self, id: impl Into<Id>, level: impl Fn() -> f64 + Send + Sync + 'static) -> Gauge {
        let gauge = self.gauge(id);
        gauge.set_function(Arc::new(level));
        gauge
    }

    /// A counter that asks a function for a count kept elsewhere each time it is read; one that was there is told to
    /// ask this function from now on. See [`CounterFn`].
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// registry.counter_fn("kernel_packets", || 7);
    /// assert_eq!(registry.value("kernel_packets"), Some(7.0));
    /// ```
    pub fn counter_fn(
        &self,
        id: impl Into<Id>,
        count: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> CounterFn {
        let counter: CounterFn = self.by_id(id.into(), &Requested::default());
        counter.set_source(Arc::new(count));
        counter
    }

    /// The instrument of that name without tags, with help where the name is new.
    pub(super) fn named<I: Instrument>(&self, name: Name, help: &str) -> I {
        let wanted = || self.described::<I>(&name, help, &Requested::default());
        self.instrument(&name, &Tags::new(), wanted)
    }

    /// The family of that name for series with these keys that stay for good.
    pub(super) fn open<I: Instrument>(&self, name: &Name, keys: &[&str]) -> Arc<SeriesOf<I>> {
        // Values do not matter here, but an empty one would be an absent tag.
        let tags: Tags = keys.iter().map(|key| (key, "any")).collect();
        let wanted = || self.described(name, "", &Requested::default());
        let error = match self.family_for(name, &tags, wanted) {
            Ok(Opened::Lasting(series)) => return series,
            Ok(Opened::Removable(series)) => conflict(series.definition(), wanted().definition),
            Err(error) => error,
        };
        self.0.families.unexposed(name, &error, wanted)
    }

    /// Registers a definition, or finds the family that has the same.
    pub(super) fn register<I: Instrument>(
        &self,
        wanted: Described<I>,
    ) -> Result<Arc<SeriesOf<I>>, RegisterError> {
        let name = wanted.definition.name.clone();
        let copy = || Described { definition: wanted.definition.clone(), settings: wanted.settings.clone() };
        let conflict = |existing| conflict(existing, wanted.definition.clone());
        match self.0.families.get_or_insert(&name, |shared| SeriesOf::new(name.clone(), copy(), shared))? {
            Found::Other(family) => Err(conflict(family.definition())),
            Found::Same(series) => {
                let existing = series.described();
                if *existing == wanted || series.adopt(copy()) {
                    Ok(series)
                } else {
                    Err(conflict(existing.definition.clone()))
                }
            }
        }
    }

    /// Registers a definition of a removable family, or finds the one that has the same.
    pub(super) fn register_removable<I: Instrument>(
        &self,
        wanted: Described<I>,
    ) -> Result<Arc<RemovableSeries<I>>, RegisterError> {
        let Described { definition: requested, settings } = &wanted;
        let copy = || Described { definition: requested.clone(), settings: settings.clone() };
        let new = |shared| RemovableSeries::new(copy(), shared);
        match self.0.families.get_or_insert(&requested.name, new)? {
            Found::Same(series) if *series.described() == wanted => Ok(series),
            Found::Same(series) => Err(conflict(series.definition(), wanted.definition)),
            Found::Other(family) => Err(conflict(family.definition(), wanted.definition)),
        }
    }

    fn by_id<I: Instrument>(&self, id: Id, requested: &Requested) -> I {
        let wanted = || self.described::<I>(&id.name, "", requested);
        if let Err(reason) = I::settings(requested) {
            let error = RegisterError::Unsuitable { name: id.name.clone(), reason };
            return self.0.families.unexposed(&id.name, &error, wanted).with(&id.tags).clone();
        }
        self.instrument(&id.name, &id.tags, wanted)
    }

    /// The instrument of that name and tags if it can be there, otherwise one that is exposed nowhere.
    fn instrument<I: Instrument>(&self, name: &Name, tags: &Tags, wanted: impl Fn() -> Described<I>) -> I {
        match self.family_for(name, tags, &wanted) {
            Ok(Opened::Lasting(series)) => series.with(tags).clone(),
            Ok(Opened::Removable(series)) => series.handle(tags),
            Err(error) => self.0.families.unexposed(name, &error, wanted).with(tags).clone(),
        }
    }

    /// The family of that name that can have a series of these tags.
    fn family_for<I: Instrument>(
        &self,
        name: &Name,
        tags: &Tags,
        wanted: impl Fn() -> Described<I>,
    ) -> Result<Opened<I>, RegisterError> {
        let new = |shared| SeriesOf::new(name.clone(), wanted(), shared);
        let fits = |existing: &Described<I>| {
            existing.definition.has_series(tags) && I::agree(&existing.settings, &wanted().settings)
        };
        let family: Arc<dyn AnyFamily> = match self.0.families.get_or_insert(name, new)? {
            Found::Same(series) if fits(&series.described()) => return Ok(Opened::Lasting(series)),
            Found::Same(series) => series,
            Found::Other(family) => match Found::<RemovableSeries<I>>::of(family) {
                Found::Same(series) if fits(series.described()) => return Ok(Opened::Removable(series)),
                Found::Same(series) => series,
                Found::Other(family) => family,
            },
        };
        let keys = tags.iter().map(|(key, _)| Box::from(key)).collect();
        let requested = Definition { tag_keys: Some(keys), ..wanted().definition };
        Err(conflict(family.definition(), requested))
    }

    /// What a short form would define.
    fn described<I: Instrument>(&self, name: &Name, help: &str, requested: &Requested) -> Described<I> {
        let settings = I::settings(requested).unwrap_or_default();
        let definition = Definition {
            name: name.clone(),
            kind: I::KIND,
            help: help.into(),
            unit: unit_of(I::KIND, &Unit::None).unwrap_or_default(),
            tag_keys: None,
            max_series: self.0.shared.max_series,
            removal: Removal::Hides,
            buckets: I::distribution(&settings).map(|spread| spread.buckets.clone()),
            shape: I::distribution(&settings).map(|spread| spread.shape.clone()).unwrap_or_default(),
            settings: I::describe(&settings),
        };
        Described { definition, settings }
    }
}

/// A family in which a name is looked for.
enum Opened<I: Instrument> {
    /// Its series stay for good.
    Lasting(Arc<SeriesOf<I>>),
    /// Its series can go, but not while a handle lives.
    Removable(Arc<RemovableSeries<I>>),
}

fn conflict(existing: Definition, requested: Definition) -> RegisterError {
    RegisterError::Conflict { existing: Box::new(existing), requested: Box::new(requested) }
}
