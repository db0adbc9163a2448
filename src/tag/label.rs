//! Tags as Prometheus takes them: labels with legal names and escaped values, as they stand between the braces of a page.
//!
//! Source: Prometheus, "Escaping schemes" (`underscores`, which keeps runs) and "Exposition formats"; the reserved keys
//! are those its formats give a meaning.

use std::borrow::Cow;

/// Label names that formats give a meaning of their own.
const RESERVED_KEYS: [&str; 2] = ["le", "quantile"];
/// Label names that begin so belong to Prometheus; parsers refuse them.
const RESERVED_START: &str = "__";
/// Put in front of keys that begin so. OpenTelemetry's exporters use the same word.
const KEY_PREFIX: &str = "key";

/// A label: its legal name and its value, not yet escaped.
pub(crate) type Label<'a> = (Cow<'a, str>, &'a str);

/// A label name: every character outside `[a-zA-Z0-9_]`, and a digit in first place, becomes `_`; `le`, `quantile` and
/// the family's `own` label get a `_` behind, names in `__` the word `key` in front.
pub(crate) fn tag_key<'a>(key: &'a str, own: &str) -> Cow<'a, str> {
    unreserved(underscores(key, false), own)
}

/// A label name kept clear of those that formats, Prometheus and the family itself give a meaning.
pub(crate) fn unreserved<'a>(key: Cow<'a, str>, own: &str) -> Cow<'a, str> {
    let mut key = out_of_reserve(key);
    while RESERVED_KEYS.contains(&&*key) || key == own {
        key.to_mut().push('_');
        // Two of them may have become a reserved beginning.
        key = out_of_reserve(key);
    }
    key
}

/// A label name that is only kept from beginning like those of Prometheus.
pub(crate) fn out_of_reserve(key: Cow<'_, str>) -> Cow<'_, str> {
    if key.starts_with(RESERVED_START) { Cow::Owned(format!("{KEY_PREFIX}{key}")) } else { key }
}

/// The text with every character that Prometheus has no place for in names as `_`.
pub(crate) fn underscores(text: &str, colons: bool) -> Cow<'_, str> {
    let legal = |at, c| is_legal(at, c, colons);
    if text.is_empty() {
        // Owned: whoever asks whether a key was changed must see it.
        Cow::Owned("_".to_owned())
    } else if text.bytes().enumerate().all(|(at, byte)| legal(at, char::from(byte))) {
        Cow::Borrowed(text)
    } else {
        text.chars().enumerate().map(|(at, c)| if legal(at, c) { c } else { '_' }).collect()
    }
}

/// Whether a character may stand at this place of a name everywhere; colons in names of metrics only.
#[inline]
pub(crate) fn is_legal(at: usize, c: char, colons: bool) -> bool {
    c == '_' || c.is_ascii_alphabetic() || (at > 0 && c.is_ascii_digit()) || (colons && c == ':')
}

/// Makes labels of tags that are sorted by key, which `name` makes names. By name, no name twice: of tags whose keys
/// become equal the last counts.
pub(crate) fn push_tags<'a>(
    labels: &mut Vec<Label<'a>>,
    tags: impl Iterator<Item = (&'a str, &'a str)>,
    name: impl Fn(&'a str) -> Cow<'a, str>,
) {
    labels.extend(tags.map(|(key, value)| (name(key), value)));
    if labels.iter().any(|(key, _)| matches!(key, Cow::Owned(_))) {
        keep_last_of_equals(labels);
    }
}

/// Sorts labels by name; of equal names the last stays.
pub(crate) fn keep_last_of_equals(labels: &mut Vec<Label<'_>>) {
    labels.sort_by(|a, b| a.0.cmp(&b.0));
    labels.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same {
            kept.1 = later.1;
        }
        same
    });
}

/// The labels of a series as they stand in a line of a page: in braces, if there are any, and the space behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct LabelText<'a>(&'a str);

impl<'a> LabelText<'a> {
    /// The text between name and value: `{route="/orders",status="200"} `, or a space.
    #[inline]
    pub(crate) fn as_str(self) -> &'a str {
        self.0
    }

    /// The text between the braces; empty where there are no labels.
    pub(crate) fn inner(self) -> &'a str {
        self.0.strip_prefix('{').and_then(|rest| rest.strip_suffix("} ")).unwrap_or("")
    }

    /// Writes the labels into `text`.
    pub(crate) fn write(text: &'a mut String, labels: &[Label<'_>]) -> Self {
        text.clear();
        push_in_braces(text, labels);
        LabelText(text)
    }
}

fn push_in_braces(out: &mut String, labels: &[Label<'_>]) {
    if !labels.is_empty() {
        out.push('{');
        push_labels(out, labels);
        out.push('}');
    }
    out.push(' ');
}

/// The labels of series, one behind the other in one text.
#[derive(Debug, Clone, Default)]
pub(crate) struct LabelTexts {
    text: String,
    lengths: Vec<usize>,
}

impl LabelTexts {
    /// Appends the labels of one more series, in a family without a label of its own.
    pub(crate) fn push<'a>(&mut self, tags: impl Iterator<Item = (&'a str, &'a str)>) {
        let mut labels = Vec::new();
        push_tags(&mut labels, tags, |key| tag_key(key, ""));
        let start = self.text.len();
        push_in_braces(&mut self.text, &labels);
        self.lengths.push(self.text.len() - start);
    }

    /// The labels of each series.
    #[inline]
    pub(crate) fn iter(&self) -> impl Iterator<Item = LabelText<'_>> {
        let mut rest = self.text.as_str();
        self.lengths.iter().map(move |length| {
            let (own, others) = rest.split_at_checked(*length).unwrap_or((rest, ""));
            rest = others;
            LabelText(own)
        })
    }
}

