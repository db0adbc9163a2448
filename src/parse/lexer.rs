//! A place in a line, and the tokens that all text formats share.

use crate::number;
use crate::parse::{ParseError, Problem};

/// How much of a line an error quotes.
const QUOTED_CHARS: usize = 40;

/// A place in one line of a page.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    line: &'a str,
    number: usize,
    at: usize,
}

/// What stands behind a backslash beside `n`, `\` and `"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OtherEscapes {
    /// Nothing may.
    Refused,
    /// Anything may, and the backslash is meant.
    Kept,
}

impl<'a> Cursor<'a> {
    /// The beginning of a line; lines count from 1.
    pub(crate) fn new(line: &'a str, number: usize) -> Self {
        Cursor { line, number, at: 0 }
    }

    pub(crate) fn rest(&self) -> &'a str {
        self.line.get(self.at..).unwrap_or("")
    }

    pub(crate) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.rest().is_empty()
    }

    pub(crate) fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    /// Steps over a text if it stands here.
    pub(crate) fn eat(&mut self, text: &str) -> bool {
        let here = self.rest().starts_with(text);
        if here {
            self.at += text.len();
        }
        here
    }

    pub(crate) fn expect(&mut self, text: &str, expected: &'static str) -> Result<(), ParseError> {
        if self.eat(text) { Ok(()) } else { Err(self.unexpected(expected)) }
    }

    pub(crate) fn expect_end(&self) -> Result<(), ParseError> {
        if self.is_at_end() { Ok(()) } else { Err(self.unexpected("the end of the line")) }
    }

    pub(crate) fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let token = rest.split(|c| !belongs(c)).next().unwrap_or("");
        self.at += token.len();
        token
    }

    /// Everything up to the next blank.
    pub(crate) fn word(&mut self) -> &'a str {
        self.take_while(|c| c != ' ' && c != '\t')
    }

    /// A metric name: `[a-zA-Z_:][a-zA-Z0-9_:]*`.
    pub(crate) fn metric_name(&mut self) -> Result<&'a str, ParseError> {
        self.name(|c| c == ':', "a metric name")
    }

    /// The name of a family in a line about it: legal, or in quotes.
    pub(crate) fn family_name(&mut self, others: OtherEscapes) -> Result<String, ParseError> {
        match self.peek() {
            Some('"') => self.quoted_name(others),
            _ => Ok(self.metric_name()?.to_owned()),
        }
    }

    /// A name in double quotes, unescaped: any text but none.
    pub(crate) fn quoted_name(&mut self, others: OtherEscapes) -> Result<String, ParseError> {
        let here = self.clone();
        let name = self.quoted(others)?;
        if name.is_empty() { Err(here.unexpected("a name")) } else { Ok(name) }
    }

    /// A label name: `[a-zA-Z_][a-zA-Z0-9_]*`.
    pub(crate) fn label_name(&mut self) -> Result<&'a str, ParseError> {
        self.name(|_| false, "a label name")
    }

    fn name(&mut self, also: impl Fn(char) -> bool, expected: &'static str) -> Result<&'a str, ParseError> {
        if self.peek().is_none_or(|c| c.is_ascii_digit()) {
            return Err(self.unexpected(expected));
        }
        let here = self.clone();
        match self.take_while(|c| c == '_' || c.is_ascii_alphanumeric() || also(c)) {
            "" => Err(here.unexpected(expected)),
            name => Ok(name),
        }
    }

    /// A text in double quotes, unescaped.
    pub(crate) fn quoted(&mut self, others: OtherEscapes) -> Result<String, ParseError> {
        self.expect("\"", "a quoted value")?;
        let mut value = String::new();
        while !self.eat("\"") {
            value.push_str(self.take_while(|c| c != '"' && c != '\\'));
            if self.is_at_end() {
                return Err(self.unexpected("a closing quote"));
            }
            if self.peek() == Some('\\') {
                self.escape(&mut value, others, "\\n\"")?;
            }
        }
        Ok(value)
    }

    /// The rest of the line as a help text, unescaped; `known` are the characters that a backslash may precede.
    pub(crate) fn help(&mut self, others: OtherEscapes, known: &str) -> Result<String, ParseError> {
        let mut help = String::new();
        while !self.is_at_end() {
            help.push_str(self.take_while(|c| c != '\\'));
            if !self.is_at_end() {
                self.escape(&mut help, others, known)?;
            }
        }
        Ok(help)
    }

    fn escape(&mut self, out: &mut String, others: OtherEscapes, known: &str) -> Result<(), ParseError> {
        let here = self.clone();
        self.expect("\\", "an escape")?;
        match self.next() {
            Some('n') => out.push('\n'),
            Some(c) if known.contains(c) => out.push(c),
            Some(c) if others == OtherEscapes::Kept => out.extend(['\\', c]),
            _ => return Err(here.unexpected("an escape that the format knows")),
        }
        Ok(())
    }

    pub(crate) fn skip_blanks(&mut self) {
        self.take_while(|c| c == ' ' || c == '\t');
    }

    /// A number up to the next blank.
    pub(crate) fn number(&mut self, expected: &'static str) -> Result<f64, ParseError> {
        let here = self.clone();
        number::parse_f64(self.word()).ok_or_else(|| here.unexpected(expected))
    }

    /// That something else stands here.
    pub(crate) fn unexpected(&self, expected: &'static str) -> ParseError {
        let found = match self.rest() {
            "" => "the end of the line".to_owned(),
            rest => rest.chars().take(QUOTED_CHARS).collect(),
        };
        self.error(Problem::Unexpected { found, expected })
    }

    pub(crate) fn repeated(&self, what: &'static str, name: impl Into<String>) -> ParseError {
        self.error(Problem::Repeated { what, name: name.into() })
    }

    pub(crate) fn error(&self, problem: Problem) -> ParseError {
        let before = self.line.get(..self.at).unwrap_or(self.line);
        ParseError { line: self.number, column: before.chars().count() + 1, problem }
    }
}

