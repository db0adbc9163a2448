//! Tags: the key = value pairs that tell the series of one metric apart (Prometheus calls them labels).
//!
//! | you have | you want | use |
//! |---|---|---|
//! | pairs, a map, an array | tags | [`struct@Tags`] and its `From`s |
//! | `env:prod, zone:eu` | tags | `"…".parse::<Tags>()`, or [`Environment::tags`] for the variable `APPTUIT_TAGS` |
//! | a name and tags | what a series is called | [`Id`] |
//! | an [`Id`] | Apptuit's `name{"key": "value"}` and back | [`Id::encode`], [`Id::decode`] |
//! | any name or key | one that a push accepts | [`Sanitize`] |
//! | tags of environment, reporter and metric | those that are sent | [`TagLayers`] |
//! | a struct of your own, an enum for a value | families that take it | [`TagSet`], [`TagValue`] |
//!
//! Names and tags are kept as given; only what is sent is rewritten. In every form an empty value is an absent tag.

mod characters;
mod codec;
mod environment;
mod excess;
mod id;
mod json;
pub(crate) mod label;
mod merge;
mod packed;
#[cfg(feature = "protobuf")]
pub(crate) mod pairs;
mod sanitize;
mod set;
mod short;
mod text;
mod typed;
mod value;

pub use codec::{DecodeError, EncodeError};
pub use environment::{DISABLE_HOST_TAG, Environment, EnvironmentError, TAGS};
pub use excess::{DroppedTag, ExcessTags};
pub use id::Id;
pub use json::InvalidJson;
pub use merge::{APPTUIT_MAX_TAGS, Collision, MergeError, MergedTags, TagLayers};
pub use sanitize::{IllegalName, Sanitize, UnknownSanitize};
pub use set::TagSet;
#[doc(hidden)]
pub use set::{cardinality, index_with};
pub use text::ParseTagsError;
pub use value::TagValue;

// Macros have a namespace of their own: `Tags` is a type and a macro.
#[cfg(feature = "derive")]
#[cfg_attr(docsrs, doc(cfg(feature = "derive")))]
pub use tagmeter_derive::{TagValue, Tags};

pub(crate) use json::write_text as write_json_text;
pub(crate) use packed::PackedKeys;
pub(crate) use short::copy;
pub(crate) use typed::pairs_of;

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::LazyLock;

use packed::Packed;

/// A set of tags: sorted by key, no key twice, no empty value (an empty value is an absent tag).
///
/// Cloning is cheap. Where a key is given twice, the later one counts. Made from arrays, vectors and maps of pairs, and
/// from one line of text: `"route:/orders, status:200".parse::<Tags>()`.
///
/// ```
/// use tagmeter::Tags;
///
/// let tags = Tags::from([("status", "200"), ("route", "/orders"), ("empty", "")]);
/// assert_eq!(tags.iter().collect::<Vec<_>>(), [("route", "/orders"), ("status", "200")]);
/// assert_eq!(tags.get("status"), Some("200"));
/// assert_eq!("route:/orders, status:200".parse(), Ok(tags));
/// ```
#[doc(alias = "labels")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Tags(Packed);

impl Tags {
    /// No tags.
    ///
    /// ```
    /// assert!(tagmeter::Tags::new().is_empty());
    /// ```
    pub fn new() -> Self {
        static EMPTY: LazyLock<Tags> = LazyLock::new(|| Tags(Packed::new(std::iter::empty())));
        EMPTY.clone()
    }

    /// The value of a key.
    ///
    /// ```
    /// # use tagmeter::Tags;
    /// assert_eq!(Tags::from([("city", "Oslo")]).get("city"), Some("Oslo"));
    /// ```
    pub fn get(&self, key: &str) -> Option<&str> {
        self.iter().find_map(|(own, value)| (own == key).then_some(value))
    }

    /// Keys and values, sorted by key.
    ///
    /// ```
    /// # use tagmeter::Tags;
    /// let tags = Tags::from([("b", "2"), ("a", "1")]);
    /// assert_eq!(tags.iter().next(), Some(("a", "1")));
    /// ```
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + Clone {
        self.0.iter()
    }

    /// How many tags there are.
    ///
    /// ```
    /// assert_eq!(tagmeter::Tags::from([("a", "1")]).len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    ///
    /// ```
    /// assert!(tagmeter::Tags::from([("a", "")]).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// These tags and, where a key is not among them, those of `lower`.
    ///
    /// ```
    /// # use tagmeter::Tags;
    /// let metric = Tags::from([("host", "a")]);
    /// let reporter = Tags::from([("host", "b"), ("env", "dev")]);
    /// assert_eq!(metric.over(&reporter), Tags::from([("env", "dev"), ("host", "a")]));
    /// ```
    pub fn over(&self, lower: &Tags) -> Tags {
        lower.iter().chain(self.iter()).collect()
    }

