//! The lock-free parts of storage, in every order that the memory model allows. They are the files of `src/cell`
//! themselves, with the model checker's atomics in place of the machine's.

#![allow(dead_code, reason = "the files are larger than what is modelled")]
#![allow(unsafe_code, reason = "the checker's cells want it; it finds what is wrong about it")]

mod section;
mod sync;

/// Both sides by fences: what the system call does is what the kernel says.
mod barrier {
    use super::sync::{Ordering, fence};

    pub(crate) fn light() {
        fence(Ordering::SeqCst);
    }

    pub(crate) fn heavy() -> bool {
        fence(Ordering::SeqCst);
        true
    }

    pub(crate) fn prepare() {}
}

#[path = "../../src/cell/behind.rs"]
mod behind;
#[path = "../../src/cell/buckets.rs"]
mod buckets;
#[path = "../../src/cell/buffer.rs"]
mod buffer;
#[path = "../../src/cell/chains.rs"]
mod chains;
#[path = "../../src/cell/epoch.rs"]
mod epoch;
#[path = "../../src/cell/exemplars.rs"]
mod exemplars;
#[path = "../../src/cell/gate.rs"]
mod gate;
#[path = "../../src/cell/linked.rs"]
mod linked;
#[path = "../../src/cell/presence.rs"]
mod presence;
#[path = "../../src/cell/rare.rs"]
mod rare;
#[path = "../../src/cell/sequence.rs"]
mod sequence;
#[path = "../../src/cell/stripes.rs"]
mod stripes;
#[path = "../../src/cell/word.rs"]
mod word;

mod models;

use buckets::{BucketCells, Recorded};
use chains::Chains;
use exemplars::Exemplars;
use gate::{Gate, Groups};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;
use presence::{Presence, State};
use rare::Rare;
use section::Section;
use stripes::Stripes;
use sync::{AtomicU64, Ordering};
use word::{FloatWord, WholeWord, Word, add_to_own};

/// Checks with up to this many switches where a thread could have gone on.
fn model(preemptions: usize, check: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(check);
}

/// Runs both in threads of their own: the checker tries more orders than with one of them in the thread that begins.
fn side_by_side<T: Send + Sync + 'static>(shared: &Arc<T>, first: fn(&T), second: fn(&T)) {
    let [ours, theirs] = [shared.clone(), shared.clone()];
    let threads = [thread::spawn(move || first(&ours)), thread::spawn(move || second(&theirs))];
    threads.into_iter().for_each(|thread| thread.join().expect("neither panics"));
}
