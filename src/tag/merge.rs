//! Tags of several ranks put together for a push.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use super::Tags;
use super::excess::{DroppedTag, ExcessTags};
use super::sanitize::{IllegalName, Sanitize};

/// How many tags Apptuit takes on one point.
pub const APPTUIT_MAX_TAGS: usize = 25;

/// Tags that everything sent has, in layers, each of higher rank than the one before; a metric's own tags come on top.
///
/// Keys are sanitized before they meet, so that rank decides even where two keys become the same:
///
/// | rank | given | sent (prometheus) |
/// |---|---|---|
/// | environment | `a.b` = env, `zone` = eu | `zone` = eu |
/// | reporter | `a_b` = reporter | |
/// | metric | `a-b` = metric | `a_b` = metric |
///
/// Among keys of one rank that become the same the last in sorted order counts. An empty value is an absent tag, so it
/// takes no tag of a lower rank away. What is the same for all metrics is
/// worked out once; [`merge`](TagLayers::merge) borrows it. The automatic `host` tag is the lowest layer, so that
/// everything can override it.
///
/// ```
/// use tagmeter::Tags;
/// use tagmeter::tag::{Sanitize, TagLayers};
///
/// let layers = TagLayers::new(Sanitize::Prometheus)
///     .layer(&Tags::from([("host", "web-1")]))?
///     .layer(&Tags::from([("service.name", "orders")]))?;
/// let own = Tags::from([("host", "db-1")]);
/// let merged = layers.merge(&own)?;
/// assert_eq!(merged.iter().collect::<Vec<_>>(), [("host", "db-1"), ("service_name", "orders")]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct TagLayers {
    sanitize: Sanitize,
    max_tags: usize,
    excess: ExcessTags,
    layers: Rank,
    /// Sorted by key, no key twice.
    base: Vec<Sent<'static>>,
    collisions: Vec<Collision>,
}

/// One tag as it is sent.
#[derive(Debug, Clone)]
struct Sent<'a> {
    key: Cow<'a, str>,
    /// The key before it was sanitized.
    raw: Cow<'a, str>,
    value: Cow<'a, str>,
    rank: Rank,
}

/// The number of the layer, the lowest first.
type Rank = usize;
/// The metric's own tags.
const OWN: Rank = Rank::MAX;

impl TagLayers {
    /// No layers yet: what is merged has the metric's tags alone, at most [`APPTUIT_MAX_TAGS`].
    ///
    /// ```
    /// # use tagmeter::{Tags, tag::{Sanitize, TagLayers}};
    /// let own = Tags::from([("a.b", "1")]);
    /// assert_eq!(TagLayers::new(Sanitize::Apptuit).merge(&own).unwrap().to_tags(), own);
    /// ```
    pub fn new(sanitize: Sanitize) -> Self {
        TagLayers {
            sanitize,
            max_tags: APPTUIT_MAX_TAGS,
            excess: ExcessTags::default(),
            layers: 0,
            base: Vec::new(),
            collisions: Vec::new(),
        }
    }

    /// Allows another number of tags than [`APPTUIT_MAX_TAGS`].
    ///
    /// ```
    /// # use tagmeter::{Tags, tag::{Sanitize, TagLayers}};
    /// let layers = TagLayers::new(Sanitize::Apptuit).max_tags(1);
    /// assert!(layers.merge(&Tags::from([("a", "1"), ("b", "2")])).is_err());
    /// ```
    #[must_use]
    pub fn max_tags(mut self, max_tags: usize) -> Self {
        self.max_tags = max_tags;
        self
    }

