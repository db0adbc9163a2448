//! The series of a family: values of their own, tags that all snapshots share.
//!
//! One count up and down for each series' tags would cost more than writing its line on a page. So tags lie in chunks, and
//! a snapshot holds each chunk once and, for each series, its place in the chunk.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use foldhash::fast::RandomState;

use super::{Exemplar, Value};
use crate::nanos;
use crate::tag::Tags;
use crate::tag::label::{LabelText, LabelTexts};
#[cfg(feature = "protobuf")]
use crate::tag::pairs::LabelPairs;

/// One series: tags and a value.
///
/// ```
/// let registry = tagmeter::Registry::new();
/// registry.counter(("orders", [("city", "Oslo")])).inc();
/// let snapshot = registry.snapshot();
/// let orders = snapshot.families()[0].series.first().unwrap();
/// assert_eq!(orders.tags.get("city"), Some("Oslo"));
/// assert_eq!(orders.value.number(), Some(1.0));
/// assert!(orders.start() <= snapshot.taken_at());
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Series<'a> {
    /// What tells it apart from its family's other series.
    pub tags: &'a Tags,
    /// What it counted or measured.
    pub value: &'a Value,
    pub(crate) start: Nanos,
    /// The list's, looked through only where somebody asks: most series have none, and most pages show none.
    exemplars: &'a [(usize, Box<[Exemplar]>)],
    at: usize,
}

impl<'a> Series<'a> {
    /// When it began to count. 1970-01-01 stands for a time that nobody knows, as of counts that collectors bring.
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// registry.counter("orders").inc();
    /// let snapshot = registry.snapshot();
    /// assert!(snapshot.families()[0].series.iter().all(|series| series.start() <= snapshot.taken_at()));
    /// ```
    pub fn start(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(self.start)
    }

    /// Some of the values that it is made of, the oldest first: each lies in a bucket that is not empty, or is at most the
    /// total.
    ///
    /// ```
    /// let registry = tagmeter::Registry::new();
    /// registry.histogram("sizes").record_with_exemplar(7.0, [("trace_id", "4bf92f35")]);
    /// let snapshot = registry.snapshot();
    /// let sizes = snapshot.families()[0].series.first().unwrap();
    /// assert_eq!(sizes.exemplars().next().map(|exemplar| exemplar.value()), Some(7.0));
    /// ```
    pub fn exemplars(self) -> impl Iterator<Item = &'a Exemplar> {
        let found = self.exemplars.binary_search_by_key(&self.at, |(at, _)| *at).ok();
        let all = found.and_then(|found| self.exemplars.get(found)).map_or(&[][..], |(_, all)| all);
        all.iter().filter(move |exemplar| self.value.holds(exemplar))
    }
}

impl PartialEq for Series<'_> {
    fn eq(&self, other: &Self) -> bool {
        let same = (self.tags, self.value, self.start) == (other.tags, other.value, other.start);
        same && self.exemplars().eq(other.exemplars())
    }
}

impl fmt::Debug for Series<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exemplars: Vec<&Exemplar> = self.exemplars().collect();
        let mut series = f.debug_struct("Series");
        series.field("tags", self.tags).field("value", self.value).field("start", &self.start);
        series.field("exemplars", &exemplars).finish()
    }
}

/// Nanoseconds since 1970; times before then are 0, those after 2554 the greatest.
pub(crate) type Nanos = u64;

pub(crate) fn nanos(time: SystemTime) -> Nanos {
    let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    nanos::of(since_epoch)
}

/// Series, in the order of their creation.
///
/// ```
/// use std::time::SystemTime;
/// use tagmeter::{Tags, model::{SeriesList, Value}};
///
/// let mut levels = SeriesList::new();
/// levels.push(Tags::from([("queue", "mail")]), Value::Gauge(3.0), SystemTime::now());
/// for series in levels.iter() {
///     assert_eq!(series.value, &Value::Gauge(3.0));
/// }
/// ```
#[derive(Clone, Default)]
pub struct SeriesList {
    parts: Vec<Part>,
    /// The position of a series, and its exemplars; of those that have some, in order.
    exemplars: Vec<(usize, Box<[Exemplar]>)>,
}

/// The series whose tags lie in one chunk, each at the place of its tags. Values and starts apart: a page needs no starts.
#[derive(Clone, Default)]
struct Part {
    identities: Arc<Chunk>,
    /// `None` where a series is left out.
    values: Vec<Option<Value>>,
    starts: Vec<Nanos>,
}