/// The lines of a page as places to read from. Each is ended by a line feed, but for one that says this and is the last
/// (none: empty).
pub(crate) fn lines<'a>(page: &'a str, last: &str) -> Result<Vec<Cursor<'a>>, ParseError> {
    let mut lines: Vec<Cursor<'_>> =
        page.split('\n').enumerate().map(|(at, line)| Cursor::new(line, at + 1)).collect();
    match lines.pop_if(|line| line.rest() != last || last.is_empty()) {
        Some(broken) if !broken.is_at_end() => {
            let end = Cursor { at: broken.line.len(), ..broken };
            Err(end.unexpected("a line feed"))
        }
        _ => Ok(lines),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let mut cursor = Cursor::new("åå x", 7);
        cursor.word();
        assert_eq!(
            cursor.unexpected("a number").to_string(),
            r#"line 7, column 3: found " x", expected a number"#
        );
    }

    #[test]
    fn escapes_are_undone() {
        let quoted = |text, others| Cursor::new(text, 1).quoted(others);
        assert_eq!(quoted(r#""a\\b\"c\nd""#, OtherEscapes::Refused).unwrap(), "a\\b\"c\nd");
        assert_eq!(quoted(r#""a\tb""#, OtherEscapes::Kept).unwrap(), "a\\tb");
        assert!(quoted(r#""a\tb""#, OtherEscapes::Refused).is_err());
        assert!(quoted(r#""a"#, OtherEscapes::Kept).is_err());
        assert!(quoted(r#""a\"#, OtherEscapes::Kept).is_err());
    }

    #[test]
    fn names_do_not_begin_with_digits() {
        assert_eq!(Cursor::new("a:b9{", 1).metric_name().unwrap(), "a:b9");
        assert_eq!(Cursor::new("a:b", 1).label_name().unwrap(), "a");
        assert!(Cursor::new("9a", 1).metric_name().is_err());
        assert!(Cursor::new("é", 1).label_name().is_err());
    }
}
