//! Names, tag keys and units as Prometheus takes them, by escaping scheme.

use std::borrow::Cow;

use crate::encode::Escaping;
use crate::tag::label::{is_legal, out_of_reserve, push_quoted, unreserved};

/// What stands for a name or a key without a character, in every scheme.
const NAMELESS: &str = "_";

/// Whether a metric's name can stand on a page without quotes.
pub(crate) fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().enumerate().all(|(at, byte)| is_legal(at, char::from(byte), true))
}

/// Appends a metric's name, in quotes where it cannot stand without.
pub(crate) fn push_name(out: &mut String, name: &str) {
    match is_plain(name) {
        true => out.push_str(name),
        false => push_quoted(out, name),
    }
}

/// A family's name as far as its suffixes are looked for in it: by `underscores` they may be among what is escaped
/// (`x.total`), elsewhere a name is escaped with all its suffixes.
pub(crate) fn before_suffixes(name: &str, escaping: Escaping) -> Cow<'_, str> {
    match escaping {
        _ if name.is_empty() => Cow::Borrowed(NAMELESS),
        Escaping::Underscores => escaping.metric_name(name),
        _ => Cow::Borrowed(name),
    }
}

/// The name of a label that a family puts on its samples itself: only kept from beginning like those of Prometheus.
pub(crate) fn label_name(name: &str, escaping: Escaping) -> Cow<'_, str> {
    out_of_reserve(escaped_label(name, escaping))
}

/// A tag's key in a family with a label of its `own` (none: empty).
pub(crate) fn tag_key<'a>(key: &'a str, own: &str, escaping: Escaping) -> Cow<'a, str> {
    unreserved(escaped_label(key, escaping), own)
}

fn escaped_label(name: &str, escaping: Escaping) -> Cow<'_, str> {
    // Owned: whoever asks whether a key was changed must see it.
    if name.is_empty() { Cow::Owned(NAMELESS.to_owned()) } else { escaping.label_name(name) }
}

/// A unit: the end of a name, so that digits may come first.
pub(crate) fn unit_suffix(unit: &str) -> String {
    unit.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMES: [Escaping; 4] =
        [Escaping::AllowUtf8, Escaping::Underscores, Escaping::Dots, Escaping::Values];

    #[test]
    fn only_legal_names_are_plain() {
        assert!(["a", "a:b", "_9"].into_iter().all(is_plain));
        assert!(!["", "9", "a.b", "é", "a b"].into_iter().any(is_plain));
    }

    #[test]
    fn reserved_keys_are_moved_out_of_the_way_in_every_scheme() {
        let keys = |key| SCHEMES.map(|scheme| tag_key(key, "window", scheme).into_owned());
        assert_eq!(keys("le"), ["le_"; 4]);
        assert_eq!(keys("window"), ["window_"; 4]);
        assert_eq!(keys("_x"), ["_x", "_x", "key__x", "_x"]);
        assert_eq!(keys("__x"), ["key__x", "key__x", "key____x", "key__x"]);
        assert_eq!(keys("a.b"), ["a.b", "a_b", "a_dot_b", "U__a_2e_b"]);
        assert_eq!(keys(""), ["_"; 4]);
    }
}