    /// What becomes of a metric with more tags than that; [`ExcessTags::Refuse`] unless said.
    ///
    /// ```
    /// # use tagmeter::{Tags, tag::{ExcessTags, Sanitize, TagLayers}};
    /// let layers = TagLayers::new(Sanitize::Apptuit).max_tags(1).excess(ExcessTags::DropShared);
    /// let layers = layers.layer(&Tags::from([("host", "web-1")]))?;
    /// let merged = layers.merge(&Tags::from([("route", "/orders")]))?.to_tags();
    /// assert_eq!(merged, Tags::from([("route", "/orders")]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn excess(mut self, policy: ExcessTags) -> Self {
        self.excess = policy;
        self
    }

    /// Puts tags on top of the layers so far.
    ///
    /// # Errors
    ///
    /// A key is empty or, in mode [`Sanitize::None`], illegal.
    ///
    /// ```
    /// # use tagmeter::{Tags, tag::{Sanitize, TagLayers}};
    /// assert!(TagLayers::new(Sanitize::None).layer(&Tags::from([("a b", "1")])).is_err());
    /// ```
    pub fn layer(mut self, tags: &Tags) -> Result<Self, IllegalName> {
        let own = sanitized(self.sanitize, tags, self.layers, &mut self.collisions)?;
        self.layers += 1;
        self.base = over(own, &self.base, &mut self.collisions).into_iter().map(Sent::into_owned).collect();
        Ok(self)
    }

    /// Keys of the layers that became the same.
    ///
    /// ```
    /// # use tagmeter::{Tags, tag::{Sanitize, TagLayers}};
    /// let layers = TagLayers::new(Sanitize::Prometheus).layer(&Tags::from([("a.b", "1"), ("a_b", "2")])).unwrap();
    /// assert_eq!(layers.collisions()[0].to_string(), r#"tags "a.b" and "a_b" are both sent as "a_b", "a_b" counts"#);
    /// ```
    pub fn collisions(&self) -> &[Collision] {
        &self.collisions
    }

    /// The tags a metric is sent with: its own over all layers.
    ///
    /// # Errors
    ///
    /// A key is empty or illegal, there are no tags at all, or more than the limit, counted as they are sent (with
    /// [`ExcessTags::DropShared`]: the metric's own are more than that).
    ///
    /// ```
    /// # use tagmeter::{Tags, tag::{MergeError, Sanitize, TagLayers}};
    /// let layers = TagLayers::new(Sanitize::Prometheus);
    /// assert_eq!(layers.merge(&Tags::new()).unwrap_err(), MergeError::NoTags);
    /// ```
    pub fn merge<'a>(&'a self, own: &'a Tags) -> Result<MergedTags<'a>, MergeError> {
        let mut collisions = Vec::new();
        let own = sanitized(self.sanitize, own, OWN, &mut collisions)?;
        let mut tags = over(own, &self.base, &mut collisions);
        let dropped = self.drop_excess(&mut tags);
        match tags.len() {
            0 => Err(MergeError::NoTags),
            found if found > self.max_tags => Err(MergeError::TooManyTags { found, limit: self.max_tags }),
            _ => Ok(MergedTags { tags, collisions, dropped }),
        }
    }

    fn drop_excess(&self, tags: &mut Vec<Sent<'_>>) -> Vec<DroppedTag> {
        let mut dropped = Vec::new();
        while self.excess == ExcessTags::DropShared && tags.len() > self.max_tags {
            let shared = tags.iter().enumerate().filter(|(_, tag)| tag.rank != OWN);
            // The last of the lowest rank.
            let Some((at, _)) = shared.rev().min_by_key(|(_, tag)| tag.rank) else { break };
            dropped.push(DroppedTag { key: tags.remove(at).key.into_owned(), limit: self.max_tags });
        }
        dropped
    }
}

/// The tags of one metric as they are sent: sorted by key, no key twice.
#[derive(Debug, Clone)]
pub struct MergedTags<'a> {
    tags: Vec<Sent<'a>>,
    collisions: Vec<Collision>,
    dropped: Vec<DroppedTag>,
}

impl MergedTags<'_> {
    /// Keys and values, sorted by key.
    ///
    /// ```
    /// # use tagmeter::{Tags, tag::{Sanitize, TagLayers}};
    /// let (layers, own) = (TagLayers::new(Sanitize::Prometheus), Tags::from([("a.b", "1")]));
    /// assert_eq!(layers.merge(&own).unwrap().iter().next(), Some(("a_b", "1")));
    /// ```
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + Clone {
        self.tags.iter().map(|tag| (&*tag.key, &*tag.value))
    }

    /// The tags on their own.
    ///
    /// ```
    /// # use tagmeter::{Tags, tag::{Sanitize, TagLayers}};
    /// let (layers, own) = (TagLayers::new(Sanitize::Prometheus), Tags::from([("a.b", "1")]));
    /// assert_eq!(layers.merge(&own).unwrap().to_tags(), Tags::from([("a_b", "1")]));
    /// ```
    pub fn to_tags(&self) -> Tags {
        self.iter().collect()
    }

    /// The metric's keys that became the same as another of its own or of a layer; those among the layers themselves are
    /// in [`TagLayers::collisions`].
    ///
    /// ```
    /// # use tagmeter::{Tags, tag::{Sanitize, TagLayers}};
    /// let (layers, own) = (TagLayers::new(Sanitize::Prometheus), Tags::from([("a.b", "1"), ("a-b", "2")]));
    /// assert_eq!(layers.merge(&own).unwrap().collisions().len(), 1);
    /// ```
    pub fn collisions(&self) -> &[Collision] {
        &self.collisions
    }

    /// Tags of the layers that were left out because there were too many.
    ///
    /// ```
    /// # use tagmeter::{Tags, tag::{Sanitize, TagLayers}};
    /// let (layers, own) = (TagLayers::new(Sanitize::Prometheus), Tags::from([("a", "1")]));
    /// assert!(layers.merge(&own).unwrap().dropped().is_empty());
    /// ```
    pub fn dropped(&self) -> &[DroppedTag] {
        &self.dropped
    }
}

