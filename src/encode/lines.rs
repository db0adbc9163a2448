//! Writing a page line by line: what text 0.0.4 and OpenMetrics have in common.
//!
//! A series' labels are escaped once, into a buffer of their own, and copied into each of its lines.

use std::io;

use crate::encode::Options;
use crate::encode::exposed::Exposed;
use crate::encode::left_out::LeftOut;
use crate::encode::samples::{Rules, Sample, SampleValue, Sampler, Samples, only_sample};
use crate::model::Snapshot;
use crate::number;
use crate::tag::label::{Quotes, push_escaped};

/// A page is handed on when it has grown to this, so that its size does not decide the memory it takes.
const CHUNK_BYTES: usize = 64 * 1024;

/// How a format differs from the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    pub(crate) rules: Rules,
    /// Appends what stands above a family's samples.
    pub(crate) header: fn(&mut String, &Exposed<'_>),
    /// Appends the value of a sample that is not a count.
    pub(crate) float: fn(&mut String, f64),
    /// What ends the page.
    pub(crate) end: &'static str,
}

impl Format {
    /// The whole page as one text.
    pub(crate) fn to_string(self, snapshot: &Snapshot) -> String {
        let mut page = String::new();
        let kept = self.write(snapshot, &Options::default(), &mut page, |_| Ok(()));
        debug_assert!(kept.is_ok(), "keeping a text in memory does not fail");
        page
    }

    /// The page in chunks.
    pub(crate) fn write_into(
        self,
        snapshot: &Snapshot,
        options: &Options,
        writer: &mut impl io::Write,
    ) -> io::Result<Vec<LeftOut>> {
        let mut page = String::with_capacity(CHUNK_BYTES);
        let left_out = self.write(snapshot, options, &mut page, |page| {
            if page.len() >= CHUNK_BYTES {
                writer.write_all(page.as_bytes())?;
                page.clear();
            }
            Ok(())
        })?;
        writer.write_all(page.as_bytes())?;
        Ok(left_out)
    }

    /// Appends the page to `page`, which `hand_on` may empty after each series.
    fn write(
        self,
        snapshot: &Snapshot,
        options: &Options,
        page: &mut String,
        mut hand_on: impl FnMut(&mut String) -> io::Result<()>,
    ) -> io::Result<Vec<LeftOut>> {
        let samples = Samples::of(snapshot, options, &self.rules);
        let mut sampler = Sampler::new(self.rules);
        for family in &samples.families {
            (self.header)(page, family);
            let mut lines = Lines::new(self.float, &family.name);
            family.try_each(|series| {
                lines.begin_series();
                match only_sample(series.value, series.sum) {
                    Some(sample) => lines.push_bare(page, &series.labels, sample),
                    None => sampler.samples(family, series.value, series.sum, |sample| {
                        lines.push(page, &series.labels, sample);
                    }),
                }
                hand_on(page)
            })?;
        }
        page.push_str(self.end);
        Ok(samples.left_out)
    }
}

/// Writes the lines of one family. Keeps what the next line has in common with the last.
struct Lines<'a> {
    float: fn(&mut String, f64),
    family: &'a str,
    /// The suffix of the last line.
    suffix: &'static str,
    /// Name of the family, suffix and brace.
    name_and_brace: String,
    /// The same, the series' labels and a comma; empty until a line with one label more asks for it.
    opening: String,
}

impl<'a> Lines<'a> {
    fn new(float: fn(&mut String, f64), family: &'a str) -> Self {
        let name_and_brace = format!("{family}{{");
        Lines { float, family, suffix: "", name_and_brace, opening: String::new() }
    }

    fn begin_series(&mut self) {
        self.opening.clear();
    }

    fn push(&mut self, page: &mut String, labels: &str, sample: Sample<'_>) {
        let Some(extra) = sample.extra else {
            return self.push_bare(page, labels, sample);
        };
        self.set_suffix(sample.suffix);
        page.push_str(self.opening(labels));
        page.push_str(extra);
        page.push_str("} ");
        self.push_value(page, sample.value);
    }

    /// Writes a line that has no label but the series' own.
    #[inline]
    fn push_bare(&mut self, page: &mut String, labels: &str, sample: Sample<'_>) {
        self.set_suffix(sample.suffix);
        if labels.is_empty() {
            page.push_str(self.name());
            page.push(' ');
        } else {
            page.push_str(&self.name_and_brace);
            page.push_str(labels);
            page.push_str("} ");
        }
        self.push_value(page, sample.value);
    }

    #[inline]
    fn set_suffix(&mut self, suffix: &'static str) {
        // By address: it is the same constant in each line, and one that is not is only written anew.
        if !std::ptr::eq(suffix, self.suffix) {
            self.change_suffix(suffix);
        }
    }

    fn name(&self) -> &str {
        self.name_and_brace.strip_suffix('{').unwrap_or("")
    }

    #[cold]
    fn change_suffix(&mut self, suffix: &'static str) {
        self.suffix = suffix;
        self.name_and_brace.clear();
        [self.family, suffix, "{"].iter().for_each(|part| self.name_and_brace.push_str(part));
        self.opening.clear();
    }

    #[inline]
    fn opening(&mut self, labels: &str) -> &str {
        if self.opening.is_empty() {
            let comma = if labels.is_empty() { "" } else { "," };
            [&*self.name_and_brace, labels, comma].iter().for_each(|part| self.opening.push_str(part));
        }
        &self.opening
    }

    #[inline]
    fn push_value(&self, page: &mut String, value: SampleValue) {
        match value {
            SampleValue::Unsigned(n) => number::push_u64(page, n),
            SampleValue::Signed(n) => number::push_i64(page, n),
            SampleValue::Float(x) => (self.float)(page, x),
        }
        page.push('\n');
    }
}

/// Appends `# WORD name rest`.
pub(crate) fn push_comment(
    out: &mut String,
    word: &str,
    name: [&str; 2],
    rest: &str,
    escape: Option<Quotes>,
) {
    out.push_str("# ");
    out.push_str(word);
    out.push(' ');
    name.iter().for_each(|part| out.push_str(part));
    out.push(' ');
    match escape {
        Some(quotes) => push_escaped(out, rest, quotes),
        None => out.push_str(rest),
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
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
