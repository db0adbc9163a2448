//! Names made legal for a push.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::characters::is_kept;

/// What a push does to metric names and tag keys; tag values are never touched.
///
/// | given | `Prometheus` | `Apptuit` | `None` |
/// |---|---|---|---|
/// | `http.requests` | `http_requests` | `http.requests` | `http.requests` |
/// | `2xx responses!` | `_2xx_responses_` | `2xx_responses_` | refused by [`check`](Sanitize::check) |
/// | `a__b` | `a_b` | `a_b` | `a__b` |
/// | `größe` | `gr_e` | `größe` | `größe` |
/// | `__name__` | `_name_` | `_name_` | `__name__` |
///
/// Sanitizing twice changes nothing more. Pages for Prometheus to scrape have a scheme of their own, which keeps runs
/// of `_` and the colon.
///
/// ```
/// use tagmeter::tag::Sanitize;
///
/// assert_eq!(Sanitize::default().apply("node.cpu-time"), "node_cpu_time");
/// assert_eq!("Apptuit".parse::<Sanitize>()?.apply("node.cpu time"), "node.cpu_time");
/// # Ok::<(), tagmeter::tag::UnknownSanitize>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Sanitize {
    /// Rewrites nothing; what apptuit mode would rewrite is refused.
    None,
    /// Keeps letters and numbers of every script, `_`, `.`, `-` and `/`; each run of anything else and of `_` becomes
    /// one `_`.
    Apptuit,
    /// Keeps ASCII letters and digits; each run of anything else becomes one `_`, and a leading digit gets one in
    /// front.
    #[default]
    Prometheus,
}

impl Sanitize {
    /// The name as this mode writes it, borrowed if nothing had to change. The empty name stays empty.
    ///
    /// ```
    /// # use tagmeter::tag::Sanitize;
    /// assert_eq!(Sanitize::Prometheus.apply("9 lives"), "_9_lives");
    /// assert_eq!(Sanitize::None.apply("9 lives"), "9 lives");
    /// ```
    pub fn apply(self, name: &str) -> Cow<'_, str> {
        match self {
            Sanitize::None => Cow::Borrowed(name),
            Sanitize::Apptuit => replace_runs(name, is_kept),
            Sanitize::Prometheus => match name.as_bytes().first() {
                Some(b'0'..=b'9') => Cow::Owned(format!("_{}", replace_runs(name, is_plain))),
                _ => replace_runs(name, is_plain),
            },
        }
    }

    /// The name as this mode writes it, if that can be sent.
    ///
    /// # Errors
    ///
    /// The name is empty or, in mode [`None`](Sanitize::None), holds a character that apptuit mode would rewrite.
    ///
    /// ```
    /// # use tagmeter::tag::Sanitize;
    /// assert_eq!(Sanitize::Apptuit.check("a b")?, "a_b");
    /// let refused = Sanitize::None.check("a b").unwrap_err();
    /// assert_eq!(refused.to_string(), "name \"a b\" holds ' ', expected letters, numbers, '_', '.', '-' and '/'");
    /// # Ok::<(), tagmeter::tag::IllegalName>(())
    /// ```
    pub fn check(self, name: &str) -> Result<Cow<'_, str>, IllegalName> {
        if name.is_empty() {
            return Err(IllegalName::Empty);
        }
        if self == Sanitize::None {
            check_kept(name)?;
        }
        Ok(self.apply(name))
    }
}

impl FromStr for Sanitize {
    type Err = UnknownSanitize;

    /// `prometheus` and `apptuit` in any case; the empty text is [`None`](Sanitize::None) (and the text `none` is
    /// nothing: as recorded).
    fn from_str(mode: &str) -> Result<Self, UnknownSanitize> {
        match mode {
            "" => Ok(Sanitize::None),
            _ if mode.eq_ignore_ascii_case("prometheus") => Ok(Sanitize::Prometheus),
            _ if mode.eq_ignore_ascii_case("apptuit") => Ok(Sanitize::Apptuit),
            _ => Err(UnknownSanitize { mode: mode.into() }),
        }
    }
}

impl fmt::Display for Sanitize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Sanitize::None => "none",
            Sanitize::Apptuit => "apptuit",
            Sanitize::Prometheus => "prometheus",
        })
    }
}

/// Why a metric name or tag key cannot be sent.
///
/// ```
/// use tagmeter::tag::{IllegalName, Sanitize};
///
/// assert_eq!(Sanitize::Prometheus.check(""), Err(IllegalName::Empty));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IllegalName {
    /// There is nothing to send.
    #[error("the name is empty, expected at least one character")]
    Empty,
    /// A character is neither a letter nor a number nor one of `_.-/`.
    #[error("name {name:?} holds {character:?}, expected letters, numbers, '_', '.', '-' and '/'")]
    Character {
        /// The whole name.
        name: String,
        /// The first such character.
        character: char,
    },
}

