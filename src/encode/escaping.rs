//! Names that are not made of `[a-zA-Z0-9_:]`, for readers that have no place for them.
//!
//! Source: Prometheus, "Escaping schemes", and where its page and its code differ (`dots`), the code.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::tag::label::{is_legal, underscores};

/// In front of names that [`Escaping::Values`] has changed.
const VALUES_PREFIX: &str = "U__";
/// Hexadecimal digits of the highest code point.
const MOST_DIGITS: usize = 6;

/// What becomes of names that are not made of `[a-zA-Z0-9_:]`: the scheme that a scraper names in `escaping=…`.
///
/// | scheme | rule | `my.http_x/é` |
/// |---|---|---|
/// | `allow-utf-8` | names stay; U+0000, which no reader of Prometheus gets over, is `_` | `my.http_x/é` |
/// | `underscores` | each illegal character, and a digit in first place, is one `_` | `my_http_x__` |
/// | `dots` | `_` is `__`, `.` is `_dot_`, other illegal ones are `__`; in legal names too | `my_dot_http__x____` |
/// | `values` | legal names stay; others begin with `U__`, `_` is `__`, illegal ones are their code point in `_`s | `U__my_2e_http__x_2f__e9_` |
///
/// Colons are legal in names of metrics and illegal in those of labels.
///
/// ```
/// use tagmeter::encode::Escaping;
///
/// let scheme: Escaping = "values".parse()?;
/// assert_eq!(scheme.metric_name("http.requests"), "U__http_2e_requests");
/// assert_eq!(Escaping::default().metric_name("http.requests"), "http_requests");
/// # Ok::<(), tagmeter::encode::UnknownEscaping>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Escaping {
    /// Names as they are.
    AllowUtf8,
    /// `_` for each illegal character. What readers expect that ask for nothing.
    #[default]
    Underscores,
    /// As underscores, but dots can be told apart.
    Dots,
    /// Everything can be told apart: see [`Escaping::unescape_values`].
    Values,
}

/// The word is none of `allow-utf-8`, `underscores`, `dots`, `values`.
///
/// ```
/// use tagmeter::encode::Escaping;
///
/// let error = "dashes".parse::<Escaping>().unwrap_err();
/// assert_eq!(error.to_string(), r#"unknown escaping scheme "dashes", expected allow-utf-8, underscores, dots or values"#);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown escaping scheme {word:?}, expected allow-utf-8, underscores, dots or values")]
pub struct UnknownEscaping {
    word: String,
}

impl Escaping {
    const ALL: [Escaping; 4] = [Escaping::AllowUtf8, Escaping::Underscores, Escaping::Dots, Escaping::Values];

    /// The word for it in headers.
    ///
    /// ```
    /// # use tagmeter::encode::Escaping;
    /// assert_eq!(Escaping::AllowUtf8.as_str(), "allow-utf-8");
    /// ```
    pub fn as_str(self) -> &'static str {
        match self {
            Escaping::AllowUtf8 => "allow-utf-8",
            Escaping::Underscores => "underscores",
            Escaping::Dots => "dots",
            Escaping::Values => "values",
        }
    }

    /// A metric's name in this scheme.
    ///
    /// ```
    /// # use tagmeter::encode::Escaping;
    /// assert_eq!(Escaping::Dots.metric_name("http.requests"), "http_dot_requests");
    /// ```
    pub fn metric_name(self, name: &str) -> Cow<'_, str> {
        self.escape(name, true)
    }

    /// A label's name in this scheme.
    ///
    /// ```
    /// # use tagmeter::encode::Escaping;
    /// assert_eq!(Escaping::Values.label_name("a:b"), "U__a_3a_b");
    /// ```
    pub fn label_name(self, name: &str) -> Cow<'_, str> {
        self.escape(name, false)
    }

    /// The name that [`Escaping::Values`] was given; one that it cannot have made stays as it is.
    ///
    /// ```
    /// # use tagmeter::encode::Escaping;
    /// assert_eq!(Escaping::unescape_values("U__http_2e_requests"), "http.requests");
    /// assert_eq!(Escaping::unescape_values("U__http_2e"), "U__http_2e");
    /// ```
    pub fn unescape_values(name: &str) -> Cow<'_, str> {
        let unescaped = name.strip_prefix(VALUES_PREFIX).and_then(from_values);
        unescaped.map_or(Cow::Borrowed(name), Cow::Owned)
    }

    fn escape(self, name: &str, colons: bool) -> Cow<'_, str> {
        match self {
            _ if name.is_empty() => Cow::Borrowed(name),
            Escaping::AllowUtf8 => readable(name),
            Escaping::Underscores => underscores(name, colons),
            Escaping::Dots => dots(name, colons),
            Escaping::Values => values(name, colons),
        }
    }
}

impl FromStr for Escaping {
    type Err = UnknownEscaping;

    fn from_str(word: &str) -> Result<Self, UnknownEscaping> {
        let found = Escaping::ALL.into_iter().find(|scheme| scheme.as_str() == word);
        found.ok_or_else(|| UnknownEscaping { word: word.to_owned() })
    }
}

