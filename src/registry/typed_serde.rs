//! Families whose tags are a type of the user's.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use serde::Serialize;

use super::family::SeriesOf;
use super::problem::Problem;
use super::shared::Shared;
use super::sought::{KeyHash, Sought};
use crate::metric::Instrument;
use crate::tag::{Tags, pairs_of, same};

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
    /// Fixed by the first value.
    fields: Arc<OnceLock<Fields>>,
    /// Covariant, so that a family kept for long takes tags that borrow for short.
    tags: PhantomData<fn() -> *const T>,
}

impl<I: Instrument, T: Serialize + ?Sized> SerdeFamily<I, T> {
    pub(crate) fn new(series: Arc<SeriesOf<I>>, shared: Arc<Shared>) -> Self {
        SerdeFamily { series, shared, fields: Arc::default(), tags: PhantomData }
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
    #[inline]
    pub fn with(&self, value: &T) -> &I {
        let sought = self.fields.get().and_then(|fields| fields.seek(value));
        match sought.and_then(|sought| self.series.find(sought)) {
            Some(instrument) => instrument,
            None => self.with_slow(value),
        }
    }

    #[cold]
    fn with_slow(&self, value: &T) -> &I {
        let mut keys = Vec::new();
        let mut pairs = Vec::new();
        let flat = pairs_of(value, &mut |key, text: &str| {
            keys.push(key);
            pairs.push((key, text.to_owned()));
        });
        let wrong = match flat {
            Err(unfit) => unfit.to_string(),
            Ok(()) if self.fields.get_or_init(|| Fields::new(&keys)).keys().eq(keys.iter().copied()) => {
                return self.series.with(&pairs.into_iter().collect::<Tags>());
            }
            Ok(()) => format!("keys are {keys:?}, not {:?}", self.fields.get()),
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

/// The keys of a struct, in the order of its fields.
struct Fields(Box<[Field]>);

struct Field {
    key: &'static str,
    hash: KeyHash,
    /// How many keys are sorted before it.
    rank: usize,
}

impl Fields {
    fn new(keys: &[&'static str]) -> Self {
        let rank = |key: &str| keys.iter().filter(|other| **other < key).count();
        let field = |key: &&'static str| Field { key, hash: KeyHash::new(key), rank: rank(key) };
        Fields(keys.iter().map(field).collect())
    }

    fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|field| field.key)
    }

    /// What a value with these keys looks for. Serializes it once for the hash, and again to be compared: cheaper than to
    /// keep the texts, and what does not serialize twice alike is looked up the slow way.
    #[inline]
    fn seek<'a, T: Serialize + ?Sized>(&'a self, value: &'a T) -> Option<OfFields<'a, T>> {
        let (mut hash, mut left, mut fits) = (0_u64, self.0.iter(), true);
        let flat = pairs_of(value, &mut |key, text: &str| match left.next() {
            Some(field) if std::ptr::eq(field.key, key) || field.key == key => {
                if !text.is_empty() {
                    hash = hash.wrapping_add(field.hash.pair(text));
                }
            }
            _ => fits = false,
        });
        let fits = fits && flat.is_ok() && left.next().is_none();
        fits.then_some(OfFields { fields: self, value, hash })
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys()).finish()
    }
}

/// The tags that a serialized value is.
struct OfFields<'a, T: ?Sized> {
    fields: &'a Fields,
    value: &'a T,
    hash: u64,
}

impl<T: ?Sized> Clone for OfFields<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for OfFields<'_, T> {}

impl<T: Serialize + ?Sized> Sought for OfFields<'_, T> {
    #[inline]
    fn hash(self) -> u64 {
        self.hash
    }

    #[inline]
    fn is(self, tags: &Tags) -> bool {
        let (mut fields, mut same_so_far, mut present) = (self.fields.0.iter(), true, 0);
        let flat = pairs_of(self.value, &mut |_, text: &str| {
            let Some(field) = fields.next() else {
                return same_so_far = false;
            };
            if same_so_far && !text.is_empty() {
                present += 1;
                same_so_far = value_of(tags, field).is_some_and(|own| same(own.as_bytes(), text.as_bytes()));
            }
        });
        flat.is_ok() && same_so_far && present == tags.len()
    }

    fn is_empty(self) -> bool {
        self.to_tags().is_empty()
    }

    fn to_tags(self) -> Tags {
        let mut pairs = Vec::new();
        // What cannot be serialized has no tags; but then nobody asks for them.
        let _ = pairs_of(self.value, &mut |key, text: &str| pairs.push((key, text.to_owned())));
        pairs.into_iter().collect()
    }
}

/// The value that tags have for a field. Where no tag is absent, it stands at the field's rank.
#[inline]
fn value_of<'a>(tags: &'a Tags, field: &Field) -> Option<&'a str> {
    match tags.iter().nth(field.rank) {
        Some((key, value)) if same(key.as_bytes(), field.key.as_bytes()) => Some(value),
        _ => tags.get(field.key),
    }
}

impl<I: Instrument, T: ?Sized> Clone for SerdeFamily<I, T> {
    fn clone(&self) -> Self {
        SerdeFamily {
            series: self.series.clone(),
            shared: self.shared.clone(),
            fields: self.fields.clone(),
            tags: PhantomData,
        }
    }
}

impl<I: Instrument, T: ?Sized> fmt::Debug for SerdeFamily<I, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.series.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::metric::Counter;
    use crate::registry::Registry;

    #[derive(serde::Serialize, Debug, Clone)]
    struct Route {
        path: String,
        code: Option<u16>,
        a_zone: Option<char>,
    }

    fn tags(route: &Route) -> Tags {
        let code = route.code.map(|code| code.to_string()).unwrap_or_default();
        let zone = route.a_zone.map(String::from).unwrap_or_default();
        Tags::from([("path", &route.path), ("code", &code), ("a_zone", &zone)])
    }

    proptest! {
        #[test]
        fn a_struct_finds_the_series_of_its_tags(
            routes in prop::collection::vec(("[ab]{0,2}", prop::option::of(0u16..3), prop::option::of(prop::char::range('a', 'b'))), 1..40)
        ) {
            let registry = Registry::new();
            let family: SerdeFamily<Counter, Route> = registry.define("requests").typed_serde().counters().unwrap();
            for (path, code, a_zone) in routes {
                let route = Route { path, code, a_zone };
                let before = family.series.find(&tags(&route)).map_or(0, Counter::get);
                family.with(&route).inc();
                family.with(&route).inc();
                prop_assert_eq!(family.series.find(&tags(&route)).map(Counter::get), Some(before + 2));
            }
        }
    }

    #[test]
    fn known_series_are_found_by_what_a_struct_serializes_to() {
        let fields = Fields::new(&["path", "code", "a_zone"]);
        let full = Route { path: "/".into(), code: Some(200), a_zone: Some('x') };
        let part = Route { a_zone: None, ..full.clone() };
        for (route, other) in [(&full, &part), (&part, &full)] {
            let sought = fields.seek(route).unwrap();
            assert!(sought.is(&tags(route)) && !sought.is(&tags(other)));
            assert_eq!(sought.to_tags(), tags(route));
            assert_eq!(sought.hash(), (&tags(route)).hash());
        }
        assert!(Fields::new(&["path", "code", "zone"]).seek(&full).is_none());
        assert!(Fields::new(&["path", "code"]).seek(&full).is_none());
    }
}
