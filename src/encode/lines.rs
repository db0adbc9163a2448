//! Writing a page line by line: what text 0.0.4 and OpenMetrics have in common.
//!
//! A series' labels are escaped once, into a buffer of their own, and copied into each of its lines.

use std::io;

use crate::encode::Options;
use crate::encode::exposed::{Exposed, Shown, Type};
use crate::encode::left_out::LeftOut;
use crate::encode::page::Page;
use crate::encode::samples::{Rules, Sample, SampleValue, Sampler, Samples, only_number};
use crate::model::{Exemplar, Nanos, Snapshot};
use crate::number;
use crate::tag::label::{LabelText, Quotes, push_escaped, push_label};

/// How a format differs from the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    pub(crate) rules: Rules,
    /// Appends what stands above a family's samples.
    pub(crate) header: fn(&mut String, &Exposed<'_>),
    /// Appends the value of a sample that is not a count.
    pub(crate) float: fn(&mut String, f64),
    /// Whether it has words for exemplars and start times.
    pub(crate) has_extras: bool,
    /// What ends the page.
    pub(crate) end: &'static str,
}

impl Format {
    /// The whole page as one text.
    pub(crate) fn to_string(self, snapshot: &Snapshot) -> String {
        let mut page = Vec::new();
        let kept = self.write_into(snapshot, &Options::default(), &mut page);
        debug_assert!(kept.is_ok(), "keeping a page in memory does not fail");
        String::from_utf8(page).expect("a page is made of whole texts")
    }

    /// Writes the page in chunks.
    pub(crate) fn write_into(
        self,
        snapshot: &Snapshot,
        options: &Options,
        writer: &mut dyn io::Write,
    ) -> io::Result<Vec<LeftOut>> {
        let samples = Samples::of(snapshot, options, &self.rules);
        let mut sampler = Sampler::new(self.rules);
        let mut page = Page::new(writer);
        for family in &samples.families {
            self.write_family(family, options, &mut sampler, &mut page);
            if page.has_failed() {
                break;
            }
        }
        page.push([self.end]);
        page.finish().map(|()| samples.left_out)
    }

    fn write_family(
        self,
        family: &Exposed<'_>,
        options: &Options,
        sampler: &mut Sampler,
        page: &mut Page<'_>,
    ) {
        let mut header = String::new();
        (self.header)(&mut header, family);
        page.push([&header]);
        let created = options.created && has_start(family.kind);
        let more = self.has_extras && (created || family.has_exemplars());
        match family.number_suffix() {
            _ if more => self.write_extras(family, created, sampler, page),
            Some(suffix) if !family.is_quoted() => self.write_numbers(family, suffix, page),
            _ => self.write_samples(family, sampler, page),
        }
    }

    /// Writes the lines of a family whose series are a number each. A loop of its own, with little in it: such families
    /// are the large ones.
    #[inline(never)]
    fn write_numbers(self, family: &Exposed<'_>, suffix: &str, page: &mut Page<'_>) {
        let name = [&family.name, suffix].concat();
        let mut number = Digits::new(self.float);
        family.each(|series| {
            if let Some(value) = only_number(series.value) {
                page.push([&name, series.labels.as_str(), number.of(value), "\n"]);
            }
        });
    }

    fn write_samples(self, family: &Exposed<'_>, sampler: &mut Sampler, page: &mut Page<'_>) {
        let mut lines = Lines::new(self.float, family);
        family.each(|series| {
            lines.begin_series();
            sampler.samples(family, series.value, &[], |sample| lines.push(page, series.labels, sample));
        });
    }

    /// As [`write_samples`](Self::write_samples), with exemplars and, if so wanted, start times.
    fn write_extras(self, family: &Exposed<'_>, created: bool, sampler: &mut Sampler, page: &mut Page<'_>) {
        let mut lines = Lines::new(self.float, family);
        let mut start = String::new();
        family.each(|Shown { value, series, labels }| {
            lines.begin_series();
            let exemplars: Vec<&Exemplar> = series.exemplars().collect();
            sampler.samples(family, value, &exemplars, |sample| lines.push(page, labels, sample));
            let since = value.counts_since(series.start);
            if created && since > UNKNOWN {
                start.clear();
                number::push_seconds(&mut start, since);
                lines.push_text(page, labels, "_created", &start);
            }
        });
    }
}

/// In the place of a start that nobody knows: see [`Series::start`](crate::model::Series::start).
const UNKNOWN: Nanos = 0;

/// Whether its series say when they began to count.
fn has_start(kind: Type) -> bool {
    matches!(kind, Type::Counter | Type::Histogram | Type::Summary)
}

/// The text of a value, in buffers that are used again.
struct Digits {
    whole: itoa::Buffer,
    float: fn(&mut String, f64),
    text: String,
}

impl Digits {
    fn new(float: fn(&mut String, f64)) -> Self {
        Digits { whole: itoa::Buffer::new(), float, text: String::new() }
    }

    #[inline]
    fn of(&mut self, value: SampleValue) -> &str {
        match value {
            SampleValue::Unsigned(n) => self.whole.format(n),
            SampleValue::Signed(n) => self.whole.format(n),
            SampleValue::Float(x) => {
                self.text.clear();
                (self.float)(&mut self.text, x);
                &self.text
            }
        }
    }
}

/// Writes the lines of one family. Keeps what the next line has in common with the last.
///
/// `name{labels} 1`, or `{"the name",labels} 1` where the name stands in quotes.
struct Lines<'a> {
    family: &'a Exposed<'a>,
    is_quoted: bool,
    /// The suffix of the last line.
    suffix: &'static str,
    /// The family's name and that suffix.
    name: String,
    /// The same with a brace, the series' labels and a comma, if something comes before it; empty until a line asks for
    /// it.
    opening: String,
    number: Digits,
}

