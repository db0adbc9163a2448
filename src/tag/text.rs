//! Tags in one line of text, as environment variables hold them.

use std::str::FromStr;

use super::Tags;
use super::characters::{is_blank, trim};
use super::sanitize::{IllegalName, check_kept};

impl FromStr for Tags {
    type Err = ParseTagsError;

    /// Reads `key:value, key:value`.
    ///
    /// | text | tags |
    /// |---|---|
    /// | `env:prod, zone:eu` | env = prod, zone = eu |
    /// | ` ,env : prod,, ` | env = prod |
    /// | `env:a, env:b` | env = b |
    /// | `env:` | none: an empty value is an absent tag |
    /// | `url:http\://h\:80/a\,b` | url = http://h:80/a,b |
    /// | `url:"http://h:80/a,b"` | url = http://h:80/a,b |
    /// | `say:"hi"`, `path:C\dir` | say = "hi", path = C\dir |
    /// | `env`, `a:b:c`, `a b:c`, `:c` | error |
    ///
    /// Blanks around keys, values and pieces are left out, empty pieces skipped. `\,` `\:` and `\\` stand for the
    /// second character; a backslash before anything else is itself. Where a value begins and ends with `"` and has a
    /// `,` or `:` of its own between, these are plain and the quotes left out; otherwise quotes are ordinary.
    fn from_str(text: &str) -> Result<Tags, ParseTagsError> {
        let pairs = pieces(text)?;
        for (key, _) in &pairs {
            check_kept(key)?;
        }
        Ok(pairs.into())
    }
}

/// Why a text does not say tags.
///
/// ```
/// use tagmeter::Tags;
///
/// let error = "url:http://h".parse::<Tags>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     r#"tag "url:http://h" has a second colon, expected key:value (write a colon in a value as \: or quote the value)"#
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseTagsError {
    /// A piece is no pair.
    #[error("tag {piece:?} has no colon, expected key:value")]
    NoColon {
        /// The piece, without the blanks around it.
        piece: String,
    },
    /// A piece holds more than one colon that is neither escaped nor quoted.
    #[error(r#"tag {piece:?} has a second colon, expected key:value (write a colon in a value as \: or quote the value)"#)]
    SecondColon {
        /// The piece, without the blanks around it.
        piece: String,
    },
    /// A key is empty or holds characters that keys cannot hold.
    #[error(transparent)]
    Key(#[from] IllegalName),
}

/// Keys and values in the order given.
fn pieces(mut text: &str) -> Result<Vec<(String, String)>, ParseTagsError> {
    let mut pairs = Vec::new();
    loop {
        text = text.trim_start_matches(|c| is_blank(c) || c == ',');
        if text.is_empty() {
            return Ok(pairs);
        }
        let (pair, length) = piece(text)?;
        pairs.push(pair);
        text = text.get(length..).unwrap_or_default();
    }
}

/// The pair at the beginning of a text, and its length there.
fn piece(text: &str) -> Result<((String, String), usize), ParseTagsError> {
    let colon = match unescaped(text, [',', ':']) {
        Some(at) if text[at..].starts_with(':') => at,
        end => {
            return Err(ParseTagsError::NoColon { piece: trim(&text[..end.unwrap_or(text.len())]).into() });
        }
    };
    let key = unescape(trim(&text[..colon]));

    let after = &text[colon + 1..];
    if let Some((value, length)) = quoted(after) {
        return Ok(((key, unescape(value)), colon + 1 + length));
    }
    let value = &after[..unescaped(after, [',']).unwrap_or(after.len())];
    let length = colon + 1 + value.len();
    match unescaped(value, [':']) {
        Some(_) => Err(ParseTagsError::SecondColon { piece: trim(&text[..length]).into() }),
        None => Ok(((key, unescape(trim(value))), length)),
    }
}

/// The inside of the quoted value at the beginning of a text, and how far it goes with its quotes and blanks; `None` if
/// the quotes there are ordinary characters.
fn quoted(text: &str) -> Option<(&str, usize)> {
    let open = text.len() - text.trim_start_matches(is_blank).len();
    let inside = text[open..].strip_prefix('"')?;
    let (close, after) = inside.match_indices('"').find_map(|(at, _)| {
        let after = inside[at + 1..].trim_start_matches(is_blank);
        (after.is_empty() || after.starts_with(',')).then_some((at, after))
    })?;
    let value = &inside[..close];
    unescaped(value, [',', ':'])?;
    Some((value, text.len() - after.len()))
}

/// Where the first of these characters stands without a backslash that takes its meaning.
fn unescaped<const N: usize>(text: &str, wanted: [char; N]) -> Option<usize> {
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\\' {
            chars.next_if(|&(_, next)| is_escapable(next));
        } else if wanted.contains(&c) {
            return Some(at);
        }
    }
    None
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let meant = if c == '\\' { chars.next_if(|&next| is_escapable(next)) } else { None };
        plain.push(meant.unwrap_or(c));
    }
    plain
}

