//! Headers that list preferences: words with parameters and weights.
//!
//! Source: RFC 9110, sections 5.6.6 and 12.4.2.

/// A weight of 1, in the thousandths that weights are written in.
const FULL_WEIGHT: u16 = 1000;
/// Digits a weight may have after its point.
const WEIGHT_DIGITS: usize = 3;

/// One element of such a header.
#[derive(Debug)]
pub(super) struct Clause<'a> {
    /// A media range, a coding.
    pub(super) word: &'a str,
    /// In thousandths; 0 refuses.
    pub(super) weight: u16,
    parameters: Vec<(String, String)>,
}

impl<'a> Clause<'a> {
    /// The clauses of one line of a header; those that make no sense are left out.
    pub(super) fn all(line: &'a str) -> impl Iterator<Item = Self> {
        split_unquoted(line, ',').filter_map(Clause::parse)
    }

    /// The value of a parameter; empty where there is none.
    pub(super) fn parameter(&self, key: &str) -> &str {
        let found = self.parameters.iter().find(|(own, _)| own == key);
        found.map_or("", |(_, value)| value.as_str())
    }

    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = split_unquoted(text, ';').map(str::trim);
        let word = parts.next().filter(|word| !word.is_empty())?;
        let mut clause = Clause { word, weight: FULL_WEIGHT, parameters: Vec::new() };
        for parameter in parts.filter(|part| !part.is_empty()) {
            let (key, value) = parameter.split_once('=')?;
            match key.trim().to_ascii_lowercase() {
                key if key == "q" => clause.weight = parse_weight(value.trim())?,
                key => clause.parameters.push((key, unquote(value.trim())?)),
            }
        }
        Some(clause)
    }
}

/// A weight from `0` to `1` with at most three decimals, in thousandths.
fn parse_weight(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > WEIGHT_DIGITS || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{decimals:0<WEIGHT_DIGITS$}").parse().ok()?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(FULL_WEIGHT),
        _ => None,
    }
}

fn unquote(value: &str) -> Option<String> {
    let Some(rest) = value.strip_prefix('"') else { return Some(value.to_owned()) };
    let quoted = rest.strip_suffix('"')?;
    let mut escaped = false;
    let kept = quoted.chars().filter(|c| {
        escaped = *c == '\\' && !escaped;
        !escaped
    });
    Some(kept.collect())
}

/// Splits a text where `separator` stands outside quotes.
fn split_unquoted(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c| {
        let splits = c == separator && !quoted;
        quoted ^= c == '"' && !escaped;
        escaped = quoted && c == '\\' && !escaped;
        splits
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(line: &str) -> Vec<(&str, u16)> {
        Clause::all(line).map(|clause| (clause.word, clause.weight)).collect()
    }

    #[test]
    fn a_clause_is_a_word_with_parameters_and_a_weight() {
        let line = r#" text/plain ; Version = "1.0.0" ;q=0.5;, gzip ;q=0, br;q=1.000, * "#;
        assert_eq!(weights(line), [("text/plain", 500), ("gzip", 0), ("br", 1000), ("*", 1000)]);
        let first = Clause::all(line).next().unwrap();
        assert_eq!((first.parameter("version"), first.parameter("escaping")), ("1.0.0", ""));
    }

    #[test]
    fn what_makes_no_sense_is_left_out() {
        for line in [
            "",
            ",",
            ";;;",
            "a;q=2",
            "a;q=-1",
            "a;q=0.1234",
            "a;q=NaN",
            "a;q=+1",
            "a;q",
            "a;b=\"c",
            "a;q=1.1",
        ] {
            assert_eq!(weights(line), [], "{line}");
        }
    }

    #[test]
    fn commas_and_semicolons_in_quotes_do_not_split() {
        assert_eq!(weights(r#"a/b;note="x,\";y;q=0", c"#), [("a/b", 1000), ("c", 1000)]);
    }
}
