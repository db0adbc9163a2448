//! Why a page is not valid, and where.

/// Why a page was refused, and where.
///
/// ```
/// let error = tagmeter::parse::openmetrics::parse("# EOF\n\n").unwrap_err();
/// assert_eq!((error.line, error.column), (2, 1));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
#[non_exhaustive]
pub struct ParseError {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with a page.
///
/// ```
/// use tagmeter::parse::{Problem, text};
///
/// let error = text::parse("hits 1\nhits 2\n").unwrap_err();
/// assert_eq!(error.problem, Problem::Repeated { what: "series", name: "hits".to_owned() });
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Something else stands here.
    #[error("found {found:?}, expected {expected}")]
    Unexpected {
        /// What stands here, shortened.
        found: String,
        /// What the format has here.
        expected: &'static str,
    },
    /// Something that may be said once is said again.
    #[error("{what} {name:?} is repeated, expected it once")]
    Repeated {
        /// What is repeated: a family, a series, a label or a line about a family.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// Each line may stand, but not all of them together. Line and column are those where the family ends.
    #[error("family {family:?} breaks a rule of its kind, expected {expected}")]
    Inconsistent {
        /// The family.
        family: String,
        /// The rule.
        expected: &'static str,
    },
}