fn is_escapable(c: char) -> bool {
    matches!(c, ',' | ':' | '\\')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Tags {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn blanks_and_empty_pieces_are_left_out() {
        assert_eq!(read(" ,\n a : b c ,, d:e,\u{3000}"), Tags::from([("a", "b c"), ("d", "e")]));
        assert!(read("").is_empty() && read(", ,").is_empty());
    }

    #[test]
    fn escapes_give_what_the_grammar_takes() {
        assert_eq!(read(r"a:b\,c"), Tags::from([("a", "b,c")]));
        assert_eq!(read(r"a:b\,"), Tags::from([("a", "b,")]));
        assert_eq!(read(r"a:\:\\,b:x"), Tags::from([("a", r":\"), ("b", "x")]));
        assert_eq!(read(r"a:\n\"), Tags::from([("a", r"\n\")]));
    }

    #[test]
    fn quotes_protect_commas_and_colons() {
        assert_eq!(read(r#"a:"b,c", d:e"#), Tags::from([("a", "b,c"), ("d", "e")]));
        assert_eq!(read(r#"a: "http://h:80/p" "#), Tags::from([("a", "http://h:80/p")]));
        assert_eq!(read(r#"a:"b"c,d""#), Tags::from([("a", r#"b"c,d"#)]));
        assert_eq!(read(r#"a:" b, ""#), Tags::from([("a", " b, ")]));
    }

    #[test]
    fn quotes_that_protect_nothing_are_ordinary() {
        assert_eq!(read(r#"a:"b",c:"d""#), Tags::from([("a", r#""b""#), ("c", r#""d""#)]));
        assert_eq!(read(r#"a:"b,c:d"#), Tags::from([("a", r#""b"#), ("c", "d")]));
        assert_eq!(read(r#"a:"b\,c""#), Tags::from([("a", r#""b,c""#)]));
        assert_eq!(read(r#"a:",b:c"#), Tags::from([("a", "\""), ("b", "c")]));
    }

    #[test]
    fn a_faulty_piece_is_named() {
        let fault = |text: &str| text.parse::<Tags>().unwrap_err();
        assert_eq!(fault("a:b, c ,d:e"), ParseTagsError::NoColon { piece: "c".into() });
        assert_eq!(fault("x:y, a : b:c "), ParseTagsError::SecondColon { piece: "a : b:c".into() });
        assert_eq!(fault(":b"), ParseTagsError::Key(IllegalName::Empty));
        assert!(matches!(fault("a b:c"), ParseTagsError::Key(IllegalName::Character { character: ' ', .. })));
    }

    /// The grammar as it was recorded, with neither escapes nor quotes.
    fn recorded(text: &str) -> Option<Tags> {
        let pieces = text.split(',').map(trim).filter(|piece| !piece.is_empty());
        let pairs = pieces.map(|piece| match piece.split(':').collect::<Vec<_>>()[..] {
            [key, value] => check_kept(trim(key)).ok().map(|()| (trim(key), trim(value))),
            _ => None,
        });
        pairs.collect::<Option<Tags>>()
    }

    fn escaped(text: &str) -> String {
        text.chars().flat_map(|c| is_escapable(c).then_some('\\').into_iter().chain([c])).collect()
    }

    proptest! {
        #[test]
        fn escaped_values_come_back(key in "[a-zé0-9_./-]{1,4}", value in r#"[ab"\\,:é ]{0,8}|.{0,8}"#) {
            let value = trim(&value);
            prop_assert_eq!(format!("{key}: {}", escaped(value)).parse(), Ok(Tags::from([(key.as_str(), value)])));
        }

        // Without quotes: one that opens a value meets one that ends another.
        #[test]
        fn many_escaped_values_come_back(pairs in prop::collection::vec(("[a-zé0-9_./-]{1,4}", r"[ab\\,:é]{0,8}"), 0..4)) {
            let text = pairs.iter().map(|(key, value)| format!("{key}: {}", escaped(value))).collect::<Vec<_>>();
            prop_assert_eq!(text.join(", ").parse(), Ok(Tags::from(pairs)));
        }

        #[test]
        fn without_backslash_and_quote_all_is_as_recorded(text in "[ab,: \u{a0}é!]{0,12}") {
            prop_assert_eq!(text.parse::<Tags>().ok(), recorded(&text));
        }

        #[test]
        fn no_text_makes_it_panic(text in r#"[a"\\,: é]{0,16}|.{0,16}"#) {
            let _ = text.parse::<Tags>();
        }
    }
}
