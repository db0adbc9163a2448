//! Families that were read, as a page again: what text and OpenMetrics have in common.

use crate::encode::push_name;
use crate::number;
use crate::parse::{Exemplar, ParsedFamily, ParsedSample};
use crate::tag::label::{self, Quotes};

/// How a format writes what was read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    /// The word of its type.
    pub(crate) word: fn(&ParsedFamily) -> &'static str,
    /// Appends a time in seconds.
    pub(crate) time: fn(&mut String, f64),
    /// How quotes stand in help texts.
    pub(crate) quotes: Quotes,
    /// Whether it has words for exemplars; where not, they are left out.
    pub(crate) exemplars: bool,
}

impl Format {
    pub(crate) fn push_family(self, page: &mut String, family: &ParsedFamily) {
        begin_comment(page, "TYPE", family);
        page.push_str((self.word)(family));
        page.push('\n');
        if !family.unit.is_empty() {
            begin_comment(page, "UNIT", family);
            page.push_str(&family.unit);
            page.push('\n');
        }
        if !family.help.is_empty() {
            begin_comment(page, "HELP", family);
            label::push_escaped(page, &family.help, self.quotes);
            page.push('\n');
        }
        family.samples.iter().for_each(|sample| self.push_sample(page, sample));
    }

    fn push_sample(self, page: &mut String, sample: &ParsedSample) {
        push_start(page, sample);
        self.push_point(page, sample.value, sample.timestamp);
        if let Some(Exemplar { labels, value, timestamp }) =
            sample.exemplar.as_ref().filter(|_| self.exemplars)
        {
            page.push_str(" # {");
            push_labels(page, labels);
            page.push('}');
            self.push_point(page, *value, *timestamp);
        }
        page.push('\n');
    }

    fn push_point(self, page: &mut String, value: f64, time: Option<f64>) {
        page.push(' ');
        number::push_f64(page, value);
        if let Some(time) = time {
            page.push(' ');
            (self.time)(page, time);
        }
    }
}

fn begin_comment(page: &mut String, word: &str, family: &ParsedFamily) {
    ["# ", word, " "].iter().for_each(|part| page.push_str(part));
    push_name(page, &family.name);
    page.push(' ');
}

/// `name`, `name{labels}` or `{"name",labels}`.
fn push_start(page: &mut String, sample: &ParsedSample) {
    let mut name = String::new();
    push_name(&mut name, &sample.name);
    let is_quoted = name.starts_with('"');
    let (before, between) = if is_quoted { ("{", ",") } else { ("", "{") };
    [before, &name].iter().for_each(|part| page.push_str(part));
    if !sample.labels.is_empty() {
        page.push_str(between);
        push_labels(page, &sample.labels);
    }
    if is_quoted || !sample.labels.is_empty() {
        page.push('}');
    }
}

fn push_labels(page: &mut String, labels: &[(String, String)]) {
    for (at, (name, value)) in labels.iter().enumerate() {
        if at > 0 {
            page.push(',');
        }
        label::push_label(page, name, value);
    }
}
