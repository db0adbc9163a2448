//! How large a push is: what was too large is halved, and the size that passes is remembered.

use std::ops::Range;

/// A batch that is cut in halves where it is too large. Its pieces come in order.
#[derive(Debug)]
pub(super) struct Pieces {
    /// The pieces to come, the next one last.
    ahead: Vec<Range<usize>>,
    was_halved: bool,
    /// Points of the largest piece that passed.
    largest: usize,
}

impl Pieces {
    /// All in one piece; none of nothing.
    pub(super) fn of(points: usize) -> Self {
        let all = Some(0..points).filter(|all| !all.is_empty());
        Pieces { ahead: all.into_iter().collect(), was_halved: false, largest: 0 }
    }

    pub(super) fn next(&mut self) -> Option<Range<usize>> {
        self.ahead.pop()
    }

    /// This piece, of two points at least, was too large.
    pub(super) fn halve(&mut self, piece: Range<usize>) {
        let middle = piece.start + piece.len() / 2;
        self.ahead.extend([middle..piece.end, piece.start..middle]);
        self.was_halved = true;
    }

    /// This piece was not.
    pub(super) fn passed(&mut self, piece: Range<usize>) {
        self.largest = self.largest.max(piece.len());
    }
}

/// How many points a batch has: what the sink's rules say, or what passed after something was too large.
///
/// A backend that takes half of what the rules say would otherwise be sent every report's bytes twice. One giant point
/// does not make all batches small: the size remembered is the largest that passed. It grows again by an eighth with
/// each report.
#[derive(Debug)]
pub(super) struct BatchSize {
    now: usize,
    most: usize,
}

/// The share by which a remembered size grows from one report to the next.
const GROWTH: usize = 8;

impl BatchSize {
    pub(super) fn new(most: usize) -> Self {
        let most = most.max(1);
        BatchSize { now: most, most }
    }

    pub(super) fn now(&self) -> usize {
        self.now
    }

    pub(super) fn learn(&mut self, pieces: &Pieces) {
        if pieces.was_halved && pieces.largest > 0 {
            self.now = pieces.largest.min(self.most);
        }
    }

    pub(super) fn grow(&mut self) {
        self.now = self.now.saturating_add(self.now.div_ceil(GROWTH)).min(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Pushes until every piece has passed, which it does up to `most` points or alone; the pieces that passed.
    fn passed(points: usize, most: usize) -> (Vec<Range<usize>>, Pieces) {
        let mut pieces = Pieces::of(points);
        let mut passed = Vec::new();
        while let Some(piece) = pieces.next() {
            if piece.len() > most.max(1) {
                pieces.halve(piece);
            } else {
                pieces.passed(piece.clone());
                passed.push(piece);
            }
        }
        (passed, pieces)
    }

    proptest! {
        #[test]
        fn pieces_are_the_batch_in_order(points in 0usize..1_000, most in 0usize..1_000) {
            let (passed, _) = passed(points, most);
            let all: Vec<usize> = passed.into_iter().flatten().collect();
            prop_assert_eq!(all, (0..points).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_size_that_passed_is_remembered_and_grows_again() {
        let mut size = BatchSize::new(1_000);
        size.learn(&passed(1_000, 300).1);
        assert_eq!(size.now(), 250);
        size.grow();
        assert_eq!(size.now(), 282);
        (0..20).for_each(|_| size.grow());
        assert_eq!(size.now(), 1_000);
    }

    #[test]
    fn nothing_is_learnt_where_nothing_was_halved_or_nothing_passed() {
        let mut size = BatchSize::new(1_000);
        size.learn(&passed(10, 300).1);
        let mut refused = Pieces::of(2);
        let whole = refused.next().unwrap();
        refused.halve(whole);
        size.learn(&refused);
        assert_eq!(size.now(), 1_000);
    }
}
