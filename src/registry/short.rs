//! Instruments by name: get or create, without a definition and without an error.

use std::sync::Arc;

use super::define::unit_of;
use super::definition::Definition;
use super::families::Found;
use super::family::{Described, SeriesOf};
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
        self.open_for(&name, &Tags::new(), wanted).with(&Tags::new()).clone()
    }

    /// The family of that name for series with these keys.
    pub(super) fn open<I: Instrument>(&self, name: &Name, keys: &[&str]) -> Arc<SeriesOf<I>> {
        // Values do not matter here, but an empty one would be an absent tag.
        let tags: Tags = keys.iter().map(|key| (key, "any")).collect();
        self.open_for(name, &tags, || self.described(name, "", &Requested::default()))
    }

    /// Registers a definition, or finds the family that has the same.
    pub(super) fn register<I: Instrument>(
        &self,
        wanted: Described<I>,
    ) -> Result<Arc<SeriesOf<I>>, RegisterError> {
        let name = wanted.definition.name.clone();
        let copy = || Described { definition: wanted.definition.clone(), settings: wanted.settings.clone() };
        let conflict = |existing: Definition| RegisterError::Conflict {
            existing: Box::new(existing),
            requested: Box::new(wanted.definition.clone()),
        };
        match self.0.families.get_or_insert(&name, copy)? {
            Found::Other(family) => Err(conflict(family.definition())),
            Found::Same(series) => {
                let existing = series.described();
                let same = existing.definition == wanted.definition && existing.settings == wanted.settings;
                if same || series.adopt(copy()) {
                    Ok(series)
                } else {
                    Err(conflict(existing.definition.clone()))
                }
            }
        }
    }

    fn by_id<I: Instrument>(&self, id: Id, requested: &Requested) -> I {
        let wanted = || self.described::<I>(&id.name, "", requested);
        let family = match I::settings(requested) {
            Ok(_) => self.open_for(&id.name, &id.tags, wanted),
            Err(reason) => {
                let error = RegisterError::Unsuitable { name: id.name.clone(), reason };
                self.0.families.unexposed(&id.name, &error, wanted)
            }
        };
        family.with(&id.tags).clone()
    }

    /// The family of that name if it can have a series of these tags, otherwise one that is exposed nowhere.
    fn open_for<I: Instrument>(
        &self,
        name: &Name,
        tags: &Tags,
        wanted: impl Fn() -> Described<I>,
    ) -> Arc<SeriesOf<I>> {
        let found = self.0.families.get_or_insert(name, &wanted);
        let refused = match found {
            Ok(Found::Same(series)) => {
                let existing = series.described();
                if existing.definition.has_series(tags) && I::agree(&existing.settings, &wanted().settings) {
                    return series;
                }
                existing.definition.clone()
            }
            Ok(Found::Other(family)) => family.definition(),
            Err(error) => return self.0.families.unexposed(name, &error, wanted),
        };
        let keys = tags.iter().map(|(key, _)| Box::from(key)).collect();
        let requested = Definition { tag_keys: Some(keys), ..wanted().definition };
        let error = RegisterError::Conflict { existing: Box::new(refused), requested: Box::new(requested) };
        self.0.families.unexposed(name, &error, wanted)
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
            settings: I::describe(&settings),
        };
        Described { definition, settings }
    }
}