impl SeriesList {
    /// No series.
    ///
    /// ```
    /// assert!(tagmeter::model::SeriesList::new().is_empty());
    /// ```
    pub fn new() -> Self {
        SeriesList::default()
    }

    /// Appends a series. That no other has the same tags is up to the caller.
    ///
    /// See the type's example.
    pub fn push(&mut self, tags: impl Into<Tags>, value: Value, start: SystemTime) {
        if self.parts.last().is_none_or(|part| part.identities.is_full()) {
            self.parts.push(Part::default());
        }
        if let Some(part) = self.parts.last_mut() {
            Arc::make_mut(&mut part.identities).push(tags.into());
            part.values.push(Some(value));
            part.starts.push(nanos(start));
        }
    }

    /// Gives the series that was appended last these exemplars, the oldest first. Those that cannot be of its values are
    /// not shown.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use tagmeter::{Tags, model::{Exemplar, Number, SeriesList, Value}};
    ///
    /// let (mut orders, now) = (SeriesList::new(), SystemTime::now());
    /// orders.push(Tags::new(), Value::Counter(Number::Integer(3)), now);
    /// orders.exemplify([Exemplar::new([("trace_id", "4bf92f35")], 1.0, now)?]);
    /// assert_eq!(orders.first().map(|series| series.exemplars().count()), Some(1));
    /// # Ok::<(), tagmeter::model::InvalidExemplar>(())
    /// ```
    pub fn exemplify(&mut self, exemplars: impl IntoIterator<Item = Exemplar>) {
        let Some(last) = self.positions().checked_sub(1) else { return };
        self.exemplars.pop_if(|(at, _)| *at == last);
        let exemplars: Box<[Exemplar]> = exemplars.into_iter().collect();
        if !exemplars.is_empty() {
            self.exemplars.push((last, exemplars));
        }
    }

    /// Those of series that were left out among them.
    fn positions(&self) -> usize {
        self.parts.iter().map(|part| part.values.len()).sum()
    }

    /// Whether any series has exemplars.
    pub(crate) fn has_exemplars(&self) -> bool {
        !self.exemplars.is_empty()
    }

