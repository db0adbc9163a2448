//! Families whose tags are a type of the user's.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use serde::Serialize;

use super::family::SeriesOf;
use super::keys::{Keys, Values};
use super::problem::Problem;
use super::shared::Shared;
use super::sought::{Hashed, KeyHash, Sought};
use crate::metric::Instrument;
use crate::tag::{Tags, copy, pairs_of};

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
        let mut texts = Texts::new();
        match self.fields.get() {
            Some(fields) if fields.fill(&mut texts, value) => self.series.with(fields.sought(&texts)),
            _ => self.with_slow(value),
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
            Ok(()) if self.fields.get_or_init(|| Fields::new(&keys)).are(&keys) => {
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

/// The fields of a struct.
struct Fields {
    in_order: Box<[Field]>,
    keys: Keys,
}

struct Field {
    name: &'static str,
    hash: KeyHash,
}

impl Fields {
    fn new(names: &[&'static str]) -> Self {
        let field = |name: &&'static str| Field { name, hash: KeyHash::new(name) };
        Fields { in_order: names.iter().map(field).collect(), keys: Keys::new(names) }
    }

    fn are(&self, names: &[&'static str]) -> bool {
        self.in_order.iter().map(|field| field.name).eq(names.iter().copied())
    }

    /// Adds the texts of a value, if it has these fields and there is room.
    #[inline]
    fn fill<T: Serialize + ?Sized>(&self, texts: &mut Texts, value: &T) -> bool {
        let (mut fields, mut fits) = (self.in_order.iter(), true);
        let flat = pairs_of(value, &mut |name, text: &str| match fields.next() {
            Some(field) if std::ptr::eq(field.name, name) || field.name == name => {
                fits &= texts.push(text, field.hash);
            }
            _ => fits = false,
        });
        fits && flat.is_ok() && fields.next().is_none()
    }

    /// The tags that these texts are.
    #[inline]
    fn sought<'a>(&'a self, texts: &'a Texts) -> impl Sought {
        Hashed::new(self.keys.with(texts), texts.hash)
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.in_order.iter().map(|field| field.name)).finish()
    }
}

/// Texts, one behind the other: what is serialized is lent for a moment only.
struct Texts {
    bytes: [u8; ROOM],
    /// Where each of them begins and ends.
    places: [(u8, u8); MOST_FIELDS],
    count: usize,
    /// Where the last of them ends.
    end: usize,
    hash: u32,
}

/// Bytes of all texts. What is longer is looked up the slow way.
const ROOM: usize = 128;
/// Structs with more fields are looked up the slow way.
const MOST_FIELDS: usize = 8;

impl Texts {
    #[inline]
    fn new() -> Self {
        Texts { bytes: [0; ROOM], places: [(0, 0); MOST_FIELDS], count: 0, end: 0, hash: 0 }
    }

    /// Adds the text of a key; tells whether there was room for it.
    #[inline]
    fn push(&mut self, text: &str, key: KeyHash) -> bool {
        let (start, end) = (self.end, self.end + text.len());
        let (Some(room), Some(place)) = (self.bytes.get_mut(start..end), self.places.get_mut(self.count))
        else {
            return false;
        };
        copy(text.as_bytes(), room);
        *place = (start as u8, end as u8);
        self.count += 1;
        self.end = end;
        // A sum, as in `Sought`.
        self.hash = self.hash.wrapping_add(key.pair(text.as_bytes()));
        true
    }
}

impl Values for Texts {
    #[inline]
    fn count(&self) -> usize {
        self.count
    }

    fn at(&self, place: usize) -> &str {
        std::str::from_utf8(self.bytes_at(place)).unwrap_or("")
    }

    #[inline]
    fn bytes_at(&self, place: usize) -> &[u8] {
        let (start, end) = self.places.get(place).copied().unwrap_or_default();
        self.bytes.get(usize::from(start)..usize::from(end)).unwrap_or(&[])
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

    use super::super::sought::Schema;
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
                let before = registry.value(("requests", tags(&route))).unwrap_or(0.0);
                family.with(&route).inc();
                family.with(&route).inc();
                prop_assert_eq!(registry.value(("requests", tags(&route))), Some(before + 2.0));
            }
        }
    }

    #[test]
    fn texts_are_those_of_the_fields() {
        let fields = Fields::new(&["path", "code", "a_zone"]);
        let full = Route { path: "/".into(), code: Some(200), a_zone: Some('x') };
        let part = Route { a_zone: None, ..full.clone() };
        for (route, other) in [(&full, &part), (&part, &full)] {
            let mut texts = Texts::new();
            assert!(fields.fill(&mut texts, route));
            let sought = fields.sought(&texts);
            assert!(sought.is(&tags(route), Schema::UNKNOWN) && !sought.is(&tags(other), Schema::UNKNOWN));
            assert_eq!(sought.to_tags(), tags(route));
            assert_eq!(sought.hash(), (&tags(route)).hash());
            assert_eq!(fields.keys.with(&texts).hash(), (&tags(route)).hash());
        }
        for others in [&["path", "code", "zone"][..], &["path", "code"], &["path", "code", "a_zone", "more"]]
        {
            assert!(!Fields::new(others).fill(&mut Texts::new(), &full));
        }
    }

    #[test]
    fn texts_that_find_no_room_find_their_series() {
        let registry = Registry::new();
        let family: SerdeFamily<Counter, Route> =
            registry.define("requests").typed_serde().counters().unwrap();
        for length in [ROOM - 4, ROOM - 3, ROOM, 3 * ROOM] {
            let route = Route { path: "x".repeat(length), code: Some(200), a_zone: Some('x') };
            (0..3).for_each(|_| family.with(&route).inc());
            assert_eq!(registry.value(("requests", tags(&route))), Some(3.0), "{length}");
        }
    }

    #[test]
    fn no_more_texts_than_there_is_room_for() {
        let (mut texts, key) = (Texts::new(), KeyHash::new("key"));
        assert!((0..MOST_FIELDS).all(|_| texts.push("ab", key)));
        assert!(!texts.push("", key));
        assert_eq!(
            (texts.at(MOST_FIELDS - 1), texts.at(MOST_FIELDS), texts.count()),
            ("ab", "", MOST_FIELDS)
        );
    }
}
