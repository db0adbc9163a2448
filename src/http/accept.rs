//! Which format a scraper asks for.
//!
//! Source: RFC 9110, section 12.5.1, and Prometheus, "Content negotiation".

use std::cmp::Reverse;

use crate::encode::Escaping;
use crate::http::clause::Clause;
use crate::http::format::Format;

/// Which clause gives which format. A format that is not here is not offered.
const TABLE: &[Row] = &[
    #[cfg(feature = "protobuf")]
    Row {
        media: "application/vnd.google.protobuf",
        parameters: &[("proto", "io.prometheus.client.MetricFamily"), ("encoding", "delimited")],
        format: Format::Protobuf,
    },
    Row {
        media: "application/openmetrics-text",
        parameters: &[("version", "1.0.0")],
        format: Format::OpenMetrics,
    },
    Row {
        media: "application/openmetrics-text",
        parameters: &[("version", "0.0.1")],
        format: Format::OpenMetricsDraft,
    },
    Row {
        media: "application/openmetrics-text",
        parameters: &[("version", "")],
        format: Format::OpenMetricsDraft,
    },
    Row { media: "text/plain", parameters: &[("version", "1.0.0")], format: Format::TextWithQuotes },
    Row { media: "text/plain", parameters: &[("version", "0.0.4")], format: Format::Text },
    Row { media: "text/plain", parameters: &[("version", "")], format: Format::Text },
    Row { media: "application/json", parameters: &[], format: Format::Json },
    Row { media: "text/*", parameters: &[], format: Format::Text },
    Row { media: "*/*", parameters: &[], format: Format::Text },
];

/// One line of the table.
struct Row {
    media: &'static str,
    /// What the clause must say; an empty value: what it must not say.
    parameters: &'static [(&'static str, &'static str)],
    format: Format,
}

impl Row {
    fn matches(&self, clause: &Clause<'_>) -> bool {
        let says = |(key, value): &(&str, &str)| clause.parameter(key) == *value;
        clause.word.eq_ignore_ascii_case(self.media) && self.parameters.iter().all(says)
    }
}