impl fmt::Display for Escaping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Names as they are, but for the one character that ends a page for Prometheus' own reader, in quotes or not.
fn readable(name: &str) -> Cow<'_, str> {
    if name.contains('\0') { Cow::Owned(name.replace('\0', "_")) } else { Cow::Borrowed(name) }
}

fn dots(name: &str, colons: bool) -> Cow<'_, str> {
    if name.char_indices().all(|(at, c)| c != '_' && is_legal(at, c, colons)) {
        return Cow::Borrowed(name);
    }
    let mut escaped = String::new();
    for (at, c) in name.char_indices() {
        match c {
            '.' => escaped.push_str("_dot_"),
            c if c != '_' && is_legal(at, c, colons) => escaped.push(c),
            _ => escaped.push_str("__"),
        }
    }
    Cow::Owned(escaped)
}

fn values(name: &str, colons: bool) -> Cow<'_, str> {
    if name.char_indices().all(|(at, c)| is_legal(at, c, colons)) {
        return Cow::Borrowed(name);
    }
    let mut escaped = VALUES_PREFIX.to_owned();
    for (at, c) in name.char_indices() {
        match c {
            '_' => escaped.push_str("__"),
            c if is_legal(at, c, colons) => escaped.push(c),
            c => escaped.push_str(&format!("_{:x}_", u32::from(c))),
        }
    }
    Cow::Owned(escaped)
}

/// What stands behind the prefix; nothing where a part makes no sense.
fn from_values(escaped: &str) -> Option<String> {
    let mut name = String::new();
    let mut rest = escaped;
    while let Some((legal, code)) = rest.split_once('_') {
        name.push_str(legal);
        let (digits, after) = code.split_once('_')?;
        name.push(if digits.is_empty() { '_' } else { code_point(digits)? });
        rest = after;
    }
    name.push_str(rest);
    Some(name)
}

fn code_point(digits: &str) -> Option<char> {
    let are_digits = digits.len() <= MOST_DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    are_digits.then(|| u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_scheme_has_its_rule() {
        let cases = [
            ("my.http_x/é", ["my.http_x/é", "my_http_x__", "my_dot_http__x____", "U__my_2e_http__x_2f__e9_"]),
            ("http_requests", ["http_requests", "http_requests", "http__requests", "http_requests"]),
            ("a:b9", ["a:b9"; 4]),
            ("9lives", ["9lives", "_lives", "__lives", "U___39_lives"]),
            ("a\0b", ["a_b", "a_b", "a__b", "U__a_0_b"]),
            ("🌲", ["🌲", "_", "__", "U___1f332_"]),
            ("a..b", ["a..b", "a__b", "a_dot__dot_b", "U__a_2e__2e_b"]),
        ];
        for (name, escaped) in cases {
            assert_eq!(Escaping::ALL.map(|scheme| scheme.metric_name(name)), escaped, "{name}");
        }
    }

    #[test]
    fn a_colon_is_legal_in_metrics_only() {
        let escaped = ["a:b", "a_b", "a__b", "U__a_3a_b"];
        assert_eq!(Escaping::ALL.map(|scheme| scheme.label_name("a:b")), escaped);
    }

    #[test]
    fn what_values_cannot_have_made_stays() {
        let odd = [
            "http_requests",
            "U__",
            "U__a_",
            "U__a_zz_b",
            "U__a_2e",
            "U__a_1234567_",
            "U__a_d800_",
            "U__a_110000_",
            "U__a_+2e_",
            "U_a",
        ];
        for name in odd {
            let unescaped = Escaping::unescape_values(name);
            assert_eq!(unescaped, if name == "U__" { "" } else { name });
        }
        assert_eq!(Escaping::unescape_values("U__a_2E_10FFFF_"), "U__a_2E_10FFFF_");
        assert_eq!(Escaping::unescape_values("U__a_2E__10FFFF_"), "a.\u{10FFFF}");
    }

    #[test]
    fn words_are_exact() {
        for scheme in Escaping::ALL {
            assert_eq!(scheme.to_string().parse(), Ok(scheme));
        }
        for word in ["", "Values", "values ", "utf-8"] {
            assert!(word.parse::<Escaping>().is_err(), "{word}");
        }
    }

    proptest! {
        #[test]
        fn escaped_names_are_legal_and_values_come_back(name in ".+") {
            for scheme in [Escaping::Underscores, Escaping::Dots, Escaping::Values] {
                let label = scheme.label_name(&name);
                prop_assert!(label.char_indices().all(|(at, c)| is_legal(at, c, false)), "{label}");
            }
            let escaped = Escaping::Values.metric_name(&name);
            if escaped != name {
                prop_assert_eq!(Escaping::unescape_values(&escaped), name.as_str());
            }
        }

        #[test]
        fn nothing_makes_unescaping_panic(name in ".*", tail in "[_0-9a-fA-Fé]{0,20}") {
            let _ = Escaping::unescape_values(&name);
            let _ = Escaping::unescape_values(&format!("U__{tail}"));
        }
    }
}