    /// Of pairs that are sorted by key, no key twice, no value empty.
    pub(crate) fn of_sorted<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Self {
        if pairs.clone().next().is_none() { Tags::new() } else { Tags(Packed::new(pairs)) }
    }

    /// Of some keys and a value for each, none of them empty.
    pub(crate) fn with_keys<'a>(keys: &PackedKeys, values: impl Iterator<Item = &'a str> + Clone) -> Self {
        Tags(Packed::with_keys(keys, values))
    }

    /// Whether these keys and values, sorted by key, are the tags; `None` where telling takes longer, and where there are
    /// other keys.
    #[inline]
    pub(crate) fn are<'a>(
        &self,
        keys: &PackedKeys,
        values: impl ExactSizeIterator<Item = &'a [u8]>,
    ) -> Option<bool> {
        self.0.are(keys, values)
    }

    /// The same for tags that are known to have just these keys: whether these are the values.
    #[inline(always)]
    pub(crate) fn have<'a>(
        &self,
        keys: &PackedKeys,
        values: impl ExactSizeIterator<Item = &'a [u8]>,
    ) -> Option<bool> {
        self.0.have(keys, values)
    }
}

impl Default for Tags {
    fn default() -> Self {
        Tags::new()
    }
}

impl<K: AsRef<str>, V: AsRef<str>> FromIterator<(K, V)> for Tags {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(tags: I) -> Self {
        let tags: Vec<(K, V)> = tags.into_iter().collect();
        let mut sorted: Vec<(&str, &str)> =
            tags.iter().map(|(key, value)| (key.as_ref(), value.as_ref())).collect();
        // Stable, so that among equal keys the one given last stays last.
        sorted.sort_by_key(|(key, _)| *key);
        sorted.reverse();
        sorted.dedup_by_key(|(key, _)| *key);
        sorted.retain(|(_, value)| !value.is_empty());
        sorted.reverse();
        Tags::of_sorted(sorted.into_iter())
    }
}

impl<K: AsRef<str>, V: AsRef<str>, const N: usize> From<[(K, V); N]> for Tags {
    fn from(tags: [(K, V); N]) -> Self {
        tags.into_iter().collect()
    }
}

impl<K: AsRef<str>, V: AsRef<str>> From<&[(K, V)]> for Tags {
    fn from(tags: &[(K, V)]) -> Self {
        tags.iter().map(|(key, value)| (key, value)).collect()
    }
}

impl<K: AsRef<str>, V: AsRef<str>> From<Vec<(K, V)>> for Tags {
    fn from(tags: Vec<(K, V)>) -> Self {
        tags.into_iter().collect()
    }
}

impl<K: AsRef<str>, V: AsRef<str>> From<BTreeMap<K, V>> for Tags {
    fn from(tags: BTreeMap<K, V>) -> Self {
        tags.into_iter().collect()
    }
}

impl<K: AsRef<str> + Ord, V: AsRef<str>, S> From<HashMap<K, V, S>> for Tags {
    fn from(tags: HashMap<K, V, S>) -> Self {
        tags.into_iter().collect()
    }
}

impl From<()> for Tags {
    fn from((): ()) -> Self {
        Tags::new()
    }
}

impl From<&Tags> for Tags {
    fn from(tags: &Tags) -> Self {
        tags.clone()
    }
}

impl Ord for Tags {
    fn cmp(&self, other: &Self) -> Ordering {
        self.iter().cmp(other.iter())
    }
}

impl PartialOrd for Tags {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, (key, value)) in self.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{key}={value:?}")?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_of_two_equal_keys_counts() {
        assert_eq!(Tags::from([("a", "1"), ("b", "x"), ("a", "2")]), Tags::from([("a", "2"), ("b", "x")]));
    }

    #[test]
    fn an_empty_value_given_last_takes_the_tag_away() {
        assert!(Tags::from([("a", "1"), ("a", "")]).is_empty());
    }

    #[test]
    fn higher_tags_win_over_lower_ones() {
        let merged = Tags::from([("a", "metric")]).over(&Tags::from([("a", "reporter"), ("b", "reporter")]));
        assert_eq!(merged, Tags::from([("a", "metric"), ("b", "reporter")]));
    }

    #[test]
    fn display_reads_like_a_page() {
        assert_eq!(Tags::from([("b", "say \"hi\""), ("a", "1")]).to_string(), r#"{a="1",b="say \"hi\""}"#);
    }
}
