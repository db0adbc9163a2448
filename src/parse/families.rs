//! Lines into families: which family a line belongs to, and that none comes twice.

use std::collections::HashSet;

use crate::parse::lexer::Cursor;
use crate::parse::{ParseError, ParsedFamily, ParsedKind, ParsedSample, check};

/// What a format says about families.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grammar {
    /// The kind that a word after `# TYPE` means.
    pub(crate) kind: fn(&str) -> Option<ParsedKind>,
    /// Suffixes of a kind's samples.
    pub(crate) suffixes: fn(ParsedKind) -> &'static [&'static str],
    /// Suffixes that no other family may have with this one's name.
    pub(crate) claims: fn(ParsedKind) -> &'static [&'static str],
    /// Whether a series may come again with a later time.
    pub(crate) many_points: bool,
    /// What else must hold of a whole family.
    pub(crate) check: fn(&ParsedFamily) -> Result<(), &'static str>,
}

/// Families as they grow line by line.
#[derive(Debug)]
pub(crate) struct Families {
    grammar: Grammar,
    done: Vec<ParsedFamily>,
    names: HashSet<String>,
    open: Option<Open>,
}

/// The family whose lines are being read.
#[derive(Debug)]
struct Open {
    family: ParsedFamily,
    said: HashSet<&'static str>,
    series: HashSet<Identity>,
}

/// What tells lines apart: name, labels in order and, where series may come again, the time.
type Identity = (String, Vec<(String, String)>, Option<u64>);

impl Families {
    pub(crate) fn new(grammar: Grammar) -> Self {
        Families { grammar, done: Vec::new(), names: HashSet::new(), open: None }
    }

    /// A line that says `what` (`TYPE`, `HELP`, `UNIT`) about a family: `set` writes it down.
    pub(crate) fn describe(
        &mut self,
        at: &Cursor<'_>,
        name: &str,
        what: &'static str,
        set: impl FnOnce(&mut ParsedFamily),
    ) -> Result<(), ParseError> {
        if self.open.as_ref().is_none_or(|open| open.family.name != name) {
            self.start(at, name)?;
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        if !open.family.samples.is_empty() {
            return Err(at.unexpected("this line before the family's samples"));
        }
        if !open.said.insert(what) {
            return Err(at.repeated(what, name));
        }
        set(&mut open.family);
        Ok(())
    }

    /// The kind that a word means.
    pub(crate) fn kind(&self, at: &Cursor<'_>, word: &str) -> Result<ParsedKind, ParseError> {
        (self.grammar.kind)(word).ok_or_else(|| at.unexpected("a type"))
    }

    /// A sample, of the open family if its name says so, else of a new one without a type.
    pub(crate) fn sample(&mut self, at: &Cursor<'_>, sample: ParsedSample) -> Result<(), ParseError> {
        if !self.open.as_ref().is_some_and(|open| self.owns(open, &sample.name)) {
            self.start(at, &sample.name)?;
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        let time = sample.timestamp.map(f64::to_bits).filter(|_| self.grammar.many_points);
        if !open.series.insert((sample.name.clone(), sample.labels_without(""), time)) {
            return Err(at.repeated("series", sample.name));
        }
        open.family.samples.push(sample);
        Ok(())
    }

    fn owns(&self, open: &Open, sample: &str) -> bool {
        let suffix = sample.strip_prefix(open.family.name.as_str());
        suffix.is_some_and(|suffix| (self.grammar.suffixes)(open.family.kind).contains(&suffix))
    }

    fn start(&mut self, at: &Cursor<'_>, name: &str) -> Result<(), ParseError> {
        self.close(at)?;
        self.open =
            Some(Open { family: ParsedFamily::new(name), said: HashSet::new(), series: HashSet::new() });
        Ok(())
    }

    fn close(&mut self, at: &Cursor<'_>) -> Result<(), ParseError> {
        let Some(Open { family, .. }) = self.open.take() else { return Ok(()) };
        for suffix in (self.grammar.claims)(family.kind) {
            let name = format!("{}{suffix}", family.name);
            if self.names.contains(&name) {
                return Err(at.repeated("family", name));
            }
            self.names.insert(name);
        }
        check::family(&family, self.grammar.check).map_err(|problem| at.error(problem))?;
        self.done.push(family);
        Ok(())
    }

    /// All families; `at` is where the page ends.
    pub(crate) fn finish(mut self, at: &Cursor<'_>) -> Result<Vec<ParsedFamily>, ParseError> {
        self.close(at)?;
        Ok(self.done)
    }
}