    /// The series, in the order of their creation.
    ///
    /// ```
    /// # let registry = tagmeter::Registry::new();
    /// registry.counter(("orders", [("city", "Oslo")])).inc();
    /// registry.counter(("orders", [("city", "Bergen")])).inc();
    /// let snapshot = registry.snapshot();
    /// let cities: Vec<_> = snapshot.families()[0].series.iter().map(|series| series.tags.get("city")).collect();
    /// assert_eq!(cities, [Some("Oslo"), Some("Bergen")]);
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = Series<'_>> + Clone {
        let before = self.parts.iter().scan(0, |before, part| {
            let here = *before;
            *before += part.values.len();
            Some(here)
        });
        self.parts.iter().zip(before).flat_map(move |(Part { identities, values, starts }, before)| {
            let read = identities.tags.iter().zip(values).zip(starts).enumerate();
            read.filter_map(move |(place, ((tags, value), start))| {
                let (value, start) = (value.as_ref()?, *start);
                Some(Series { tags, value, start, exemplars: &self.exemplars, at: before + place })
            })
        })
    }

    /// The series made first.
    ///
    /// ```
    /// assert_eq!(tagmeter::model::SeriesList::new().first(), None);
    /// ```
    pub fn first(&self) -> Option<Series<'_>> {
        self.iter().next()
    }

    /// How many there are.
    ///
    /// ```
    /// assert_eq!(tagmeter::model::SeriesList::new().len(), 0);
    /// ```
    pub fn len(&self) -> usize {
        self.parts.iter().flat_map(|part| &part.values).flatten().count()
    }

    /// Whether there are none.
    ///
    /// ```
    /// assert!(tagmeter::model::SeriesList::new().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.first().is_none()
    }

    /// Series with these tags, one reading for each in their order; `None` leaves a series out.
    pub(crate) fn of(
        identities: &Identities,
        mut readings: impl Iterator<Item = Option<(Value, Nanos)>>,
    ) -> Self {
        let parts = identities.chunks.iter().map(|chunk| Part::of(chunk.clone(), &mut readings));
        SeriesList { parts: parts.collect(), exemplars: Vec::new() }
    }

    /// With the exemplars of series, by their positions, rising.
    pub(crate) fn with_exemplars(mut self, exemplars: Vec<(usize, Box<[Exemplar]>)>) -> Self {
        self.exemplars = exemplars;
        self
    }

    /// Hands each series to `take`, with its position and the labels that its tags become in a family without a label of
    /// its own.
    ///
    /// Two plain loops: as an iterator it would cost a page as much as the numbers on it.
    #[inline]
    pub(crate) fn each_labelled<'a>(&'a self, take: impl FnMut(usize, Series<'a>, LabelText<'a>)) {
        self.each_with(|identities| identities.labels().iter(), take);
    }

    /// The same with labels as protobuf has them.
    #[cfg(feature = "protobuf")]
    #[inline]
    pub(crate) fn each_paired<'a>(&'a self, take: impl FnMut(usize, Series<'a>, &'a [u8])) {
        self.each_with(|identities| identities.pairs().iter(), take);
    }

    /// Hands `take` when each series began, and how many bytes its labels are in protobuf.
    #[cfg(feature = "protobuf")]
    #[inline]
    pub(crate) fn each_pairs_len(&self, mut take: impl FnMut(Nanos, usize)) {
        for Part { identities, values, starts } in &self.parts {
            let read = values.iter().zip(starts).zip(identities.pairs().lengths());
            for ((value, start), length) in read {
                if value.is_some() {
                    take(*start, *length);
                }
            }
        }
    }

    #[inline]
    fn each_with<'a, L: Iterator>(
        &'a self,
        labels: impl Fn(&'a Chunk) -> L,
        mut take: impl FnMut(usize, Series<'a>, L::Item),
    ) {
        let mut before = 0;
        for Part { identities, values, starts } in &self.parts {
            let read = identities.tags.iter().zip(values).zip(starts).zip(labels(identities));
            for (place, (((tags, value), start), labels)) in read.enumerate() {
                if let Some(value) = value {
                    let (at, exemplars) = (before + place, self.exemplars.as_slice());
                    take(at, Series { tags, value, start: *start, exemplars, at }, labels);
                }
            }
            before += values.len();
        }
    }

    /// Tags, values to change, and starts.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&Tags, &mut Value, Nanos)> {
        self.parts.iter_mut().flat_map(|Part { identities, values, starts }| {
            let read = identities.tags.iter().zip(values).zip(starts);
            read.filter_map(|((tags, value), start)| Some((tags, value.as_mut()?, *start)))
        })
    }

    /// The same series under other tags.
    pub(crate) fn retagged(self, tags_of: impl Fn(&Tags) -> Tags) -> Self {
        let retagged = |mut part: Part| {
            let mut identities = Chunk::default();
            part.identities.tags.iter().for_each(|tags| identities.push(tags_of(tags)));
            part.identities = Arc::new(identities);
            part
        };
        SeriesList { parts: self.parts.into_iter().map(retagged).collect(), exemplars: self.exemplars }
    }

    /// Puts the series of another list behind these. Tags that both have come twice: see [`unite`](SeriesList::unite).
    pub(crate) fn append(&mut self, mut other: SeriesList) {
        let before = self.positions();
        self.parts.append(&mut other.parts);
        self.exemplars.extend(other.exemplars.into_iter().map(|(at, own)| (before + at, own)));
    }

    /// Leaves each tags' first series. `met` is given its value and its start, with those of every other one.
    pub(crate) fn unite(&mut self, mut met: impl FnMut((&mut Value, &mut Nanos), (Value, Nanos))) {
        let mut first_with: HashMap<Tags, (usize, usize), RandomState> = HashMap::default();
        for number in 0..self.parts.len() {
            let identities = self.parts[number].identities.clone();
            for (at, tags) in identities.tags.iter().enumerate() {
                if self.parts[number].values[at].is_none() {
                    continue;
                }
                let (first, place) = *first_with.entry(tags.clone()).or_insert((number, at));
                if (first, place) == (number, at) {
                    continue;
                }
                let (other, began) = (self.parts[number].values[at].take(), self.parts[number].starts[at]);
                let Part { values, starts, .. } = &mut self.parts[first];
                if let (Some(first), Some(other)) = (&mut values[place], other) {
                    met((first, &mut starts[place]), (other, began));
                }
            }
        }
    }

    /// Every key of any series, and perhaps of some that were left out. `None` where the series have more different
    /// keys than are worth remembering.
    pub(crate) fn keys(&self) -> Option<BTreeSet<&str>> {
        let mut keys = BTreeSet::new();
        for part in &self.parts {
            keys.extend(part.identities.keys()?);
        }
        Some(keys)
    }
}