/// Two keys that are different as given and the same as sent.
///
/// ```
/// use tagmeter::Tags;
/// use tagmeter::tag::{Sanitize, TagLayers};
///
/// let layers = TagLayers::new(Sanitize::Prometheus).layer(&Tags::from([("a.b", "1"), ("a_b", "2")])).unwrap();
/// assert_eq!(layers.collisions()[0].lost, "a.b");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Collision {
    /// The key as sent.
    pub sent: String,
    /// The key, as given, whose value is sent.
    pub kept: String,
    /// The key, as given, whose value is not.
    pub lost: String,
}

impl fmt::Display for Collision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Collision { sent, kept, lost } = self;
        write!(f, "tags {lost:?} and {kept:?} are both sent as {sent:?}, {kept:?} counts")
    }
}

/// Why a metric's tags cannot be sent.
///
/// ```
/// use tagmeter::tag::MergeError;
///
/// let error = MergeError::TooManyTags { found: 26, limit: 25 };
/// assert_eq!(error.to_string(), "26 tags are too many, expected at most 25");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// A key cannot be sent.
    #[error(transparent)]
    IllegalKey(#[from] IllegalName),
    /// Neither the metric nor a layer has a tag.
    #[error(
        "there are no tags, expected at least one of the metric, the reporter or client, or the environment"
    )]
    NoTags,
    /// More tags than allowed are left after sanitizing and merging.
    #[error("{found} tags are too many, expected at most {limit}")]
    TooManyTags {
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
}

impl Sent<'_> {
    fn into_owned(self) -> Sent<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Sent { key: own(self.key), raw: own(self.raw), value: own(self.value), rank: self.rank }
    }

    fn borrowed(&self) -> Sent<'_> {
        Sent {
            key: Cow::Borrowed(&self.key),
            raw: Cow::Borrowed(&self.raw),
            value: Cow::Borrowed(&self.value),
            rank: self.rank,
        }
    }

    /// Notes that this tag took the place of another, if the two were different as given.
    fn took_the_place_of(&self, lost: &Sent<'_>, collisions: &mut Vec<Collision>) {
        if self.raw != lost.raw {
            collisions.push(Collision {
                sent: self.key.to_string(),
                kept: self.raw.to_string(),
                lost: lost.raw.to_string(),
            });
        }
    }
}

/// Tags of one rank as they are sent: sorted by key, no key twice.
fn sanitized<'a>(
    sanitize: Sanitize,
    tags: &'a Tags,
    rank: Rank,
    collisions: &mut Vec<Collision>,
) -> Result<Vec<Sent<'a>>, IllegalName> {
    let sent = tags.iter().map(|(raw, value)| {
        Ok(Sent { key: sanitize.check(raw)?, raw: Cow::Borrowed(raw), value: Cow::Borrowed(value), rank })
    });
    let mut sent = sent.collect::<Result<Vec<_>, _>>()?;
    // Stable: equal keys stay in the order of the keys as given, so that the last of these is kept.
    sent.sort_by(|a, b| a.key.cmp(&b.key));
    sent.dedup_by(|later, kept| {
        let same = later.key == kept.key;
        if same {
            later.took_the_place_of(kept, collisions);
            std::mem::swap(later, kept);
        }
        same
    });
    Ok(sent)
}

