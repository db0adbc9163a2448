//! Where points wait for a backend that does not take them now.

use std::collections::VecDeque;
use std::mem;

use super::sink::Point;
#[cfg(feature = "spool")]
use super::spool::SpoolStatus;
use super::status::Loss;

/// Points that wait, in batches, the oldest first. Bounded: beyond its bounds the oldest points are lost.
///
/// A batch comes in once an attempt to deliver it has failed. The reporter pushes [`oldest`](Backlog::oldest) and says
/// by [`settle`](Backlog::settle) how many of its points, from its beginning, need wait no longer. Whatever a backlog
/// loses it says in [`take_losses`](Backlog::take_losses), so that
///
/// > points appended + points there at the start = points settled + points lost + points waiting
///
/// holds after every call. None of them panics, blocks for long, or fails: what cannot be kept is lost and said.
pub(super) trait Backlog: Send {
    /// Takes points of one report; they keep their timestamps.
    fn append(&mut self, batch: Vec<Point>);

    /// The oldest batch, or what is left of it; never empty. None although points wait: they cannot be read now.
    fn oldest(&mut self) -> Option<&[Point]>;

    /// The first `points` of the oldest batch were delivered, or refused for good.
    fn settle(&mut self, points: usize);

    /// How much waits.
    fn waiting(&self) -> Waiting;

    /// The reporter ends. What no later one will find is lost.
    fn close(&mut self);

    /// What was lost since this was last asked.
    fn take_losses(&mut self) -> Vec<Loss>;

    /// What else the user should hear of, each once.
    fn take_notices(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// How its spool is doing, if it has one.
    #[cfg(feature = "spool")]
    fn on_disk(&self) -> Option<SpoolStatus> {
        None
    }
}

/// How much waits in a backlog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Waiting {
    pub(super) points: usize,
    pub(super) bytes: usize,
}

/// The most that may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) points: usize,
    pub(super) bytes: usize,
}

/// A million points: a hundred minutes of ten thousand series' counts.
const DEFAULT_POINTS: usize = 1_000_000;
/// What a service can spare while its backend is away.
const DEFAULT_BYTES: usize = 64 << 20;

impl Default for Bounds {
    fn default() -> Self {
        Bounds { points: DEFAULT_POINTS, bytes: DEFAULT_BYTES }
    }
}

/// A backlog in memory: gone with the reporter.
#[derive(Debug)]
pub(super) struct InMemory {
    bounds: Bounds,
    batches: VecDeque<Batch>,
    waiting: Waiting,
    losses: Vec<Loss>,
}

#[derive(Debug)]
struct Batch {
    points: Vec<Point>,
    bytes: usize,
}

impl InMemory {
    pub(super) fn new(bounds: Bounds) -> Self {
        InMemory { bounds, batches: VecDeque::new(), waiting: Waiting::default(), losses: Vec::new() }
    }

    /// Takes points off the oldest batch.
    fn remove(&mut self, points: usize) {
        let Some(batch) = self.batches.front_mut() else { return };
        let points = points.min(batch.points.len());
        batch.points.drain(..points);
        let bytes = weight(&batch.points);
        self.waiting.points -= points;
        self.waiting.bytes -= mem::replace(&mut batch.bytes, bytes) - bytes;
        if batch.points.is_empty() {
            self.batches.pop_front();
        }
    }

    /// How many points of the oldest batch are too many.
    fn excess(&self) -> usize {
        let Some(oldest) = self.batches.front() else { return 0 };
        let points = self.waiting.points.saturating_sub(self.bounds.points).min(oldest.points.len());
        let bytes = self.waiting.bytes.saturating_sub(self.bounds.bytes);
        points.max(points_of(&oldest.points, bytes))
    }
}

impl Backlog for InMemory {
    fn append(&mut self, batch: Vec<Point>) {
        let bytes = weight(&batch);
        self.waiting.points += batch.len();
        self.waiting.bytes += bytes;
        if !batch.is_empty() {
            self.batches.push_back(Batch { points: batch, bytes });
        }
        let before = self.waiting.points;
        while let excess @ 1.. = self.excess() {
            self.remove(excess);
        }
        self.losses.extend(Loss::overflow(before - self.waiting.points));
    }

    fn oldest(&mut self) -> Option<&[Point]> {
        self.batches.front().map(|batch| batch.points.as_slice())
    }

    fn settle(&mut self, points: usize) {
        self.remove(points);
    }

    fn waiting(&self) -> Waiting {
        self.waiting
    }

    fn close(&mut self) {
        self.batches.clear();
        self.losses.extend(Loss::stopped(mem::take(&mut self.waiting).points));
    }

    fn take_losses(&mut self) -> Vec<Loss> {
        mem::take(&mut self.losses)
    }
}

/// Two counts, in front of whatever an `Arc` shares.
const SHARED_OVERHEAD: usize = 2 * size_of::<usize>();
/// What a tag costs besides its text: two lengths.
const TAG_OVERHEAD: usize = 2 * size_of::<u16>();

