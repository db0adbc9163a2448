//! What goes wrong inside recording: refused, and counted beside the instrument, which has no registry at hand.

use std::sync::atomic::{AtomicU64, Ordering};

/// A recording that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordingProblem {
    /// NaN or an infinity, given to a counter, histogram or timer.
    NotFinite,
    /// A negative amount, given to a counter.
    Negative,
    /// A state that the state set does not have.
    UnknownState,
    /// A function given by the user panicked.
    CallbackPanicked,
}

impl RecordingProblem {
    pub(crate) const ALL: [RecordingProblem; 4] = [
        RecordingProblem::NotFinite,
        RecordingProblem::Negative,
        RecordingProblem::UnknownState,
        RecordingProblem::CallbackPanicked,
    ];

    /// The `reason` it is exposed under.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            RecordingProblem::NotFinite => "not_finite",
            RecordingProblem::Negative => "negative",
            RecordingProblem::UnknownState => "unknown_state",
            RecordingProblem::CallbackPanicked => "callback_panicked",
        }
    }
}

/// How many recordings were refused, by reason.
#[derive(Debug, Default)]
pub(crate) struct Refused([AtomicU64; RecordingProblem::ALL.len()]);

impl Refused {
    /// Counts a refused recording.
    #[cold]
    pub(crate) fn note(&self, problem: RecordingProblem) {
        self.0[problem as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How many recordings were refused for that reason.
    pub(crate) fn count(&self, problem: RecordingProblem) -> u64 {
        self.0[problem as usize].load(Ordering::Relaxed)
    }
}
