//! Which of some states are on.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{Common, Context, Handle, Instrument, Place, Requested, Unsuitable, sealed};
use crate::cell::RecordingProblem;
use crate::model::{Kind, StateSetValue, Value};

/// Which of some states are on: one of them for a mode, any number for features.
///
/// Shape: one sample a state, 1 or 0, told apart by a tag named like the metric; one `value` a state in line protocols.
/// Range: a state that the set does not have is left alone and counted.
///
/// ```
/// let registry = tagmeter::Registry::new();
/// let mode = registry.state_set("mode", ["starting", "running", "stopping"]);
/// mode.switch_to("running");
/// assert!(mode.is_on("running") && !mode.is_on("starting"));
/// ```
#[derive(Debug, Clone)]
pub struct StateSet(pub(crate) Handle<StateCell>);

#[derive(Debug)]
pub(crate) struct StateCell {
    common: Arc<Common>,
    states: Arc<[Box<str>]>,
    on: Mutex<Vec<bool>>,
}

impl StateSet {
    /// Turns one state on and all others off.
    ///
    /// ```
    /// # let mode = tagmeter::Registry::new().state_set("m", ["a", "b"]);
    /// mode.switch_to("a");
    /// mode.switch_to("b");
    /// assert!(!mode.is_on("a") && mode.is_on("b"));
    /// ```
    pub fn switch_to(&self, state: &str) {
        self.change(state, |on, at| {
            on.fill(false);
            on[at] = true;
        });
    }

    /// Turns a state on.
    ///
    /// ```
    /// # let features = tagmeter::Registry::new().state_set("f", ["cache", "beta"]);
    /// features.enable("cache");
    /// features.enable("beta");
    /// assert!(features.is_on("cache"));
    /// ```
    pub fn enable(&self, state: &str) {
        self.change(state, |on, at| on[at] = true);
    }

    /// Turns a state off.
    ///
    /// ```
    /// # let features = tagmeter::Registry::new().state_set("f", ["cache"]);
    /// features.enable("cache");
    /// features.disable("cache");
    /// assert!(!features.is_on("cache"));
    /// ```
    pub fn disable(&self, state: &str) {
        self.change(state, |on, at| on[at] = false);
    }

    /// Whether a state is on; false for one that the set does not have.
    ///
    /// ```
    /// # let features = tagmeter::Registry::new().state_set("f", ["cache"]);
    /// assert!(!features.is_on("no such state"));
    /// ```
    pub fn is_on(&self, state: &str) -> bool {
        let cell = self.0.cell();
        cell.position(state).is_some_and(|at| cell.on.lock()[at])
    }

    fn change(&self, state: &str, change: impl FnOnce(&mut [bool], usize)) {
        let Some(cell) = self.0.recording() else { return };
        match cell.position(state) {
            Some(at) => change(&mut cell.on.lock(), at),
            None => cell.common.refused.note(RecordingProblem::UnknownState),
        }
    }
}

impl StateCell {
    fn position(&self, state: &str) -> Option<usize> {
        self.states.iter().position(|own| **own == *state)
    }
}

impl sealed::Sealed for StateSet {}

impl Instrument for StateSet {
    type Settings = Arc<[Box<str>]>;
    const KIND: Kind = Kind::StateSet;

    fn settings(requested: &Requested) -> Result<Self::Settings, Unsuitable> {
        requested.nothing(Self::KIND)?;
        let states = &requested.states;
        if states.is_empty() {
            return Err(Unsuitable::NoStates);
        }
        match states.iter().enumerate().find(|(at, state)| states[..*at].contains(state)) {
            Some((_, twice)) => Err(Unsuitable::StateTwice(twice.clone())),
            None => Ok(states.clone().into()),
        }
    }

    fn agree(existing: &Self::Settings, asked: &Self::Settings) -> bool {
        existing == asked
    }

    fn describe(states: &Self::Settings) -> String {
        format!("states {states:?}")
    }

    fn create(states: &Self::Settings, context: &Context, place: Place) -> Self {
        let cell = StateCell {
            common: context.common.clone(),
            states: states.clone(),
            on: Mutex::new(vec![false; states.len()]),
        };
        StateSet(Handle::of(cell, place))
    }

    fn read(&self) -> Option<Value> {
        let cell = self.0.cell();
        Some(StateSetValue { states: cell.states.clone(), on: cell.on.lock().clone() }.into())
    }

    fn is_held(&self) -> bool {
        self.0.is_held()
    }

    fn reset(&self) {
        self.0.cell().on.lock().fill(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_must_differ() {
        let requested =
            Requested { states: vec!["a".into(), "b".into(), "a".into()], ..Requested::default() };
        assert_eq!(StateSet::settings(&requested), Err(Unsuitable::StateTwice("a".into())));
        assert_eq!(StateSet::settings(&Requested::default()), Err(Unsuitable::NoStates));
    }
}