/// The text is no sanitizing mode.
///
/// ```
/// use tagmeter::tag::Sanitize;
///
/// let error = "strict".parse::<Sanitize>().unwrap_err();
/// assert_eq!(error.to_string(), "sanitizing mode \"strict\" is unknown, expected prometheus, apptuit or nothing");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("sanitizing mode {mode:?} is unknown, expected prometheus, apptuit or nothing")]
pub struct UnknownSanitize {
    mode: String,
}

/// Whether all characters are kept by apptuit mode.
pub(super) fn check_kept(name: &str) -> Result<(), IllegalName> {
    match name.chars().find(|&c| !is_kept(c)) {
        None if name.is_empty() => Err(IllegalName::Empty),
        None => Ok(()),
        Some(character) => Err(IllegalName::Character { name: name.into(), character }),
    }
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Each run of `_` and of characters that are not kept becomes one `_`.
fn replace_runs(name: &str, is_kept: fn(char) -> bool) -> Cow<'_, str> {
    let mut previous = None;
    let changes = name.char_indices().find(|&(_, c)| {
        let changes = !is_kept(c) || (c == '_' && previous == Some('_'));
        previous = Some(c);
        changes
    });
    let Some((clean, _)) = changes else { return Cow::Borrowed(name) };

    let (clean, rest) = name.split_at(clean);
    let mut replaced = String::with_capacity(name.len());
    replaced.push_str(clean);
    for c in rest.chars().map(|c| if is_kept(c) { c } else { '_' }) {
        if c != '_' || !replaced.ends_with('_') {
            replaced.push(c);
        }
    }
    Cow::Owned(replaced)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_legal_name_is_borrowed() {
        assert!(matches!(Sanitize::Prometheus.apply("http_requests"), Cow::Borrowed(_)));
        assert!(matches!(Sanitize::Apptuit.apply("http.requests/größe-2"), Cow::Borrowed(_)));
    }

    #[test]
    fn one_underscore_stands_for_a_run() {
        assert_eq!(Sanitize::Prometheus.apply("a:_!é.b"), "a_b");
        assert_eq!(Sanitize::Apptuit.apply("a_😀 _"), "a_");
        assert_eq!(Sanitize::Prometheus.apply("😀"), "_");
    }

    #[test]
    fn only_an_ascii_digit_gets_an_underscore_in_front() {
        assert_eq!(Sanitize::Prometheus.apply("1a"), "_1a");
        assert_eq!(Sanitize::Prometheus.apply("٣a"), "_a");
        assert_eq!(Sanitize::Apptuit.apply("1a"), "1a");
    }

    #[test]
    fn a_trailing_newline_does_not_slip_through() {
        assert!(Sanitize::None.check("a\n").is_err());
    }

    #[test]
    fn the_empty_name_is_refused_in_every_mode() {
        for mode in [Sanitize::None, Sanitize::Apptuit, Sanitize::Prometheus] {
            assert_eq!(mode.check(""), Err(IllegalName::Empty));
            assert_eq!(mode.apply(""), "");
        }
    }

    #[test]
    fn modes_are_read_in_any_case() {
        assert_eq!("PROMETHEUS".parse(), Ok(Sanitize::Prometheus));
        assert_eq!("".parse(), Ok(Sanitize::None));
        assert!("none".parse::<Sanitize>().is_err() && " apptuit".parse::<Sanitize>().is_err());
    }

    /// The rules as the reference states them, one after the other.
    fn naive(mode: Sanitize, name: &str) -> String {
        let lead = mode == Sanitize::Prometheus && name.starts_with(|c: char| c.is_ascii_digit());
        let named = if lead { format!("_{name}") } else { name.into() };
        let keeps = if mode == Sanitize::Prometheus { is_plain } else { is_kept };
        let mut replaced: String = named.chars().map(|c| if keeps(c) { c } else { '_' }).collect();
        while replaced.contains("__") {
            replaced = replaced.replace("__", "_");
        }
        replaced
    }

    fn rewriting() -> impl Strategy<Value = Sanitize> {
        prop_oneof![Just(Sanitize::Apptuit), Just(Sanitize::Prometheus)]
    }

    proptest! {
        #[test]
        fn the_rules_hold(mode in rewriting(), name in "[a-c0-2_.: é😀\u{301}]{0,12}|\\PC{0,8}") {
            prop_assert_eq!(mode.apply(&name), naive(mode, &name));
        }

        #[test]
        fn sanitizing_twice_changes_nothing_more(mode in rewriting(), name in ".{0,12}") {
            let once = mode.apply(&name);
            prop_assert_eq!(mode.apply(&once), once.as_ref());
        }

        #[test]
        fn what_was_sanitized_validates(mode in rewriting(), name in ".{1,12}") {
            let sanitized = mode.apply(&name);
            prop_assert!(Sanitize::None.check(&sanitized).is_ok());
        }
    }
}