impl Part {
    fn of(identities: Arc<Chunk>, all: &mut impl Iterator<Item = Option<(Value, Nanos)>>) -> Self {
        let len = identities.tags.len();
        let (mut values, mut starts) = (Vec::with_capacity(len), Vec::with_capacity(len));
        // Not a `for`: the iterator over a table's levels and chunks is several times faster from within.
        all.take(len).for_each(|reading| {
            let (value, start) = reading.map_or((None, 0), |(value, start)| (Some(value), start));
            values.push(value);
            starts.push(start);
        });
        Part { identities, values, starts }
    }
}

impl Drop for Part {
    /// Numbers own nothing, but a vector asks each value what it owns: a tenth of what a page of counters costs.
    fn drop(&mut self) {
        if self.values.iter().flatten().all(Value::is_number) {
            std::mem::take(&mut self.values).into_iter().for_each(std::mem::forget);
        }
    }
}

impl<T: Into<Tags>> FromIterator<(T, Value, SystemTime)> for SeriesList {
    fn from_iter<I: IntoIterator<Item = (T, Value, SystemTime)>>(series: I) -> Self {
        let mut list = SeriesList::new();
        series.into_iter().for_each(|(tags, value, start)| list.push(tags, value, start));
        list
    }
}

impl PartialEq for SeriesList {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for SeriesList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Tags of a family's series, in the order of their creation. Only ever grows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Identities {
    chunks: Vec<Arc<Chunk>>,
    len: usize,
}

/// Series whose tags lie together at most. A place in a chunk fits a `u16`.
const CHUNK_SERIES: usize = 1024;
/// With so many series a chunk that a snapshot holds gets no more, and further ones begin the next chunk. With fewer it is
/// copied: a locked operation for each tag set, and each on a line that lookups read. So a chunk is worth its `Arc`, and a
/// copy is short.
const WORTH_A_CHUNK: usize = 64;
/// Series of a chunk that may bring keys which none before them had; with more, its keys are not worth remembering.
const MOST_BRINGING_KEYS: usize = 16;

#[derive(Debug, Clone, Default)]
struct Chunk {
    tags: Vec<Tags>,
    /// Places of the series that brought a key which none before them had.
    brought_keys: Vec<u16>,
    /// Made when a page first asks, so that programs which only push do not pay for it. Together in one text, because a
    /// page takes them one after the other: texts of their own would cost a cache miss a series.
    labels: OnceLock<LabelTexts>,
    /// The same for protobuf.
    #[cfg(feature = "protobuf")]
    pairs: OnceLock<LabelPairs>,
}

impl Identities {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Appends. A snapshot that holds the last chunk stays as it is.
    pub(crate) fn push(&mut self, tags: Tags) {
        if self.chunks.last_mut().is_none_or(is_closed) {
            self.chunks.push(Arc::default());
        }
        if let Some(last) = self.chunks.last_mut() {
            Arc::make_mut(last).push(tags);
            self.len += 1;
        }
    }
}

/// Whether further series go to the next chunk.
fn is_closed(chunk: &mut Arc<Chunk>) -> bool {
    chunk.is_full() || chunk.tags.len() >= WORTH_A_CHUNK && Arc::get_mut(chunk).is_none()
}

impl Chunk {
    fn is_full(&self) -> bool {
        self.tags.len() == CHUNK_SERIES
    }

    /// Appends to a chunk that is not full.
    fn push(&mut self, tags: Tags) {
        let place = self.tags.len() as u16;
        let brings_keys = self.brought_keys.len() <= MOST_BRINGING_KEYS
            && tags.iter().any(|(key, _)| !self.brought_tags().any(|earlier| earlier.get(key).is_some()));
        if brings_keys {
            self.brought_keys.push(place);
        }
        if let Some(labels) = self.labels.get_mut() {
            labels.push(tags.iter());
        }
        #[cfg(feature = "protobuf")]
        if let Some(pairs) = self.pairs.get_mut() {
            pairs.push(tags.iter());
        }
        self.tags.push(tags);
    }

    fn labels(&self) -> &LabelTexts {
        self.labels.get_or_init(|| {
            let mut labels = LabelTexts::default();
            self.tags.iter().for_each(|tags| labels.push(tags.iter()));
            labels
        })
    }

    #[cfg(feature = "protobuf")]
    fn pairs(&self) -> &LabelPairs {
        self.pairs.get_or_init(|| {
            let mut pairs = LabelPairs::default();
            self.tags.iter().for_each(|tags| pairs.push(tags.iter()));
            pairs
        })
    }

    fn brought_tags(&self) -> impl Iterator<Item = &Tags> {
        self.brought_keys.iter().filter_map(|place| self.tags.get(usize::from(*place)))
    }