/// The format for the lines of an `Accept` header, and the escaping scheme it asks for.
///
/// Of the clauses that give a format the one with the highest weight counts, the first of equals; where there is none,
/// it is text 0.0.4. The scheme is the last known one on the way there, as in Go's client: a scraper that reads UTF-8
/// names says so once and reads them in whatever format it gets.
pub(super) fn choose<'a>(lines: impl Iterator<Item = &'a str>) -> (Format, Option<Escaping>) {
    let mut clauses: Vec<Clause<'a>> =
        lines.flat_map(Clause::all).filter(|clause| clause.weight > 0).collect();
    clauses.sort_by_key(|clause| Reverse(clause.weight));
    let mut escaping = None;
    for clause in &clauses {
        escaping = clause.parameter("escaping").parse().ok().or(escaping);
        if let Some(row) = TABLE.iter().find(|row| row.matches(clause)) {
            return (row.format, escaping);
        }
    }
    (Format::Text, escaping)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PROMETHEUS_2_42: &str = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    const PROMETHEUS_2_42_NATIVE: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    const PROMETHEUS_2_53: &str = "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
    const PROMETHEUS_3_5: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
    const PROMETHEUS_3_5_NATIVE: &str = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
    const VICTORIA_METRICS: &str = "text/plain;version=0.0.4;q=1,*/*;q=0.1";

    /// What a Prometheus gets that takes native histograms.
    #[cfg(feature = "protobuf")]
    const PREFERRED: Format = Format::Protobuf;
    #[cfg(not(feature = "protobuf"))]
    const PREFERRED: Format = Format::OpenMetrics;
    /// It names a scheme only with the formats after protobuf.
    const PREFERRED_BY_3_5: (Format, Option<Escaping>) =
        (PREFERRED, if cfg!(feature = "protobuf") { None } else { Some(Escaping::AllowUtf8) });

    fn chosen(header: &str) -> (Format, Option<Escaping>) {
        choose([header].into_iter())
    }

    #[test]
    fn real_scrapers_get_what_they_prefer() {
        let utf8 = Some(Escaping::AllowUtf8);
        let cases = [
            (PROMETHEUS_2_42, (Format::OpenMetrics, None)),
            (PROMETHEUS_2_42_NATIVE, (PREFERRED, None)),
            (PROMETHEUS_2_53, (Format::OpenMetrics, None)),
            (PROMETHEUS_3_5, (Format::OpenMetrics, utf8)),
            (PROMETHEUS_3_5_NATIVE, PREFERRED_BY_3_5),
            (VICTORIA_METRICS, (Format::Text, None)),
            ("*/*", (Format::Text, None)),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", (Format::Text, None)),
        ];
        cases.iter().for_each(|(header, choice)| assert_eq!(chosen(header), *choice, "{header}"));
    }

    /// The table in the module's documentation, which people read instead of this file.
    const DOCUMENTED: &str = include_str!("mod.rs");

    /// The line of a row there.
    fn documented(row: &Row) -> String {
        let said = row.parameters.iter().filter(|(_, value)| !value.is_empty());
        let clause: String = said.map(|(key, value)| format!(";{key}={value}")).collect();
        let unsaid = row.parameters.iter().find(|(_, value)| value.is_empty());
        let without = unsaid.map_or(String::new(), |(key, _)| format!(" without `{key}`"));
        format!("//! | `{}{clause}`{without} | `{}` |", row.media, row.format.content_type(None))
    }

    #[test]
    fn the_documented_table_is_this_one() {
        let lines: Vec<&str> = DOCUMENTED.lines().filter(|line| line.starts_with("//! | `")).collect();
        for row in TABLE {
            let expected = documented(row);
            assert!(lines.iter().any(|line| line.starts_with(&expected)), "not in http/mod.rs: {expected}");
        }
        let left_out = usize::from(cfg!(not(feature = "protobuf")));
        assert_eq!(lines.len(), TABLE.len() + left_out, "a line there for each row here");
    }

    #[test]
    fn the_documented_scrapers_get_what_is_written_there() {
        let scrapers = [
            ("Prometheus 2.42", PROMETHEUS_2_42),
            #[cfg(feature = "protobuf")]
            ("Prometheus 2.42, for native histograms", PROMETHEUS_2_42_NATIVE),
            ("Prometheus 2.53", PROMETHEUS_2_53),
            ("Prometheus 3.5", PROMETHEUS_3_5),
            #[cfg(feature = "protobuf")]
            ("Prometheus 3.5, for native histograms", PROMETHEUS_3_5_NATIVE),
            ("VictoriaMetrics 1.145", VICTORIA_METRICS),
            ("curl", "*/*"),
            ("a browser", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
            ("a script that prefers JSON", "application/json, text/plain, */*"),
        ];
        for (name, header) in scrapers {
            let (format, escaping) = chosen(header);
            let expected = format!("//! | {name} | `{}` |", format.content_type(escaping));
            assert!(DOCUMENTED.lines().any(|line| line == expected), "not in http/mod.rs: {expected}");
        }
    }

    #[test]
    fn weights_decide_and_order_decides_between_equals() {
        let cases = [
            ("text/plain;q=0.5, application/openmetrics-text;version=1.0.0;q=0.501", Format::OpenMetrics),
            ("text/plain, application/openmetrics-text;version=1.0.0", Format::Text),
            ("application/openmetrics-text;version=1.0.0, text/plain", Format::OpenMetrics),
            ("*/*, application/openmetrics-text;version=1.0.0", Format::Text),
            ("application/openmetrics-text;version=1.0.0;q=0, text/plain;q=0.1", Format::Text),
            ("application/openmetrics-text", Format::OpenMetricsDraft),
            ("application/openmetrics-text; version=0.0.1", Format::OpenMetricsDraft),
            ("Application/OpenMetrics-Text; Version=\"1.0.0\" ; Q=0.9", Format::OpenMetrics),
            ("application/openmetrics-text; version=2.0.0", Format::Text),
            ("application/*", Format::Text),
            ("application/json", Format::Json),
            ("application/json, text/plain, */*", Format::Json),
            ("text/plain, application/json", Format::Text),
            ("text/*;q=0.1, application/openmetrics-text;q=0.2", Format::OpenMetricsDraft),
            (
                "text/plain;version=1.0.0;q=0.9, application/openmetrics-text;version=1.0.0;q=0.1",
                Format::TextWithQuotes,
            ),
            (
                "text/plain;version=2.0.0;q=0.9, application/openmetrics-text;version=1.0.0;q=0.1",
                Format::OpenMetrics,
            ),
        ];
        cases.iter().for_each(|(header, format)| assert_eq!(chosen(header).0, *format, "{header}"));
    }

    #[test]
    fn the_last_known_scheme_before_the_choice_counts() {
        let cases = [
            ("text/plain;escaping=values", Some(Escaping::Values)),
            ("text/plain;escaping=\"dots\"", Some(Escaping::Dots)),
            ("text/plain;version=0.0.4", None),
            ("text/plain;escaping=dashes", None),
            ("application/xml;escaping=values,text/plain;q=0.5", Some(Escaping::Values)),
            ("application/xml;escaping=values,text/plain;escaping=dots;q=0.5", Some(Escaping::Dots)),
            ("application/xml;escaping=values,text/plain;escaping=dashes;q=0.5", Some(Escaping::Values)),
            ("text/plain,application/xml;escaping=values;q=0.5", None),
            ("application/xml;escaping=values", Some(Escaping::Values)),
            ("application/xml;escaping=values;q=0,text/plain", None),
        ];
        cases.iter().for_each(|(header, scheme)| assert_eq!(chosen(header).1, *scheme, "{header}"));
    }

    #[test]
    fn a_line_that_breaks_off_takes_no_other_along() {
        let lines = ["text/plain;q=0.1;note=\"", "application/openmetrics-text;version=1.0.0;q=0.2"];
        assert_eq!(choose(lines.into_iter()).0, Format::OpenMetrics);
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
            "application/openmetrics-text;version=1.0.0;q=0.1234",
            "application/openmetrics-text;version=1.0.0;q",
            "application/openmetrics-text;version=\"1.0.0",
        ];
        senseless.iter().for_each(|header| assert_eq!(chosen(header), (Format::Text, None), "{header}"));
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(header in ".*", pieces in "[a-z/*;,=\"\\\\q0-9. ]{0,60}") {
            let _ = choose([header.as_str(), &pieces].into_iter());
        }
    }
}
