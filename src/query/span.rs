//! From when to when.

use std::ops::{RangeFrom, RangeInclusive};

use crate::report::Timestamp;

/// A time to ask about: from a timestamp on, or up to another one, which belongs to it.
///
/// ```
/// use tagmeter::query::Span;
///
/// let hour = Span::from(1_600_000_000..=1_600_003_600);
/// assert!(hour.contains(1_600_003_600) && !hour.contains(1_600_003_601));
/// assert!(Span::from(1_600_000_000..).contains(1_700_000_000));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    pub(super) start: Timestamp,
    pub(super) end: Option<Timestamp>,
}

impl Span {
    /// When it begins.
    pub fn start(self) -> Timestamp {
        self.start
    }

    /// When it ends, if it does.
    pub fn end(self) -> Option<Timestamp> {
        self.end
    }

    /// Whether a time belongs to it. Both ends do.
    ///
    /// ```
    /// assert!(!tagmeter::query::Span::from(10..=20).contains(9.5));
    /// ```
    pub fn contains(self, time: impl Into<Timestamp>) -> bool {
        let time = time.into().as_f64();
        self.start.as_f64() <= time && self.end.is_none_or(|end| time <= end.as_f64())
    }
}

impl<T: Into<Timestamp>> From<RangeFrom<T>> for Span {
    fn from(range: RangeFrom<T>) -> Self {
        Span { start: range.start.into(), end: None }
    }
}

impl<T: Into<Timestamp>> From<RangeInclusive<T>> for Span {
    fn from(range: RangeInclusive<T>) -> Self {
        let (start, end) = range.into_inner();
        Span { start: start.into(), end: Some(end.into()) }
    }
}
