//! A backlog on disk.
//!
//! # Files
//!
//! In the spool's directory, which only its owner may enter if we made it:
//!
//! | file | what |
//! |---|---|
//! | `position` | locked by the one reporter that may write; twice, 4096 bytes apart and written in turn: points settled, points appended, checksum |
//! | `<number of its first point>.points` | a segment: header, then records; each is a batch of points |
//!
//! | part of a segment | bytes, little-endian |
//! |---|---|
//! | header | `tagspool`, version (4), checksum of both (4); salt (4), number of the first point (8), length of the sink's name (1) and name, checksum of these (4) |
//! | record | `f5 72 65 fe`, number of its first point (8), points (4), bytes behind the header (4), their checksum (4), checksum of the header (4); then the points, see `codec` |
//!
//! Checksums are CRC-32, begun with the segment's random salt: nothing in a point looks like a record to whoever looks for
//! the next one behind damage. Numbers count points from the spool's beginning, so that whatever cannot be read is counted
//! by what is around it; only where both `position` and the last segment's header are damaged is that segment's number of
//! points not known. A record whose end is missing in the last segment was never appended, and is cut off. A segment that
//! cannot be read and that nobody is known to have appended to is renamed to `….unreadable`, or removed if it is shorter than a
//! header: whoever began it was killed.
//!
//! # Why a format of our own
//!
//! What is needed is a queue of batches that is bounded by dropping the oldest, says exactly what it lost to damage, holds
//! one batch in memory, and goes on when the disk does not. `queue-file` (2.0) has checksums, but ends at the first damaged
//! element, and has one file that grows; `yaque` (0.6) panics at a damaged header and has no checksum of the
//! rest; `okaywal` (0.3) says that it is not for production; `redb` and `fjall` are databases, much more than a queue. Full
//! disks, locks, bounds and whose points these are would be ours to do with each, and are most of the code here.

mod codec;
mod directory;
mod log;
mod record;
mod segment;
mod spooled;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

pub(super) use spooled::Spooled;

/// Bytes of files unless said: days of a service's points, and little of a disk.
const DEFAULT_BYTES: u64 = 256 << 20;
/// Less is of no use, and is taken as this.
const LEAST_BYTES: u64 = 64 << 10;

/// A directory in which points wait for a backend that does not take them now; see
/// [`ReporterBuilder::spool`](super::ReporterBuilder::spool).
///
/// It is one reporter's. Its bounds are those of the disk: beyond them the oldest points are dropped and counted, a
/// sixteenth of the bytes at a time. Not in them are 8 KiB of notes, and files called `….unreadable`: such a one was found
/// damaged, and as far as is known it never held a point that waited. Nothing reads or removes it. Files are readable by
/// their owner alone, and so is the directory, if it is made.
///
/// ```
/// use tagmeter::report::{Spool, Survives};
///
/// let spool = Spool::in_dir("/var/lib/shop/spool").max_bytes(1 << 30).survives(Survives::Kill);
/// assert_eq!(spool.directory().to_str(), Some("/var/lib/shop/spool"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a spool is used by a reporter"]
pub struct Spool {
    directory: PathBuf,
    max_bytes: u64,
    max_points: u64,
    survives: Survives,
}

/// What a batch survives once it is in the spool. The reporter's thread waits for that, nobody else.
///
/// ```
/// use tagmeter::report::Survives;
///
/// assert_eq!(Survives::default(), Survives::PowerLoss);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Survives {
    /// The end of the process, however it comes: each batch is handed to the operating system. A machine that crashes
    /// may lose the last half minute.
    Kill,
    /// The end of the machine: each batch is on the disk (`fdatasync`) before the reporter goes on, as far as the disk
    /// says the truth. What was delivered shortly before may be delivered again, with the same timestamps.
    #[default]
    PowerLoss,
}

