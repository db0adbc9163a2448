//! Something behind a lock that its writers never wait for.

use std::ops::DerefMut;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::behind;
use super::sync::{Mutex, Ordering, fence};

/// As many of one thing as were written at the same moment, usually one: parts, whose sum a reader gathers.
///
/// A writer that finds a stripe held goes on to the next, which is made where it is missing. Readers hold the first stripe
/// for as long as they read, the others just to empty them.
///
/// Who changes a stripe sees what was stored before a [`gather`](Stripes::gather) that has not got the change: that had the
/// stripe's lock before, or did not come by a stripe that was new. In that case the fences, one between the making of a
/// stripe and its change, one between the store and the walk, let one of the two see the other.
#[derive(Debug, Default)]
pub(crate) struct Stripes<T> {
    part: Mutex<T>,
    /// Whether a reader waited for this stripe in vain.
    abandoned: AtomicBool,
    next: OnceLock<Box<Stripes<T>>>,
}

/// How long a reader waits for a writer. Longer than any thread is kept from running; but who held a lock when its process
/// was forked does not exist in the child.
const PATIENCE: Duration = Duration::from_secs(1);

impl<T: Default> Stripes<T> {
    /// Changes the first stripe that nobody holds. Tells whether that was the first of all.
    pub(crate) fn change(&self, change: impl FnOnce(&mut T)) -> bool {
        let mut stripe = self;
        loop {
            if let Some(mut part) = stripe.part.try_lock() {
                change(&mut part);
                return std::ptr::eq(stripe, self);
            }
            stripe = stripe.next_or_new();
            fence(Ordering::SeqCst);
        }
    }

    /// Pours all stripes into the first, and gives that. What is changed from then on is in another.
    pub(crate) fn gather(&self, pour: impl Fn(&mut T, T)) -> Option<impl DerefMut<Target = T>> {
        fence(Ordering::SeqCst);
        let mut stripes = self.all();
        let mut all = stripes.find_map(Stripes::lock)?;
        for stripe in stripes {
            if let Some(part) = stripe.lock().map(|mut part| std::mem::take(&mut *part)) {
                pour(&mut all, part);
            }
        }
        Some(all)
    }

    /// Takes out what is in the stripes. One that its writer is stopped at keeps what it has for the next time.
    pub(crate) fn drain(&self, mut take: impl FnMut(T)) {
        for stripe in self.all() {
            match stripe.lock() {
                Some(mut part) => {
                    let part = std::mem::take(&mut *part);
                    take(part);
                }
                None => behind::note(),
            }
        }
    }

    fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |stripe| stripe.next.get().map(Box::as_ref))
    }

    /// For readers; `None` if who holds it is gone.
    fn lock(&self) -> Option<impl DerefMut<Target = T>> {
        // Relaxed: what is out of date costs one wait more, or one reading without this stripe.
        let part = match self.abandoned.load(Ordering::Relaxed) {
            true => self.part.try_lock(),
            false => self.part.try_lock_for(PATIENCE),
        };
        self.abandoned.store(part.is_none(), Ordering::Relaxed);
        part
    }

    fn next_or_new(&self) -> &Self {
        loop {
            if let Some(next) = self.next.get() {
                return next;
            }
            // Not inside `get_or_init`: an allocator that records would wait for itself.
            let new = Box::default();
            let _ = self.next.set(new);
        }
    }
}
