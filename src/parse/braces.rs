//! What stands in braces: labels and, where it has to be in quotes, the metric's name before them.

use crate::parse::ParseError;
use crate::parse::lexer::{Cursor, OtherEscapes};

/// How a format writes what stands in braces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Blanks anywhere, and a comma behind the last label: text.
    Loose,
    /// Neither: OpenMetrics.
    Strict,
}

impl Style {
    /// What may stand behind a backslash in quotes. Source: OpenMetrics 1.0.0, ABNF, `escaped-char`; text has no such
    /// rule.
    pub(crate) fn escapes(self) -> OtherEscapes {
        match self {
            Style::Loose => OtherEscapes::Refused,
            Style::Strict => OtherEscapes::Kept,
        }
    }

    fn skip_blanks(self, line: &mut Cursor<'_>) {
        if self == Style::Loose {
            line.skip_blanks();
        }
    }
}

/// Names and unescaped values, in the order of the line.
pub(crate) type Labels = Vec<(String, String)>;

/// The labels of a line, and its name where that is among them.
#[derive(Debug, Default)]
pub(crate) struct Braces {
    pub(crate) name: Option<String>,
    pub(crate) labels: Labels,
}

impl Braces {
    /// Reads what stands in braces.
    pub(crate) fn read(line: &mut Cursor<'_>, style: Style) -> Result<Self, ParseError> {
        let mut braces = Braces::default();
        let mut after_comma = false;
        line.expect("{", "labels")?;
        loop {
            style.skip_blanks(line);
            if !(after_comma && style == Style::Strict) && line.eat("}") {
                return Ok(braces);
            }
            braces.item(line, style)?;
            style.skip_blanks(line);
            after_comma = line.eat(",");
            if !after_comma && line.peek() != Some('}') {
                return Err(line.unexpected(", or } after the label"));
            }
        }
    }

    /// Labels where a name has been said already.
    pub(crate) fn labels(line: &mut Cursor<'_>, style: Style) -> Result<Labels, ParseError> {
        let start = line.clone();
        let braces = Braces::read(line, style)?;
        match braces.name {
            Some(name) => Err(start.repeated("name", name)),
            None => Ok(braces.labels),
        }
    }

    /// What stands before the number: `name`, `name{labels}` or `{"name",labels}`.
    pub(crate) fn with_name(line: &mut Cursor<'_>, style: Style) -> Result<(String, Labels), ParseError> {
        let start = line.clone();
        if line.peek() == Some('{') {
            let Braces { name, labels } = Braces::read(line, style)?;
            return Ok((name.ok_or_else(|| start.unexpected("a metric name"))?, labels));
        }
        let name = line.metric_name()?.to_owned();
        if !matches!(line.peek(), Some(' ' | '\t' | '{')) {
            return Err(line.unexpected("a blank or labels after the name"));
        }
        style.skip_blanks(line);
        let labels = if line.peek() == Some('{') { Braces::labels(line, style)? } else { Vec::new() };
        Ok((name, labels))
    }

    fn item(&mut self, line: &mut Cursor<'_>, style: Style) -> Result<(), ParseError> {
        let start = line.clone();
        let is_quoted = line.peek() == Some('"');
        let name = if is_quoted { line.quoted_name(style.escapes())? } else { line.label_name()?.to_owned() };
        style.skip_blanks(line);
        if is_quoted && self.is_empty() && line.peek() != Some('=') {
            self.name = Some(name);
            return Ok(());
        }
        line.expect("=", "= after the label's name")?;
        style.skip_blanks(line);
        let value = line.quoted(style.escapes())?;
        if self.labels.iter().any(|(earlier, _)| *earlier == name) {
            return Err(start.repeated("label", name));
        }
        self.labels.push((name, value));
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.name.is_none() && self.labels.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, style: Style) -> Option<(Option<String>, Labels)> {
        let mut line = Cursor::new(text, 1);
        let braces = Braces::read(&mut line, style).ok()?;
        line.is_at_end().then_some((braces.name, braces.labels))
    }

    fn label(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn labels_and_a_quoted_name_are_read() {
        for style in [Style::Loose, Style::Strict] {
            assert_eq!(read("{}", style), Some((None, vec![])));
            assert_eq!(read(r#"{a="1",b="}"}"#, style), Some((None, vec![label("a", "1"), label("b", "}")])));
            let named = read(r#"{"a.b","c d"="\n"}"#, style);
            assert_eq!(named, Some((Some("a.b".to_owned()), vec![label("c d", "\n")])));
        }
    }

    #[test]
    fn blanks_and_a_last_comma_are_for_the_loose_style() {
        for text in ["{ a = \"1\" , }", "{\t}", "{\"a.b\" , c=\"1\"}", "{a=\"1\",}"] {
            assert!(read(text, Style::Loose).is_some() && read(text, Style::Strict).is_none(), "{text}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let senseless = [
            "{",
            "{,}",
            "{a}",
            "{a=}",
            "{a=1}",
            r#"{""}"#,
            r#"{""="1"}"#,
            r#"{a="1" b="2"}"#,
            r#"{a="1","b"}"#,
            r#"{"a","b"}"#,
            r#"{a="1",a="2"}"#,
            r#"{"a"="1",a="2"}"#,
            r#"{"a""b"}"#,
            r#"{a.b="1"}"#,
        ];
        for text in senseless {
            for style in [Style::Loose, Style::Strict] {
                assert_eq!(read(text, style), None, "{text}");
            }
        }
    }
}
