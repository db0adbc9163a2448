//! Which format a scraper asks for.
//!
//! Source: RFC 9110, section 12.5.1, and Prometheus, "Content negotiation".

/// A format we can answer with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    /// Prometheus text 0.0.4.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
    /// The same page under the number of the draft.
    OpenMetricsDraft,
}

/// Media types we answer, with the `version` they must name (`""`: none), best first.
///
/// | clause | answer |
/// |---|---|
/// | `application/openmetrics-text;version=1.0.0` | OpenMetrics 1.0.0 |
/// | `application/openmetrics-text`, with `version=0.0.1` or none | the same page, named 0.0.1 |
/// | `text/plain`, with `version=0.0.4` or none; `text/*`; `*/*` | text 0.0.4 |
/// | anything else, anything with `q=0` | nothing |
const ANSWERS: [(&str, &str, Offer); 7] = [
    ("application/openmetrics-text", "1.0.0", Offer::OpenMetrics),
    ("application/openmetrics-text", "0.0.1", Offer::OpenMetricsDraft),
    ("application/openmetrics-text", "", Offer::OpenMetricsDraft),
    ("text/plain", "0.0.4", Offer::Text),
    ("text/plain", "", Offer::Text),
    ("text/*", "", Offer::Text),
    ("*/*", "", Offer::Text),
];

/// A weight of 1, in the thousandths that weights are written in.
const FULL_WEIGHT: u16 = 1000;
/// Digits a weight may have after its point.
const WEIGHT_DIGITS: usize = 3;

/// The format for an `Accept` header: that of the clause with the highest weight, the first of equals. Clauses that
/// make no sense or name nothing of ours do not count; where none is left it is text 0.0.4.
pub(crate) fn choose(accept: &str) -> Offer {
    let clauses = split_unquoted(accept, ',').filter_map(Clause::parse);
    let offers = clauses.filter_map(|clause| Some((clause.weight, clause.offer()?)));
    let best = offers.reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.map_or(Offer::Text, |(_, offer)| offer)
}

/// One media range of the header.
#[derive(Debug)]
struct Clause<'a> {
    media: &'a str,
    version: String,
    /// Above zero.
    weight: u16,
}

impl<'a> Clause<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = split_unquoted(text, ';').map(str::trim);
        let media =
            parts.next().filter(|media| media.split('/').filter(|half| !half.is_empty()).count() == 2)?;
        let mut clause = Clause { media, version: String::new(), weight: FULL_WEIGHT };
        for parameter in parts.filter(|part| !part.is_empty()) {
            let (key, value) = parameter.split_once('=')?;
            match key.trim().to_ascii_lowercase().as_str() {
                "q" => clause.weight = parse_weight(value.trim())?,
                "version" => clause.version = unquote(value.trim())?,
                _ => {}
            }
        }
        (clause.weight > 0).then_some(clause)
    }

    fn offer(&self) -> Option<Offer> {
        let matches =
            |media: &str, version| self.media.eq_ignore_ascii_case(media) && self.version == version;
        ANSWERS.iter().find(|(media, version, _)| matches(media, *version)).map(|(.., offer)| *offer)
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
    use proptest::prelude::*;

    #[test]
    fn real_scrapers_get_what_they_prefer() {
        let prometheus_2_42 = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let prometheus_2_42_native = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let prometheus_3_5 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for header in [prometheus_2_42, prometheus_2_42_native, prometheus_3_5] {
            assert_eq!(choose(header), Offer::OpenMetrics, "{header}");
        }
        assert_eq!(choose("text/plain;version=0.0.4;q=1,*/*;q=0.1"), Offer::Text);
        assert_eq!(choose("*/*"), Offer::Text);
    }

    #[test]
    fn weights_decide_and_order_decides_between_equals() {
        let cases = [
            ("text/plain;q=0.5, application/openmetrics-text;version=1.0.0;q=0.501", Offer::OpenMetrics),
            ("text/plain, application/openmetrics-text;version=1.0.0", Offer::Text),
            ("application/openmetrics-text;version=1.0.0;q=0, text/plain;q=0.1", Offer::Text),
            ("application/openmetrics-text", Offer::OpenMetricsDraft),
            ("application/openmetrics-text; version=0.0.1", Offer::OpenMetricsDraft),
            ("Application/OpenMetrics-Text; Version=\"1.0.0\" ; Q=0.9", Offer::OpenMetrics),
            ("application/openmetrics-text; version=2.0.0", Offer::Text),
            (
                "text/plain;version=1.0.0;q=0.9, application/openmetrics-text;version=1.0.0;q=0.1",
                Offer::OpenMetrics,
            ),
        ];
        cases.iter().for_each(|(header, offer)| assert_eq!(choose(header), *offer, "{header}"));
    }

    #[test]
    fn what_makes_no_sense_does_not_count() {
        let senseless = [
            "",
            ",",
            ";;;",
            "application",
            "application/",
            "application/openmetrics-text/1;version=1.0.0",
            "application/openmetrics-text;version=1.0.0;q=2",
            "application/openmetrics-text;version=1.0.0;q=-1",
            "application/openmetrics-text;version=1.0.0;q=0.1234",
            "application/openmetrics-text;version=1.0.0;q=NaN",
            "application/openmetrics-text;version=1.0.0;q",
            "application/openmetrics-text;version=\"1.0.0",
        ];
        senseless.iter().for_each(|header| assert_eq!(choose(header), Offer::Text, "{header}"));
    }

    #[test]
    fn commas_and_semicolons_in_quotes_do_not_split() {
        let header = r#"a/b;note="x,\";y;q=0", application/openmetrics-text;version=1.0.0"#;
        assert_eq!(choose(header), Offer::OpenMetrics);
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(header in ".*", pieces in "[a-z/*;,=\"\\\\q0-9. ]{0,60}") {
            let _ = (choose(&header), choose(&pieces));
        }
    }
}