/// Both lists in one, the higher one's tag where a key is in both.
fn over<'a>(
    higher: Vec<Sent<'a>>,
    lower: &'a [Sent<'static>],
    collisions: &mut Vec<Collision>,
) -> Vec<Sent<'a>> {
    let mut merged = Vec::with_capacity(higher.len() + lower.len());
    let mut lower = lower.iter().peekable();
    for tag in higher {
        while let Some(below) = lower.next_if(|below| below.key <= tag.key) {
            match below.key.cmp(&tag.key) {
                Ordering::Equal => tag.took_the_place_of(below, collisions),
                _ => merged.push(below.borrowed()),
            }
        }
        merged.push(tag);
    }
    merged.extend(lower.map(Sent::borrowed));
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn prometheus(layers: &[&Tags]) -> TagLayers {
        let none = TagLayers::new(Sanitize::Prometheus);
        layers.iter().fold(none, |below, tags| below.layer(tags).unwrap())
    }

    #[test]
    fn rank_decides_where_keys_become_the_same() {
        let environment = Tags::from([("a_b", "e1"), ("a.b", "e2")]);
        let reporter = Tags::from([("a_b", "r")]);
        let layers = prometheus(&[&environment, &reporter]);
        assert_eq!(layers.merge(&Tags::new()).unwrap().to_tags(), Tags::from([("a_b", "r")]));
        assert_eq!(layers.merge(&[("a-b", "m")].into()).unwrap().to_tags(), Tags::from([("a_b", "m")]));
    }

    #[test]
    fn the_last_in_sorted_order_counts_among_equals() {
        let own = Tags::from([("a_b", "3"), ("a-b", "2"), ("a.b", "1")]);
        let layers = prometheus(&[]);
        let merged = layers.merge(&own).unwrap();
        assert_eq!(merged.to_tags(), Tags::from([("a_b", "3")]));
        assert_eq!(merged.collisions().iter().map(|c| c.lost.as_str()).collect::<Vec<_>>(), ["a-b", "a.b"]);
    }

    #[test]
    fn overriding_the_same_key_is_no_collision() {
        let layers = prometheus(&[&[("a.b", "1")].into(), &[("a.b", "2")].into()]);
        assert!(layers.collisions().is_empty());
        assert!(layers.merge(&[("a.b", "3")].into()).unwrap().collisions().is_empty());
        assert_eq!(layers.merge(&[("a_b", "3")].into()).unwrap().collisions().len(), 1);
    }

    #[test]
    fn tags_are_counted_as_they_are_sent() {
        let raw: Tags = (0..13).flat_map(|n| [(format!("k.{n}"), "v"), (format!("k_{n}"), "v")]).collect();
        assert_eq!(prometheus(&[]).merge(&raw).unwrap().iter().len(), 13);
        let found = TagLayers::new(Sanitize::Apptuit).merge(&raw).unwrap_err();
        assert_eq!(found, MergeError::TooManyTags { found: 26, limit: APPTUIT_MAX_TAGS });
    }

    #[test]
    fn an_empty_key_is_refused_in_every_mode() {
        let refused = MergeError::IllegalKey(IllegalName::Empty);
        assert_eq!(prometheus(&[]).merge(&[("", "v")].into()).unwrap_err(), refused);
    }

    fn tags() -> impl Strategy<Value = Tags> {
        prop::collection::vec(("[ab][._-][ab]|[a-d]", "[xy]?"), 0..6).prop_map(Tags::from)
    }

    proptest! {
        #[test]
        fn we_agree_with_a_map_written_lowest_rank_first(layers in prop::collection::vec(tags(), 0..4), own in tags()) {
            let mut oracle = BTreeMap::new();
            for tags in layers.iter().chain([&own]) {
                oracle.extend(tags.iter().map(|(key, value)| (Sanitize::Prometheus.apply(key).into_owned(), value)));
            }
            let layers = prometheus(&layers.iter().collect::<Vec<_>>());
            match layers.merge(&own) {
                Ok(merged) => {
                    prop_assert!(merged.iter().eq(oracle.iter().map(|(key, value)| (key.as_str(), *value))));
                    prop_assert!(merged.iter().map(|(key, _)| key).is_sorted());
                }
                Err(error) => prop_assert!(error == MergeError::NoTags && oracle.is_empty()),
            }
        }

        #[test]
        fn every_key_is_sent_or_in_a_collision(below in tags(), own in tags()) {
            let layers = prometheus(&[&below]);
            let Ok(merged) = layers.merge(&own) else { return Ok(()) };
            let mut given: Vec<&str> = below.iter().chain(own.iter()).map(|(key, _)| key).collect();
            given.sort();
            given.dedup();
            let mut lost: Vec<_> = layers.collisions().iter().chain(merged.collisions()).map(|c| &c.lost).collect();
            lost.sort();
            lost.dedup();
            prop_assert!(given.len() <= merged.iter().len() + lost.len());
        }
    }
}
