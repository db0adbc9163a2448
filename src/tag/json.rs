//! As much JSON as tags need: an object whose values are texts.

use std::fmt::Write as _;

/// Why a text is not a JSON object of texts.
///
/// ```
/// use std::error::Error;
/// use tagmeter::tag::Id;
///
/// let error = Id::decode(r#"hits{"code": 200}"#).unwrap_err();
/// assert_eq!(error.source().unwrap().to_string(), "at byte 9: expected a text in double quotes");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at byte {at}: expected {expected}")]
pub struct InvalidJson {
    at: usize,
    expected: &'static str,
}

/// Appends a JSON text, ASCII only, as Python's `json` writes it.
pub(crate) fn write_text(text: &str, into: &mut String) {
    into.push('"');
    if text.bytes().all(is_plain) {
        into.push_str(text);
    } else {
        text.chars().for_each(|c| write_char(c, into));
    }
    into.push('"');
}

/// Whether a text may have it as it is. Most have nothing else.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

fn write_char(c: char, into: &mut String) {
    match c {
        '"' => into.push_str("\\\""),
        '\\' => into.push_str("\\\\"),
        '\n' => into.push_str("\\n"),
        '\r' => into.push_str("\\r"),
        '\t' => into.push_str("\\t"),
        '\u{8}' => into.push_str("\\b"),
        '\u{c}' => into.push_str("\\f"),
        ' '..='~' => into.push(c),
        _ => write_escaped(c, into),
    }
}

fn write_escaped(c: char, into: &mut String) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        let _ = write!(into, "\\u{unit:04x}"); // Writing to a String cannot fail.
    }
}

/// Reads one object and nothing after it; keys and values in the order given, equal keys included.
pub(super) fn read_object(text: &str) -> Result<Vec<(String, String)>, InvalidJson> {
    let mut reader = Reader { text, at: 0 };
    let pairs = reader.object()?;
    reader.skip_blanks();
    match reader.rest().is_empty() {
        true => Ok(pairs),
        false => reader.fail("nothing after the object"),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn object(&mut self) -> Result<Vec<(String, String)>, InvalidJson> {
        self.expect('{', "'{'")?;
        let mut pairs = Vec::new();
        if self.skip('}') {
            return Ok(pairs);
        }
        loop {
            let key = self.text("a key in double quotes")?;
            self.expect(':', "':'")?;
            pairs.push((key, self.text("a text in double quotes")?));
            if self.skip('}') {
                return Ok(pairs);
            }
            self.expect(',', "',' or '}'")?;
        }
    }

    fn text(&mut self, expected: &'static str) -> Result<String, InvalidJson> {
        self.expect('"', expected)?;
        let mut text = String::new();
        loop {
            match self.next() {
                Some('"') => return Ok(text),
                Some('\\') => text.push(self.escaped()?),
                Some(c) if c >= ' ' => text.push(c),
                _ => return self.fail("a closing double quote, control characters escaped"),
            }
        }
    }

    fn escaped(&mut self) -> Result<char, InvalidJson> {
        Ok(match self.next() {
            Some(c @ ('"' | '\\' | '/')) => c,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => self.unicode()?,
            _ => return self.fail(r#"one of "\/bfnrtu after the backslash"#),
        })
    }

    fn unicode(&mut self) -> Result<char, InvalidJson> {
        const FIRST_OF_PAIR: std::ops::RangeInclusive<u16> = 0xd800..=0xdbff;
        let first = self.unit()?;
        let units = match FIRST_OF_PAIR.contains(&first) && self.rest().starts_with("\\u") {
            true => {
                self.at += "\\u".len();
                vec![first, self.unit()?]
            }
            false => vec![first],
        };
        match char::decode_utf16(units).next() {
            Some(Ok(c)) => Ok(c),
            _ => self.fail("a surrogate pair"),
        }
    }

    fn unit(&mut self) -> Result<u16, InvalidJson> {
        let digits = self.rest().get(..4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        match digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()) {
            Some(unit) => {
                self.at += 4;
                Ok(unit)
            }
            None => self.fail("four hexadecimal digits"),
        }
    }

    fn expect(&mut self, c: char, expected: &'static str) -> Result<(), InvalidJson> {
        if self.skip(c) { Ok(()) } else { self.fail(expected) }
    }

    fn skip(&mut self, c: char) -> bool {
        self.skip_blanks();
        let found = self.rest().starts_with(c);
        self.at += if found { c.len_utf8() } else { 0 };
        found
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn fail<T>(&self, expected: &'static str) -> Result<T, InvalidJson> {
        Err(InvalidJson { at: self.at, expected })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(text: &str) -> String {
        let mut into = String::new();
        write_text(text, &mut into);
        into
    }

    #[test]
    fn texts_are_written_in_ascii() {
        assert_eq!(written("a/\"\\\n\u{1}\u{7f}é😀"), r#""a/\"\\\n\u0001\u007f\u00e9\ud83d\ude00""#);
    }

    #[test]
    fn an_object_of_texts_is_read() {
        let pairs = read_object("{ \"a\" : \"1\",\n\"b\":\"\\ud83d\\ude00\\/\" }  ").unwrap();
        assert_eq!(pairs, [("a".into(), "1".into()), ("b".into(), "😀/".into())]);
    }

    #[test]
    fn anything_else_is_refused() {
        let others = [
            "",
            "{",
            "{}x",
            "[]",
            "{,}",
            r#"{"a"}"#,
            r#"{"a":1}"#,
            r#"{"a":null}"#,
            r#"{"a":"b",}"#,
            "{'a':'b'}",
        ];
        for other in others {
            assert!(read_object(other).is_err(), "{other}");
        }
    }

    #[test]
    fn broken_escapes_are_refused() {
        for value in
            [r"\x", r"\u12", r"\u+123", r"\ud83d", r"\ud83dx", r"\ude00", r"\ud83dA", "a\nb", "open\\"]
        {
            assert!(read_object(&format!("{{\"a\":\"{value}\"}}")).is_err(), "{value}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(key in any::<String>(), value in any::<String>()) {
            let text = format!("{{{}: {}}}", written(&key), written(&value));
            prop_assert!(text.is_ascii());
            prop_assert_eq!(read_object(&text), Ok(vec![(key, value)]));
        }

        #[test]
        fn we_agree_with_another_reader(text in r#"\{[ "a:,\\u0d{}\[\]1]{0,12}\}"#) {
            // Another reader takes the last of equal keys; that is the caller's part here.
            let pairs = read_object(&text).map(|pairs| pairs.into_iter().collect::<std::collections::BTreeMap<_, _>>());
            let theirs = serde_json::from_str::<std::collections::BTreeMap<String, String>>(&text);
            prop_assert_eq!(pairs.ok(), theirs.ok());
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = read_object(&text);
        }
    }
}
