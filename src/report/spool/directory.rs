//! The directory of a spool: one reporter's at a time, and how far that has got.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::record::{Fields, SegmentHeader, checksum};
use super::segment::options;
use super::{SpoolError, Survives};

/// The file that is locked, and says how far the reporter has got.
const POSITION: &str = "position";
/// What the files with points are called, behind the number of their first point.
const SUFFIX: &str = ".points";
/// Digits of the greatest number.
const DIGITS: usize = 20;

/// How far a spool has got, in points from its beginning. Both only grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Position {
    /// Points that need wait no longer.
    pub(super) settled: u64,
    /// Points that were appended.
    pub(super) appended: u64,
}

/// Bytes of a position, with its checksum.
const SLOT: usize = 8 + 8 + 4;
/// A position is written to one of two places in turn, on different sectors of any disk: one is always whole.
const SLOT_DISTANCE: u64 = 4096;
/// Seeds the checksum, so that zeros are no position.
const SALT: u32 = 0x7461_676d;

impl Position {
    fn to_bytes(self) -> [u8; SLOT] {
        let mut bytes = [0; SLOT];
        bytes[..8].copy_from_slice(&self.settled.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.appended.to_le_bytes());
        let sum = checksum(SALT, &bytes[..16]);
        bytes[16..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    fn of(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..SLOT)?;
        let mut fields = Fields(bytes);
        let position = Position { settled: fields.u64()?, appended: fields.u64()? };
        let is_whole = fields.u32()? == checksum(SALT, &bytes[..16]) && position.settled <= position.appended;
        is_whole.then_some(position)
    }
}

/// A file with points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Segment {
    /// The number of its first point.
    pub(super) first: u64,
    /// Bytes of the file.
    pub(super) bytes: u64,
}

/// A directory that is this reporter's until dropped, also by the end of the process. A forked child has part in that: the
/// directory is in use as long as any of them lives.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    /// Locked as long as it is open.
    file: File,
    /// Which of the two slots is written next.
    slot: u64,
    /// What was found.
    found: Option<Position>,
}

impl Directory {
    /// Takes a directory, and makes it if need be.
    pub(super) fn open(path: &Path) -> Result<Self, SpoolError> {
        let unusable = |error: io::Error| SpoolError::unusable(path, &error);
        make(path).map_err(|error| if path.exists() { not_a_directory(path) } else { unusable(error) })?;
        let file = options().read(true).write(true).create(true).truncate(false).open(path.join(POSITION));
        let mut file = file.map_err(unusable)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => SpoolError::InUse { directory: path.to_owned() },
            TryLockError::Error(error) => unusable(error),
        })?;
        let mut bytes = Vec::new();
        Read::by_ref(&mut file).take(SLOT_DISTANCE * 2).read_to_end(&mut bytes).map_err(unusable)?;
        let slots = [Position::of(&bytes), bytes.get(SLOT_DISTANCE as usize..).and_then(Position::of)];
        let newest = (0..2).max_by_key(|slot| slots[*slot].map(|at| (at.appended, at.settled))).unwrap_or(0);
        Ok(Directory { path: path.to_owned(), file, slot: 1 - newest as u64, found: slots[newest] })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// How far an earlier reporter had got, if that can be read.
    pub(super) fn found(&self) -> Option<Position> {
        self.found
    }

    /// Writes down how far this one has got.
    pub(super) fn note(&mut self, position: Position) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.slot * SLOT_DISTANCE))?;
        self.file.write_all(&position.to_bytes())?;
        self.slot = 1 - self.slot;
        Ok(())
    }

    /// Has what was written down survive as well.
    pub(super) fn sync(&self, survives: Survives) -> io::Result<()> {
        survives.sync(&self.file)
    }

    pub(super) fn path_of(&self, first: u64) -> PathBuf {
        self.path.join(format!("{first:0DIGITS$}{SUFFIX}"))
    }

    /// Takes a file's name, since its number will be another's: it cannot be read, and nobody has appended to it as far as
    /// is known. Where it is too short for the header of this sink's points it is removed: whoever began it was killed.
    pub(super) fn set_aside(&self, segment: Segment, sink: &str) {
        let path = self.path_of(segment.first);
        if segment.bytes < SegmentHeader::length(sink) && fs::remove_file(&path).is_ok() {
            return;
        }
        match fs::rename(&path, path.with_extension("unreadable")) {
            Ok(()) => log::warn!("{path:?} of a spool cannot be read: it was renamed"),
            Err(error) => log::warn!("{path:?} of a spool cannot be read, nor renamed: {error}"),
        }
    }

    /// The files with points, the oldest first.
    pub(super) fn segments(&self) -> io::Result<Vec<Segment>> {
        let mut segments = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if let Some(first) = entry.file_name().to_str().and_then(number) {
                segments.push(Segment { first, bytes: entry.metadata()?.len() });
            }
        }
        segments.sort_unstable();
        Ok(segments)
    }

    /// Whether the directory is still the one that was taken. Somebody may have removed it, and somebody else may have
    /// made another in its place.
    pub(super) fn is_there(&self) -> bool {
        let at_path = fs::metadata(self.path.join(POSITION));
        at_path.is_ok_and(|at_path| self.file.metadata().is_ok_and(|own| are_same(&at_path, &own)))
    }
}

/// The number of the first point in a file of this name.
fn number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SUFFIX)?;
    let is_number = digits.len() == DIGITS && digits.bytes().all(|digit| digit.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}

/// Makes a directory that only its owner may enter, unless there is one.
fn make(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn not_a_directory(path: &Path) -> SpoolError {
    SpoolError::NotADirectory { path: path.to_owned() }
}

#[cfg(unix)]
fn are_same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Here a file that is open cannot be removed.
#[cfg(not(unix))]
fn are_same(_: &fs::Metadata, _: &fs::Metadata) -> bool {
    true
}
