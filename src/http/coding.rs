//! How a page is made smaller on its way: `Accept-Encoding`.
//!
//! Source: RFC 9110, section 12.5.3.

use std::io;

use crate::http::clause::Clause;
#[cfg(feature = "compress")]
use crate::http::compress::OFFERED;

/// The codings that are offered, best first.
#[cfg(not(feature = "compress"))]
const OFFERED: [Coding; 0] = [];

/// The bytes as they are.
const IDENTITY: &str = "identity";
/// All that are not listed.
const ANY: &str = "*";
/// Pages of fewer bytes are not worth it: they fit into one packet with their head.
const SMALL_BYTES: usize = 1024;

/// A coding that can be offered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coding {
    /// What headers call it.
    pub(super) name: &'static str,
    /// Starts it.
    pub(super) begin: fn() -> io::Result<Box<dyn Coder>>,
}

impl PartialEq for Coding {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// A coding at work: takes bytes, gives coded ones at the end.
pub(super) trait Coder: io::Write {
    /// All that was written, coded.
    fn finish(self: Box<Self>) -> io::Result<Vec<u8>>;
}

/// What a client takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Codings {
    /// The bytes as they are.
    Plain,
    /// This coding, or the bytes as they are where it is not worth it.
    Either(Coding),
    /// This coding and nothing else.
    Only(Coding),
}

impl Codings {
    /// What the lines of an `Accept-Encoding` header ask for; nothing where we have nothing that it takes.
    ///
    /// The coding with the highest weight counts, the better one of equals. Bytes as they are need not be listed, and
    /// come last where they are not; they are refused by `identity;q=0`, and by `*;q=0` alone.
    pub(super) fn of<'a>(lines: impl Iterator<Item = &'a str>) -> Option<Self> {
        let clauses: Vec<Clause<'a>> = lines.flat_map(Clause::all).collect();
        let weight = |name: &str| {
            let listed = |word: &str| clauses.iter().find(|clause| clause.word.eq_ignore_ascii_case(word));
            listed(name).or_else(|| listed(ANY)).map(|clause| clause.weight)
        };
        let wanted = OFFERED.iter().filter_map(|coding| Some((weight(coding.name)?, *coding)));
        let best = wanted
            .filter(|(weight, _)| *weight > 0)
            .reduce(|best, next| if next.0 > best.0 { next } else { best });
        match (best, weight(IDENTITY)) {
            (None, Some(0)) => None,
            (None, _) => Some(Codings::Plain),
            (Some((_, coding)), Some(0)) => Some(Codings::Only(coding)),
            (Some((coded, _)), Some(plain)) if plain > coded => Some(Codings::Plain),
            (Some((_, coding)), _) => Some(Codings::Either(coding)),
        }
    }
}

/// A page on its way through a coding, which begins once the page is worth it: never all of it is held uncoded.
pub(super) struct Body {
    codings: Codings,
    plain: Vec<u8>,
    coder: Option<(Coding, Box<dyn Coder>)>,
}

impl Body {
    /// An empty one.
    pub(super) fn new(codings: Codings) -> Self {
        Body { codings, plain: Vec::new(), coder: None }
    }

    /// The bytes, and the name of their coding where they have one.
    pub(super) fn finish(mut self) -> io::Result<(Vec<u8>, Option<&'static str>)> {
        if let (Codings::Only(coding), None) = (self.codings, &self.coder) {
            self.begin(coding)?;
        }
        match self.coder {
            Some((coding, coder)) => Ok((coder.finish()?, Some(coding.name))),
            None => Ok((self.plain, None)),
        }
    }

    fn begin(&mut self, coding: Coding) -> io::Result<()> {
        let mut coder = (coding.begin)()?;
        coder.write_all(&std::mem::take(&mut self.plain))?;
        self.coder = Some((coding, coder));
        Ok(())
    }
}

impl io::Write for Body {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some((_, coder)) = &mut self.coder {
            return coder.write(bytes);
        }
        self.plain.extend_from_slice(bytes);
        if let Codings::Either(coding) | Codings::Only(coding) = self.codings
            && self.plain.len() >= SMALL_BYTES
        {
            self.begin(coding)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The names of what is offered, for those who take none of it.
pub(super) fn offered() -> String {
    OFFERED.iter().map(|coding| coding.name).chain([IDENTITY]).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain_or_refused(line: &str) -> Option<Codings> {
        Codings::of([line].into_iter())
    }

    #[test]
    fn bytes_as_they_are_need_not_be_listed() {
        for line in [
            "",
            "br",
            "br;q=0",
            "identity",
            "br, deflate;q=0.5",
            "gzip;q=0",
            "gzip;q=0,zstd;q=0",
            "identity;q=0.001, *;q=0",
        ] {
            assert_eq!(plain_or_refused(line), Some(Codings::Plain), "{line}");
        }
        assert_eq!(Codings::of(std::iter::empty()), Some(Codings::Plain));
    }

    #[test]
    fn who_takes_nothing_of_ours_gets_nothing() {
        for line in
            ["identity;q=0, br", "*;q=0", "identity;q=0,gzip;q=0,zstd;q=0", "br, *;q=0.0", "Identity;q=0"]
        {
            assert_eq!(plain_or_refused(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(header in ".*", pieces in "[a-z*;,=\"q0-9. ]{0,60}") {
            let _ = Codings::of([header.as_str(), &pieces].into_iter());
        }
    }
}
