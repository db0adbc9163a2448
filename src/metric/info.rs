//! Facts, as tags.

use parking_lot::RwLock;

use super::{Context, Handle, Instrument, Place, Requested, Unsuitable, sealed};
use crate::model::{Kind, Value};
use crate::tag::Tags;

/// Facts that are text: version, commit, role.
///
/// Shape: `<name>_info{…facts} 1` for Prometheus; not sent by pushes of numbers. Facts must not repeat the series' own
/// tags; where they do, the tags win.
///
/// ```
/// let registry = tagmeter::Registry::new();
/// registry.info("build").set([("version", "1.4.2"), ("commit", "abc123")]);
/// assert!(registry.snapshot().to_text().contains(r#"build_info{commit="abc123",version="1.4.2"} 1"#));
/// ```
#[derive(Debug, Clone)]
pub struct Info(pub(crate) Handle<RwLock<Tags>>);

impl Info {
    /// Replaces the facts.
    ///
    /// ```
    /// # use tagmeter::Tags;
    /// # let info = tagmeter::Registry::new().info("i");
    /// info.set([("role", "leader")]);
    /// assert_eq!(info.get(), Tags::from([("role", "leader")]));
    /// ```
    pub fn set(&self, facts: impl Into<Tags>) {
        if let Some(cell) = self.0.recording() {
            *cell.write() = facts.into();
        }
    }

    /// The facts.
    ///
    /// ```
    /// # let info = tagmeter::Registry::new().info("i");
    /// assert!(info.get().is_empty());
    /// ```
    pub fn get(&self) -> Tags {
        self.0.cell().read().clone()
    }
}

impl sealed::Sealed for Info {}

impl Instrument for Info {
    type Settings = ();
    const KIND: Kind = Kind::Info;

    fn settings(requested: &Requested) -> Result<(), Unsuitable> {
        requested.nothing(Self::KIND)
    }

    fn create((): &(), _context: &Context, place: Place) -> Self {
        Info(Handle::of(RwLock::new(Tags::new()), place))
    }

    fn read(&self) -> Option<Value> {
        Some(Value::Info(Box::new(self.get())))
    }

    fn is_held(&self) -> bool {
        self.0.is_held()
    }

    fn reset(&self) {
        self.set(());
    }
}
