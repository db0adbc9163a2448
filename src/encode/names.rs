//! Names and tag keys as Prometheus takes them: the `underscores` scheme, which keeps runs.
//!
//! Source: Prometheus, "Escaping schemes"; the reserved keys are those its formats give a meaning.

use std::borrow::Cow;

/// Label names that formats give a meaning of their own.
const RESERVED_KEYS: [&str; 2] = ["le", "quantile"];
/// Label names that begin so belong to Prometheus; parsers refuse them.
const RESERVED_START: &str = "__";
/// Put in front of keys that begin so. OpenTelemetry's exporters use the same word.
const KEY_PREFIX: &str = "key";

/// A metric name: every character outside `[a-zA-Z0-9_:]`, and a digit in first place, becomes `_`.
pub(crate) fn metric_name(name: &str) -> Cow<'_, str> {
    underscores(name, true)
}

/// A label name: every character outside `[a-zA-Z0-9_]`, and a digit in first place, becomes `_`; `le`, `quantile` and
/// the family's `own` label get a `_` behind, names in `__` the word `key` in front.
pub(crate) fn tag_key<'a>(key: &'a str, own: &str) -> Cow<'a, str> {
    let mut key = label_name(key);
    while RESERVED_KEYS.contains(&&*key) || key == own {
        key.to_mut().push('_');
        // Two of them may have become a reserved beginning.
        key = out_of_reserve(key);
    }
    key
}

/// A label name that is only kept from beginning like those of Prometheus.
pub(crate) fn label_name(key: &str) -> Cow<'_, str> {
    out_of_reserve(underscores(key, false))
}

fn out_of_reserve(key: Cow<'_, str>) -> Cow<'_, str> {
    if key.starts_with(RESERVED_START) { Cow::Owned(format!("{KEY_PREFIX}{key}")) } else { key }
}

/// A unit: the end of a name, so that digits may come first.
pub(crate) fn unit_suffix(unit: &str) -> String {
    unit.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

fn underscores(text: &str, colons: bool) -> Cow<'_, str> {
    let legal = |at: usize, c: char| {
        c == '_' || c.is_ascii_alphabetic() || (at > 0 && c.is_ascii_digit()) || (colons && c == ':')
    };
    if text.is_empty() {
        // Owned: whoever asks whether a key was changed must see it.
        Cow::Owned("_".to_owned())
    } else if text.bytes().enumerate().all(|(at, byte)| legal(at, char::from(byte))) {
        Cow::Borrowed(text)
    } else {
        text.chars().enumerate().map(|(at, c)| if legal(at, c) { c } else { '_' }).collect()
    }
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
}
