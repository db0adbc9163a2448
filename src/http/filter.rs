//! What a scraper asks for by the query of its target: which families, `?name[]=…`, and start times, `?created=true`.

use std::collections::BTreeSet;

/// The parameters' names, decoded.
const NAME: &str = "name[]";
const CREATED: &str = "created";

/// The exposed names that are asked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Names(BTreeSet<String>);

impl Names {
    /// Those of a target's query; nothing where it asks for none, and so for all.
    pub(super) fn of(target: &str) -> Option<Self> {
        let names: BTreeSet<String> = values_of(target, NAME).collect();
        (!names.is_empty()).then_some(Names(names))
    }

    /// Whether one of these names is among them.
    pub(super) fn want(&self, names: &[String]) -> bool {
        names.iter().any(|name| self.0.contains(name))
    }
}

/// Whether a target asks for start times.
pub(super) fn wants_created(target: &str) -> bool {
    values_of(target, CREATED).last().is_some_and(|value| value == "true" || value == "1")
}

/// The values of a parameter of a target's query.
fn values_of(target: &str, parameter: &str) -> impl Iterator<Item = String> {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let query = query.split_once('#').map_or(query, |(query, _)| query);
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.filter(move |(key, _)| decoded(key) == parameter).map(|(_, value)| decoded(value))
}

/// A text of a query without its escapes. What is no escape stays; what is no UTF-8 becomes U+FFFD, which no name has.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let (byte, taken) = match (first, after) {
            (b'+', _) => (b' ', after),
            (b'%', [high, low, after @ ..]) => match escape(*high, *low) {
                Some(byte) => (byte, after),
                None => (b'%', &rest[1..]),
            },
            _ => (*first, after),
        };
        bytes.push(byte);
        rest = taken;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn escape(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::{Escaping, exposed_names};
    use crate::model::Kind;
    use crate::unit::Unit;
    use proptest::prelude::*;

    fn names(target: &str) -> Option<Vec<String>> {
        Names::of(target).map(|names| names.0.into_iter().collect())
    }

    #[test]
    fn names_are_collected_from_the_query() {
        let cases: [(&str, &[&str]); 8] = [
            ("/metrics?name[]=a", &["a"]),
            ("/metrics?name[]=a&name[]=b&name[]=a", &["a", "b"]),
            ("/metrics?x=1&name%5B%5D=a%5fb&y", &["a_b"]),
            ("/metrics?name[]=a+b%2B", &["a b+"]),
            ("/metrics?name[]=100%&name[]=%zz&name[]=%4", &["%4", "%zz", "100%"]),
            ("/metrics?name[]=%ff", &["\u{FFFD}"]),
            ("/metrics?name[]", &[""]),
            ("?name[]=a=b?c#name[]=d", &["a=b?c"]),
        ];
        for (target, expected) in cases {
            assert_eq!(names(target).unwrap(), expected, "{target}");
        }
    }

    #[test]
    fn without_names_all_is_asked_for() {
        for target in
            ["", "/metrics", "/metrics?", "/metrics?name=a", "/metrics?names[]=a", "/name[]=a", "?&&="]
        {
            assert_eq!(names(target), None, "{target}");
        }
    }

    #[test]
    fn start_times_are_there_for_who_says_so() {
        for target in ["/metrics?created=true", "?a&created=1", "?created=0&created=tru%65#x"] {
            assert!(wants_created(target), "{target}");
        }
        for target in
            ["", "/metrics", "?created", "?created=false", "?created=true&created=0", "/created=true"]
        {
            assert!(!wants_created(target), "{target}");
        }
    }

    #[test]
    fn a_family_answers_to_its_name_and_to_those_of_its_samples() {
        let cases: [(&str, Kind, Unit, &[&str]); 6] = [
            ("orders", Kind::Counter, Unit::None, &["orders", "orders_total"]),
            ("sent", Kind::Counter, Unit::Bytes, &["sent_bytes", "sent_bytes_total"]),
            ("http.depth", Kind::Gauge, Unit::None, &["http_depth"]),
            (
                "request",
                Kind::Timer,
                Unit::None,
                &[
                    "request_seconds",
                    "request_seconds_bucket",
                    "request_seconds_sum",
                    "request_seconds_count",
                ],
            ),
            ("order", Kind::Meter, Unit::None, &["order", "order_total", "order_rate"]),
            ("build", Kind::Info, Unit::None, &["build", "build_info"]),
        ];
        for (name, kind, unit, names) in cases {
            let exposed = exposed_names(&name.into(), kind, &unit, Escaping::default());
            for asked in names {
                let names = Names([(*asked).to_owned()].into());
                assert!(names.want(&exposed), "{asked}");
            }
            let others =
                Names(["", "orders_rate", "request", "http.depth", "depth"].map(str::to_owned).into());
            assert!(!others.want(&exposed), "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_target_makes_it_panic(target in ".*", query in "[a-z\\[\\]%&=+?é0-9]{0,60}") {
            let _ = (Names::of(&target), wants_created(&target), Names::of(&format!("?name[]={query}")));
        }

        #[test]
        fn what_was_escaped_comes_back(name in ".*") {
            let escaped: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
            prop_assert_eq!(decoded(&escaped), name);
        }
    }
}
