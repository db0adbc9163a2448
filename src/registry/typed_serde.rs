//! Families whose tags are a type of the user's.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use serde::Serialize;

use super::family::SeriesOf;
use super::problem::Problem;
use super::shared::Shared;
use crate::metric::Instrument;
use crate::tag::{Tags, pairs_of};

/// Series told apart by any `serde::Serialize` struct of scalars and enums.
///
/// The first value fixes the keys. A value with other keys, or one that has no flat form (a list, a nested struct),
/// goes to the overflow series and is counted.
///
/// ```
/// #[derive(serde::Serialize)]
/// enum Method { Get, Post }
///
/// #[derive(serde::Serialize)]
/// struct Route { method: Method, status: u16 }
///
/// let registry = tagmeter::Registry::new();
/// let requests = registry.define("requests").typed_serde::<Route>().counters()?;
/// requests.with(&Route { method: Method::Get, status: 200 }).inc();
/// assert_eq!(requests.with(&Route { method: Method::Get, status: 200 }).get(), 1);
/// # let _ = Method::Post;
/// # Ok::<(), tagmeter::registry::RegisterError>(())
/// ```
pub struct SerdeFamily<I: Instrument, T: ?Sized> {
    series: Arc<SeriesOf<I>>,
    shared: Arc<Shared>,
    /// Fixed by the first value; in the order of the struct's fields.
    keys: Arc<OnceLock<Box<[&'static str]>>>,
    /// Covariant, so that a family kept for long takes tags that borrow for short.
    tags: PhantomData<fn() -> *const T>,
}

impl<I: Instrument, T: Serialize + ?Sized> SerdeFamily<I, T> {
    pub(crate) fn new(series: Arc<SeriesOf<I>>, shared: Arc<Shared>) -> Self {
        SerdeFamily { series, shared, keys: Arc::default(), tags: PhantomData }
    }

    /// The series of this value; made where it is new.
    ///
    /// ```
    /// # #[derive(serde::Serialize)]
    /// # struct Queue<'a> { queue: &'a str }
    /// # let registry = tagmeter::Registry::new();
    /// let depth = registry.define("depth").typed_serde::<Queue>().gauges()?;
    /// depth.with(&Queue { queue: "mail" }).set(3.0);
    /// assert_eq!(registry.value(("depth", [("queue", "mail")])), Some(3.0));
    /// # Ok::<(), tagmeter::registry::RegisterError>(())
    /// ```
    pub fn with(&self, value: &T) -> &I {
        let mut keys = Vec::new();
        let mut pairs = Vec::new();
        let flat = pairs_of(value, &mut |key, text: &str| {
            keys.push(key);
            pairs.push((key, text.to_owned()));
        });
        let wrong = match flat {
            Err(unfit) => unfit.to_string(),
            Ok(()) if self.keys.get_or_init(|| keys.clone().into())[..] == keys[..] => {
                return self.series.with(&pairs.into_iter().collect::<Tags>());
            }
            Ok(()) => format!("keys are {keys:?}, not {:?}", self.keys.get()),
        };
        self.unfit(&wrong)
    }

    #[cold]
    fn unfit(&self, wrong: &str) -> &I {
        let name = &self.series.described().definition.name;
        self.shared.problems.note(Problem::UnfitTags, name, || {
            format!("tags of metric {name:?} do not fit and go to its overflow series: {wrong}")
        });
        self.series.overflow()
    }
}

impl<I: Instrument, T: ?Sized> Clone for SerdeFamily<I, T> {
    fn clone(&self) -> Self {
        SerdeFamily {
            series: self.series.clone(),
            shared: self.shared.clone(),
            keys: self.keys.clone(),
            tags: PhantomData,
        }
    }
}

impl<I: Instrument, T: ?Sized> fmt::Debug for SerdeFamily<I, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.series.fmt(f)
    }
}
