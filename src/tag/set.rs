//! Types of the user's that are a set of tags.

use super::TagValue;

/// A type whose values are sets of tags with constant keys.
///
/// `#[derive(Tags)]` (feature `derive`) gives it to structs whose fields are [`TagValue`]s. Families of such a type are
/// defined with [`typed`](crate::registry::Define::typed).
///
/// ```
/// use tagmeter::tag::{TagSet, TagValue};
///
/// struct Route<'a> { path: &'a str, status: u16 }
///
/// impl TagSet for Route<'_> {
///     const KEYS: &'static [&'static str] = &["path", "status"];
///
///     fn with_values<R>(&self, read: impl FnOnce(&[&str]) -> R) -> R {
///         self.status.with_text(|status| read(&[self.path, status]))
///     }
/// }
///
/// let registry = tagmeter::Registry::new();
/// let requests = registry.define("requests").typed::<Route>().counters()?;
/// requests.with(&Route { path: "/orders", status: 200 }).inc();
/// assert_eq!(registry.value(("requests", [("path", "/orders"), ("status", "200")])), Some(1.0));
/// # Ok::<(), tagmeter::registry::RegisterError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no set of tags",
    note = "`#[derive(Tags)]` gives it to structs; for types that implement `serde::Serialize` there is `typed_serde`"
)]
pub trait TagSet {
    /// The keys.
    ///
    /// ```
    /// # use tagmeter::tag::TagSet;
    /// # struct Nothing;
    /// # impl TagSet for Nothing {
    /// #     const KEYS: &'static [&'static str] = &[];
    /// #     fn with_values<R>(&self, read: impl FnOnce(&[&str]) -> R) -> R { read(&[]) }
    /// # }
    /// assert!(Nothing::KEYS.is_empty());
    /// ```
    const KEYS: &'static [&'static str];

    /// How many different sets there are, if that is known: then each has an [`index`](TagSet::index) below it.
    ///
    /// ```
    /// # use tagmeter::tag::{TagSet, TagValue};
    /// struct Cached(bool);
    ///
    /// impl TagSet for Cached {
    ///     const KEYS: &'static [&'static str] = &["cached"];
    ///     const CARDINALITY: Option<usize> = bool::COUNT;
    ///
    ///     fn index(&self) -> usize {
    ///         self.0.index()
    ///     }
    ///
    ///     fn with_values<R>(&self, read: impl FnOnce(&[&str]) -> R) -> R {
    ///         self.0.with_text(|cached| read(&[cached]))
    ///     }
    /// }
    ///
    /// assert_eq!(Cached::CARDINALITY, Some(2));
    /// ```
    const CARDINALITY: Option<usize> = None;

    /// Which of the sets this is; without meaning where there is no [`CARDINALITY`](TagSet::CARDINALITY).
    ///
    /// Different sets have different indices: a family remembers series by them.
    ///
    /// ```
    /// # use tagmeter::tag::{TagSet, TagValue};
    /// # struct Cached(bool);
    /// # impl TagSet for Cached {
    /// #     const KEYS: &'static [&'static str] = &["cached"];
    /// #     const CARDINALITY: Option<usize> = bool::COUNT;
    /// #     fn index(&self) -> usize { self.0.index() }
    /// #     fn with_values<R>(&self, read: impl FnOnce(&[&str]) -> R) -> R {
    /// #         self.0.with_text(|cached| read(&[cached]))
    /// #     }
    /// # }
    /// assert_eq!([Cached(false).index(), Cached(true).index()], [0, 1]);
    /// ```
    #[inline]
    fn index(&self) -> usize {
        0
    }

    /// Calls `read` with the values, in the order of the keys. An empty value is an absent tag.
    ///
    /// ```
    /// # use tagmeter::tag::TagSet;
    /// # struct Name(String);
    /// # impl TagSet for Name {
    /// #     const KEYS: &'static [&'static str] = &["name"];
    /// #     fn with_values<R>(&self, read: impl FnOnce(&[&str]) -> R) -> R { read(&[&self.0]) }
    /// # }
    /// Name("Ada".into()).with_values(|values| assert_eq!(values, ["Ada"]));
    /// ```
    fn with_values<R>(&self, read: impl FnOnce(&[&str]) -> R) -> R;
}

impl<T: TagSet> TagSet for &T {
    const KEYS: &'static [&'static str] = T::KEYS;
    const CARDINALITY: Option<usize> = T::CARDINALITY;

    #[inline]
    fn index(&self) -> usize {
        (**self).index()
    }

    #[inline]
    fn with_values<R>(&self, read: impl FnOnce(&[&str]) -> R) -> R {
        (**self).with_values(read)
    }
}

/// How many sets there are of so many values each. What `#[derive(Tags)]` writes.
#[doc(hidden)]
pub const fn cardinality(counts: &[Option<usize>]) -> Option<usize> {
    let mut product: usize = 1;
    let mut at = 0;
    while at < counts.len() {
        product = match counts[at] {
            Some(count) => match product.checked_mul(count) {
                Some(product) => product,
                None => return None,
            },
            None => return None,
        };
        at += 1;
    }
    Some(product)
}

/// The index of a set whose fields up to here have the index `before`. What `#[derive(Tags)]` writes.
///
/// Wraps only where there is no cardinality, so that nobody asks.
#[doc(hidden)]
#[inline]
pub fn index_with<V: TagValue>(before: usize, value: &V) -> usize {
    before.wrapping_mul(V::COUNT.unwrap_or(0)).wrapping_add(value.index())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cardinality_is_the_product_of_closed_counts() {
        assert_eq!(cardinality(&[]), Some(1));
        assert_eq!(cardinality(&[Some(2), Some(3)]), Some(6));
        assert_eq!(cardinality(&[Some(2), None]), None);
        assert_eq!(cardinality(&[Some(usize::MAX), Some(2)]), None);
    }

    #[test]
    fn the_last_field_counts_fastest() {
        let index = |a: Option<bool>, b: bool| index_with(index_with(0, &a), &b);
        let all = [None, Some(false), Some(true)].map(|a| [index(a, false), index(a, true)]);
        assert_eq!(all, [[0, 1], [2, 3], [4, 5]]);
    }
}