/// Why a spool cannot be used.
///
/// ```
/// use tagmeter::report::SpoolError;
///
/// let error = SpoolError::InUse { directory: "/var/spool/shop".into() };
/// assert!(error.to_string().starts_with("spool \"/var/spool/shop\" is in use"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolError {
    /// There is something else at that path.
    #[error("spool {path:?} is not a directory")]
    NotADirectory {
        /// The path.
        path: PathBuf,
    },
    /// It is another reporter's, of this process or of another one; or a child forked from that one still lives. A reporter
    /// whose stop or drop timed out has its spool until its current request has ended.
    #[error("spool {directory:?} is in use by another reporter: expected a directory for each")]
    InUse {
        /// The directory.
        directory: PathBuf,
    },
    /// A newer version of this crate left points there. It can deliver them.
    #[error("spool {directory:?} is of version {version}, expected at most {}", record::VERSION)]
    Newer {
        /// The directory.
        directory: PathBuf,
        /// The format's version.
        version: u32,
    },
    /// The points there are those of another kind of sink, named and tagged as that one wants them.
    #[error("spool {directory:?} has points for {found:?}, expected points for {expected:?}")]
    AnotherSink {
        /// The directory.
        directory: PathBuf,
        /// What the sink is called whose points are there.
        found: String,
        /// What this one is called.
        expected: String,
    },
    /// The operating system does not let us read and write there.
    #[error("spool {directory:?} cannot be used: {reason}")]
    Unusable {
        /// The directory.
        directory: PathBuf,
        /// What kind of problem it is.
        kind: io::ErrorKind,
        /// What the system said.
        reason: String,
    },
}

/// How a spool is doing, in a [`Status`](super::Status).
///
/// ```
/// let status = tagmeter::report::Status::default();
/// assert_eq!(status.spool, None);     // there is none
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SpoolStatus {
    /// Points that wait on disk.
    pub points: usize,
    /// Bytes of the files they are in.
    pub bytes: usize,
    /// Why it takes or gives no points now. What it does not take waits in memory.
    pub failure: Option<String>,
}

impl Spool {
    /// A spool in this directory, which is made if there is none.
    ///
    /// ```
    /// let spool = tagmeter::report::Spool::in_dir("spool");
    /// assert_eq!(spool, "spool".into());
    /// ```
    pub fn in_dir(directory: impl Into<PathBuf>) -> Self {
        Spool {
            directory: directory.into(),
            max_bytes: DEFAULT_BYTES,
            max_points: u64::MAX,
            survives: Survives::default(),
        }
    }

    /// The most bytes its files may have together; 256 MiB unless said, and at least 64 KiB.
    ///
    /// ```
    /// let spool = tagmeter::report::Spool::in_dir("spool").max_bytes(16 << 20);
    /// # assert_ne!(spool, "spool".into());
    /// ```
    pub fn max_bytes(mut self, most: u64) -> Self {
        self.max_bytes = most.max(LEAST_BYTES);
        self
    }

    /// The most points that wait in it; any number unless said.
    ///
    /// ```
    /// let spool = tagmeter::report::Spool::in_dir("spool").max_points(1_000_000);
    /// # assert_ne!(spool, "spool".into());
    /// ```
    pub fn max_points(mut self, most: u64) -> Self {
        self.max_points = most;
        self
    }

    /// What its points survive; [`Survives::PowerLoss`] unless said.
    ///
    /// ```
    /// use tagmeter::report::{Spool, Survives};
    ///
    /// let spool = Spool::in_dir("spool").survives(Survives::Kill);
    /// # assert_ne!(spool, "spool".into());
    /// ```
    pub fn survives(mut self, what: Survives) -> Self {
        self.survives = what;
        self
    }

    /// The directory.
    ///
    /// ```
    /// assert_eq!(tagmeter::report::Spool::in_dir("spool").directory().to_str(), Some("spool"));
    /// ```
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

impl From<&str> for Spool {
    fn from(directory: &str) -> Self {
        Spool::in_dir(directory)
    }
}

impl From<String> for Spool {
    fn from(directory: String) -> Self {
        Spool::in_dir(directory)
    }
}

impl From<&Path> for Spool {
    fn from(directory: &Path) -> Self {
        Spool::in_dir(directory)
    }
}

impl From<PathBuf> for Spool {
    fn from(directory: PathBuf) -> Self {
        Spool::in_dir(directory)
    }
}

impl Survives {
    fn sync(self, file: &File) -> io::Result<()> {
        match self {
            Survives::Kill => Ok(()),
            Survives::PowerLoss => file.sync_data(),
        }
    }

    /// A new file survives with its directory. Where directories are no files that comes by itself.
    fn sync_parent(self, path: &Path) -> io::Result<()> {
        match path.parent() {
            Some(parent) if cfg!(unix) && self == Survives::PowerLoss => File::open(parent)?.sync_all(),
            _ => Ok(()),
        }
    }
}

impl SpoolError {
    fn unusable(directory: &Path, error: &io::Error) -> Self {
        let directory = directory.to_owned();
        SpoolError::Unusable { directory, kind: error.kind(), reason: error.to_string() }
    }
}