/// Appends labels as they stand between braces: `route="/orders",status="200"`.
fn push_labels(out: &mut String, labels: &[Label<'_>]) {
    for (at, (key, value)) in labels.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        push_label(out, key, value);
    }
}

/// Appends one label as it stands on a page.
pub(crate) fn push_label(out: &mut String, key: &str, value: &str) {
    match is_label_name(key) {
        true => out.push_str(key),
        false => push_quoted(out, key),
    }
    out.push('=');
    push_quoted(out, value);
}

fn is_label_name(key: &str) -> bool {
    !key.is_empty() && key.bytes().enumerate().all(|(at, byte)| is_legal(at, char::from(byte), false))
}

/// Appends a text in double quotes: a value, or a name that could not stand without them.
pub(crate) fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    push_escaped(out, text, Quotes::Escaped);
    out.push('"');
}

/// Whether a double quote is escaped: in values always, in help texts by OpenMetrics only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quotes {
    Escaped,
    Plain,
}

/// Appends a text with its backslashes, newlines and, if asked, double quotes escaped.
pub(crate) fn push_escaped(out: &mut String, text: &str, quotes: Quotes) {
    let mut rest = text;
    while let Some((before, escape, after)) = split_at_special(rest, quotes) {
        out.push_str(before);
        out.push_str(escape);
        rest = after;
    }
    out.push_str(rest);
}

fn split_at_special(text: &str, quotes: Quotes) -> Option<(&str, &'static str, &str)> {
    let escape = |byte: u8| match byte {
        b'\\' => Some(r"\\"),
        b'\n' => Some(r"\n"),
        b'"' if quotes == Quotes::Escaped => Some(r#"\""#),
        _ => None,
    };
    let (at, escape) = text.bytes().enumerate().find_map(|(at, byte)| Some((at, escape(byte)?)))?;
    Some((text.get(..at)?, escape, text.get(at + 1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str, quotes: Quotes) -> String {
        let mut out = String::new();
        push_escaped(&mut out, text, quotes);
        out
    }

    #[test]
    fn values_and_help_are_escaped() {
        assert_eq!(escaped("a\\b\"c\nd\r🌲", Quotes::Escaped), "a\\\\b\\\"c\\nd\r🌲");
        assert_eq!(escaped("say \"hi\"\n", Quotes::Plain), "say \"hi\"\\n");
    }

    #[test]
    fn reserved_keys_are_moved_out_of_the_way() {
        let cases = [
            ("route", "route"),
            ("a:b", "a_b"),
            ("le", "le_"),
            ("quantile", "quantile_"),
            ("window", "window_"),
            ("__name__", "key__name__"),
            ("éé", "key__"),
            ("_one", "_one"),
        ];
        cases.iter().for_each(|(given, exposed)| assert_eq!(tag_key(given, "window"), *exposed));
    }

    #[test]
    fn a_moved_key_does_not_land_on_the_familys_own() {
        assert_eq!(tag_key("le", "le_"), "le__");
        assert_eq!(tag_key("_", "_"), "key__");
    }

    #[test]
    fn each_series_has_its_labels() {
        let mut texts = LabelTexts::default();
        texts.push([("route", "/orders"), ("status", "200")].into_iter());
        texts.push(std::iter::empty());
        texts.push([("http.route", "say \"hi\""), ("le", "é\n")].into_iter());
        let labels: Vec<LabelText<'_>> = texts.iter().collect();
        let odd = r#"{http_route="say \"hi\"",le_="é\n"} "#;
        let (lines, inner): (Vec<_>, Vec<_>) =
            labels.iter().map(|labels| (labels.as_str(), labels.inner())).unzip();
        assert_eq!(lines, [r#"{route="/orders",status="200"} "#, " ", odd]);
        assert_eq!(inner, [r#"route="/orders",status="200""#, "", &odd[1..odd.len() - 2]]);
    }

    #[test]
    fn names_that_are_not_legal_are_quoted() {
        let label = |key| {
            let mut text = String::new();
            push_label(&mut text, key, "x");
            text
        };
        assert_eq!(
            ["a_1", "a.b", "1", "a:b", "a\"\n"].map(label),
            ["a_1=\"x\"", "\"a.b\"=\"x\"", "\"1\"=\"x\"", "\"a:b\"=\"x\"", "\"a\\\"\\n\"=\"x\"",]
        );
    }

    #[test]
    fn the_last_of_two_keys_that_become_equal_counts() {
        let mut labels = Vec::new();
        let tags = [("a.b", "dot"), ("a_b", "underscore"), ("z", "1")];
        push_tags(&mut labels, tags.into_iter(), |key| tag_key(key, ""));
        assert_eq!(labels, [("a_b".into(), "underscore"), ("z".into(), "1")]);
    }
}