    fn keys(&self) -> Option<impl Iterator<Item = &str>> {
        let few = self.brought_keys.len() <= MOST_BRINGING_KEYS;
        few.then(|| self.brought_tags().flat_map(|tags| tags.iter().map(|(key, _)| key)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(n: usize) -> Tags {
        Tags::from([("n", n.to_string())])
    }

    fn identities(len: usize) -> Identities {
        let mut identities = Identities::default();
        (0..len).for_each(|n| identities.push(tags(n)));
        identities
    }

    fn gauge(n: usize) -> Option<(Value, Nanos)> {
        Some((Value::Gauge(n as f64), n as Nanos))
    }

    #[test]
    fn a_reading_is_small() {
        assert_eq!(size_of::<Option<Value>>(), 16, "a counter does not carry the size of a histogram");
    }

    #[test]
    fn readings_find_their_tags_over_chunks() {
        let even = |n: usize| if n.is_multiple_of(2) { gauge(n) } else { None };
        let list = SeriesList::of(&identities(3000), (0..5000).map(even));
        assert_eq!(list.len(), 1500);
        let expected = (0..3000).step_by(2);
        assert!(
            list.iter()
                .zip(expected)
                .all(|(series, n)| { *series.tags == tags(n) && *series.value == Value::Gauge(n as f64) })
        );
    }

    #[test]
    fn pushed_and_shared_series_are_equal() {
        let mut identities = identities(1500);
        let shared = SeriesList::of(&identities, (0..1500).map(gauge));
        identities.push(tags(7));
        let start = |n| SystemTime::UNIX_EPOCH + Duration::from_nanos(n as u64);
        let pushed: SeriesList = (0..1500).map(|n| (tags(n), Value::Gauge(n as f64), start(n))).collect();
        assert_eq!(shared, pushed, "and what came later is not seen");
        assert_eq!(identities.len(), 1501);
    }

    #[test]
    fn a_snapshot_that_is_held_has_few_tags_copied_for_what_comes_later() {
        let mut identities = Identities::default();
        let mut held = Vec::new();
        for n in 0..3000 {
            let before = identities.chunks.clone();
            identities.push(tags(n));
            let copied: usize = before
                .iter()
                .zip(&identities.chunks)
                .filter(|(before, after)| !Arc::ptr_eq(before, after))
                .map(|(before, _)| before.tags.len())
                .sum();
            assert!(copied < WORTH_A_CHUNK, "{copied} for series {n}");
            if n.is_multiple_of(97) {
                held.push((n, SeriesList::of(&identities, (0..=n).map(gauge))));
            }
        }
        assert_eq!(identities.len(), 3000);
        assert!(identities.chunks.len() <= 3000 / WORTH_A_CHUNK + 1);
        for (n, list) in held {
            assert!(list.iter().map(|series| series.tags.clone()).eq((0..=n).map(tags)));
        }
        let undisturbed = self::identities(3000);
        assert_eq!(
            undisturbed.chunks.len(),
            3000_usize.div_ceil(CHUNK_SERIES),
            "without snapshots chunks are filled"
        );
    }

    #[test]
    fn of_equal_tags_the_first_meets_the_others() {
        let list = |range: std::ops::Range<usize>| {
            let series = range.map(|n| (tags(n), Value::Gauge(n as f64), SystemTime::UNIX_EPOCH));
            series.collect::<SeriesList>()
        };
        let mut all = list(0..1500);
        all.append(list(1400..1600));
        all.append(list(1599..1700));
        let mut met = Vec::new();
        all.unite(|(first, _), (other, _)| met.push((first.number(), other.number())));
        let both = |n: usize| (Some(n as f64), Some(n as f64));
        assert_eq!(met, (1400..1500).chain([1599]).map(both).collect::<Vec<_>>());
        assert!(all.iter().map(|series| series.tags.clone()).eq((0..1700).map(tags)));
    }

    #[test]
    fn keys_are_known_unless_there_are_too_many() {
        let different = |n: usize| {
            let series = (0..n).map(|n| {
                ([(format!("k{n}"), "v"), ("all".to_owned(), "v")], Value::Gauge(0.0), SystemTime::UNIX_EPOCH)
            });
            series.collect::<SeriesList>()
        };
        assert_eq!(different(2).keys(), Some(BTreeSet::from(["all", "k0", "k1"])));
        assert_eq!(different(MOST_BRINGING_KEYS).keys().map(|keys| keys.len()), Some(MOST_BRINGING_KEYS + 1));
        assert_eq!(different(MOST_BRINGING_KEYS + 1).keys(), None);
    }
}
