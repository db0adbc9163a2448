//! What a server under control does wrong, and how often.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A fault, from now on.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    /// The share of requests that meet it.
    pub(crate) percent: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// Everything is taken.
    None,
    /// Answers 500, 502, 503 or 504.
    ServerError,
    /// Takes the points, and then answers so.
    ServerErrorAfterStoring,
    /// Answers 429, and wants a second of rest.
    Rest,
    /// Takes the points, and says so after this time.
    Latency(Duration),
    /// Breaks the connection off after a half of the body.
    ResetWhileReading,
    /// Takes the points, and breaks the connection off.
    ResetBeforeAnswering,
    /// Takes nothing and says nothing, for as long as somebody waits for it.
    Silence,
    /// Reads the body a few bytes at a time, with this pause after each.
    SlowReading(Duration),
    /// Refuses the points of the first series, by a 400 that names them.
    RefusePoints,
    /// Answers 401.
    WrongToken,
    /// Answers 413 to more than so many points.
    TooLargeAbove(usize),
}

impl Fault {
    pub(crate) const NONE: Fault = Fault { kind: Kind::None, percent: 0 };

    /// With every request.
    pub(crate) const fn always(kind: Kind) -> Fault {
        Fault { kind, percent: 100 }
    }

    /// With so many in a hundred requests, by chance.
    pub(crate) const fn share(percent: u64, kind: Kind) -> Fault {
        Fault { kind, percent }
    }
}

/// Chance that is the same in each run: SplitMix64.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn seeded(seed: u64) -> Chance {
        Chance(seed)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}