impl<'a> Lines<'a> {
    fn new(float: fn(&mut String, f64), family: &'a Exposed<'a>) -> Self {
        let (name, number) = (family.name_with(""), Digits::new(float));
        let is_quoted = family.is_quoted();
        Lines { family, is_quoted, suffix: "", name, opening: String::new(), number }
    }

    fn begin_series(&mut self) {
        self.opening.clear();
    }

    #[inline]
    fn push(&mut self, page: &mut Page<'_>, labels: LabelText<'_>, sample: Sample<'_>) {
        self.set_suffix(sample.suffix);
        match sample.extra {
            _ if sample.exemplar.is_some() => self.push_exemplified(page, labels, sample),
            None if !self.is_quoted => {
                page.push([&self.name, labels.as_str(), self.number.of(sample.value), "\n"])
            }
            None => {
                self.open(labels);
                let opening = self.opening.strip_suffix(',').unwrap_or(&self.opening);
                page.push([opening, "} ", self.number.of(sample.value), "\n"]);
            }
            Some(extra) => {
                self.open(labels);
                page.push([&self.opening, extra, "} ", self.number.of(sample.value), "\n"]);
            }
        }
    }

    #[cold]
    fn push_exemplified(&mut self, page: &mut Page<'_>, labels: LabelText<'_>, sample: Sample<'_>) {
        let mut end = self.number.of(sample.value).to_owned();
        sample.exemplar.into_iter().for_each(|exemplar| push_exemplar(&mut end, exemplar, self.number.float));
        self.push_end(page, labels, sample.extra, &end);
    }

    /// Appends a line with this text for a number.
    fn push_text(&mut self, page: &mut Page<'_>, labels: LabelText<'_>, suffix: &'static str, number: &str) {
        self.set_suffix(suffix);
        self.push_end(page, labels, None, number);
    }

    /// Appends a line that ends in this text.
    fn push_end(&mut self, page: &mut Page<'_>, labels: LabelText<'_>, extra: Option<&str>, end: &str) {
        if extra.is_none() && !self.is_quoted {
            return page.push([&self.name, labels.as_str(), end, "\n"]);
        }
        self.open(labels);
        let opening = extra.map_or_else(|| self.opening.strip_suffix(','), |_| None);
        page.push([opening.unwrap_or(&self.opening), extra.unwrap_or(""), "} ", end, "\n"]);
    }

    #[inline]
    fn set_suffix(&mut self, suffix: &'static str) {
        // By address: it is the same constant in each line, and one that is not is only written anew.
        if !std::ptr::eq(suffix, self.suffix) {
            self.change_suffix(suffix);
        }
    }

    #[cold]
    fn change_suffix(&mut self, suffix: &'static str) {
        self.suffix = suffix;
        if self.is_quoted {
            self.name = self.family.name_with(suffix);
        } else {
            // Three times a histogram: not worth looking at each character of the name again.
            self.name.clear();
            [&self.family.name, suffix].iter().for_each(|part| self.name.push_str(part));
        }
        self.opening.clear();
    }

    #[inline]
    fn open(&mut self, labels: LabelText<'_>) {
        if self.opening.is_empty() {
            let labels = labels.inner();
            let comma = if labels.is_empty() { "" } else { "," };
            let [first, second, third] =
                if self.is_quoted { ["{", &self.name, ","] } else { [&self.name, "{", ""] };
            [first, second, third, labels, comma].iter().for_each(|part| self.opening.push_str(part));
        }
    }
}

/// Appends ` # {labels} value time`.
fn push_exemplar(out: &mut String, exemplar: &Exemplar, float: fn(&mut String, f64)) {
    out.push_str(" # {");
    for (at, (name, value)) in exemplar.labels().enumerate() {
        if at > 0 {
            out.push(',');
        }
        push_label(out, name, value);
    }
    out.push_str("} ");
    float(out, exemplar.value());
    out.push(' ');
    number::push_seconds(out, exemplar.nanos());
}

/// Appends `# WORD name rest`.
pub(crate) fn push_comment(out: &mut String, word: &str, name: &str, rest: &str, escape: Option<Quotes>) {
    ["# ", word, " ", name, " "].iter().for_each(|part| out.push_str(part));
    match escape {
        Some(quotes) => push_escaped(out, rest, quotes),
        None => out.push_str(rest),
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::page::CHUNK_BYTES;
    use crate::encode::text;
    use crate::registry::Registry;

    /// Remembers how much came at a time.
    #[derive(Default)]
    struct Chunks(Vec<usize>);

    impl io::Write for Chunks {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.push(bytes.len());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_large_page_is_handed_on_in_chunks() {
        let registry = Registry::new();
        let hits = registry.define("hits").tags(["n"]).counters().unwrap();
        (0..9000).for_each(|n| hits.with([&format!("{n:030}")]).inc());
        let snapshot = registry.snapshot();
        let mut chunks = Chunks::default();
        text::encode_into(&snapshot, &mut chunks).unwrap();
        assert_eq!(chunks.0.iter().sum::<usize>(), snapshot.to_text().len());
        assert!(
            chunks.0.len() > 5 && chunks.0.iter().all(|bytes| *bytes < CHUNK_BYTES + 100),
            "{chunks:?}",
            chunks = chunks.0
        );
    }

    #[test]
    fn a_writer_that_fails_is_heard() {
        let registry = Registry::new();
        registry.counter("hits").inc();
        let mut nowhere: &mut [u8] = &mut [];
        let error = text::encode_into(&registry.snapshot(), &mut nowhere).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WriteZero);
    }
}
