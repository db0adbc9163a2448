//! Names and units as Prometheus takes them: the `underscores` scheme, which keeps runs. Tag keys: see `tag::label`.
//!
//! Source: Prometheus, "Escaping schemes".

use std::borrow::Cow;

use crate::tag::label::underscores;

/// A metric name: every character outside `[a-zA-Z0-9_:]`, and a digit in first place, becomes `_`.
pub(crate) fn metric_name(name: &str) -> Cow<'_, str> {
    underscores(name, true)
}

/// A unit: the end of a name, so that digits may come first.
pub(crate) fn unit_suffix(unit: &str) -> String {
    unit.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legal_names_stay_and_others_get_underscores() {
        let cases = [
            ("http_requests", "http_requests"),
            ("a:b", "a:b"),
            ("my.http_x/é", "my_http_x__"),
            ("9lives", "_lives"),
            ("a..b", "a__b"),
            ("🌲", "_"),
            ("", "_"),
        ];
        cases.iter().for_each(|(given, exposed)| assert_eq!(metric_name(given), *exposed));
    }
}