/// Bytes that points hold, about: neighbours share their tags, and the points of a family their name.
fn weight(points: &[Point]) -> usize {
    let before = [None].into_iter().chain(points.iter().map(Some));
    points.iter().zip(before).map(|(point, before)| weight_after(point, before)).sum()
}

fn weight_after(point: &Point, before: Option<&Point>) -> usize {
    let Point { name, tags, .. } = point;
    let new_name = before.is_none_or(|before| before.name != *name);
    let new_tags = before.is_none_or(|before| before.tags != *tags);
    let of_tags = || tags.iter().map(|(key, value)| key.len() + value.len() + TAG_OVERHEAD).sum::<usize>();
    size_of::<Point>()
        + if new_name { SHARED_OVERHEAD + name.as_str().len() } else { 0 }
        + if new_tags { SHARED_OVERHEAD + of_tags() } else { 0 }
}

/// How many points, from the first on, hold so many bytes.
fn points_of(points: &[Point], bytes: usize) -> usize {
    let before = [None].into_iter().chain(points.iter().map(Some));
    let mut held = 0;
    let is_needed = |(point, before): &(&Point, Option<&Point>)| {
        let enough = held >= bytes;
        held += weight_after(point, *before);
        !enough
    };
    points.iter().zip(before).take_while(is_needed).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Reading, Timestamp};
    use proptest::prelude::*;

    fn batch(at: u32, points: usize) -> Vec<Point> {
        let point = |n: usize| Point {
            name: format!("orders_{}", n / 3).into(),
            tags: [("city", format!("c{}", n / 2))].into(),
            timestamp: Timestamp::from(at),
            value: n as f64,
            reading: Reading::Level,
        };
        (0..points).map(point).collect()
    }

    fn lost(backlog: &mut impl Backlog) -> usize {
        backlog.take_losses().iter().map(|loss| loss.points).sum()
    }

    #[test]
    fn the_oldest_come_out_first_and_go_first_when_there_are_too_many() {
        let mut backlog = InMemory::new(Bounds { points: 5, ..Bounds::default() });
        backlog.append(batch(1, 3));
        backlog.append(batch(2, 3));
        assert_eq!((backlog.waiting().points, lost(&mut backlog)), (5, 1));
        assert_eq!(backlog.oldest(), Some(&batch(1, 3)[1..]));
        backlog.settle(2);
        assert_eq!(backlog.oldest(), Some(&*batch(2, 3)));
        backlog.settle(3);
        assert_eq!(backlog.oldest(), None);
        assert_eq!(backlog.waiting(), Waiting::default());
    }

    #[test]
    fn what_is_too_large_for_the_bounds_is_cut_to_fit() {
        let all = batch(1, 100);
        for bounds in [Bounds { points: 7, bytes: usize::MAX }, Bounds { points: usize::MAX, bytes: 700 }] {
            let mut backlog = InMemory::new(bounds);
            backlog.append(all.clone());
            let Waiting { points, bytes } = backlog.waiting();
            assert!(points > 0 && points <= bounds.points && bytes <= bounds.bytes, "{points} {bytes}");
            assert_eq!(backlog.oldest(), Some(&all[100 - points..]));
        }
    }

    #[test]
    fn without_room_nothing_waits() {
        let mut backlog = InMemory::new(Bounds { points: 0, bytes: 0 });
        backlog.append(batch(1, 3));
        assert_eq!(lost(&mut backlog), 3);
        assert_eq!(backlog.oldest(), None);
    }

    #[test]
    fn what_waits_at_the_end_is_lost() {
        let mut backlog = InMemory::new(Bounds::default());
        backlog.append(batch(1, 3));
        backlog.close();
        assert_eq!((backlog.waiting(), lost(&mut backlog)), (Waiting::default(), 3));
    }

    proptest! {
        #[test]
        fn every_point_is_settled_lost_or_waiting(
            points in 0usize..50, bytes in 0usize..5_000, steps in prop::collection::vec((0usize..40, 0usize..40), 0..30),
        ) {
            let bounds = Bounds { points, bytes };
            let mut backlog = InMemory::new(bounds);
            let (mut appended, mut settled, mut gone) = (0, 0, 0);
            for (at, (new, done)) in steps.into_iter().enumerate() {
                backlog.append(batch(at as u32, new));
                let done = done.min(backlog.oldest().map_or(0, <[Point]>::len));
                backlog.settle(done);
                appended += new;
                settled += done;
                gone += lost(&mut backlog);
                let waiting = backlog.waiting();
                prop_assert_eq!(appended, settled + gone + waiting.points);
                prop_assert!(waiting.points <= bounds.points && waiting.bytes <= bounds.bytes);
                let held: usize = backlog.batches.iter().map(|batch| weight(&batch.points)).sum();
                prop_assert_eq!(held, waiting.bytes);
            }
        }
    }
}
