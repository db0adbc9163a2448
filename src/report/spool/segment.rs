//! One file of a spool: written at its end, read from its beginning.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::Survives;
use super::record::{NoHeader, RecordHeader, SegmentHeader, checksum};

/// Bytes that are looked through at a time for the next record behind damage.
const WINDOW: usize = 64 << 10;

/// Opens a file that only its owner may read.
pub(super) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Appends records to a file.
#[derive(Debug)]
pub(super) struct Writer {
    file: File,
    path: PathBuf,
    salt: u32,
    length: u64,
}

impl Writer {
    /// Makes a file, in the place of whatever is called so.
    pub(super) fn create(path: PathBuf, header: &SegmentHeader, survives: Survives) -> io::Result<Self> {
        let bytes = header.to_bytes();
        let mut file = options().write(true).create(true).truncate(true).open(&path)?;
        if let Err(error) = file.write_all(&bytes).and_then(|()| survives.sync_parent(&path)) {
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        Ok(Writer { file, path, salt: header.salt, length: bytes.len() as u64 })
    }

    /// Goes on behind the last whole record of a file: what follows is one that was not written to its end.
    pub(super) fn resume(path: PathBuf, salt: u32, length: u64) -> io::Result<Self> {
        let file = options().write(true).open(&path)?;
        file.set_len(length)?;
        Ok(Writer { file, path, salt, length })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Appends a record whole, or not at all as far as the disk lets that be undone: `record` begins with room for the
    /// header.
    pub(super) fn append(
        &mut self,
        first: u64,
        points: u32,
        record: &mut [u8],
        survives: Survives,
    ) -> io::Result<()> {
        let (room, payload) = record.split_at_mut(RecordHeader::SIZE);
        let bytes = u32::try_from(payload.len()).map_err(|_| ErrorKind::FileTooLarge)?;
        let header = RecordHeader { first, points, bytes, checksum: checksum(self.salt, payload) };
        room.copy_from_slice(&header.to_bytes(self.salt));
        let written = self.write(record, survives);
        match written {
            Ok(()) => self.length += record.len() as u64,
            // A record that is left there all the same is told by its number from the one that will come in its place.
            Err(_) => drop(self.file.set_len(self.length)),
        }
        written
    }

    fn write(&mut self, record: &[u8], survives: Survives) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.length))?;
        self.file.write_all(record)?;
        survives.sync(&self.file)
    }
}

/// Reads the records of a file, one after the other, and finds the next one behind damage.
#[derive(Debug)]
pub(super) struct Reader {
    file: File,
    pub(super) header: SegmentHeader,
    /// Where the next record is expected.
    at: u64,
}

/// Why a file or a record cannot be read.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// It is gone or damaged: it will not come back.
    Lost,
    /// It was made by this newer version.
    Newer(u32),
    /// The system cannot read it now: it has no more files, say, or somebody took the permission.
    Now(io::Error),
}

impl Reader {
    pub(super) fn open(path: &Path) -> Result<Self, Unreadable> {
        let mut file = File::open(path)?;
        let mut start = Vec::new();
        Read::by_ref(&mut file).take(SegmentHeader::MAX as u64).read_to_end(&mut start)?;
        let (header, length) = SegmentHeader::of(&start)?;
        Ok(Reader { file, header, at: length as u64 })
    }

    /// Where the last record that was found ends.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// The header of the next whole record.
    pub(super) fn next(&mut self) -> Result<Option<RecordHeader>, Unreadable> {
        let length = self.file.metadata()?.len();
        let found = match self.look(self.at, RecordHeader::SIZE, length)? {
            None => self.look_through(length)?,
            found => found,
        };
        let Some((at, header)) = found else { return Ok(None) };
        self.at = behind(at, &header);
        Ok(Some(header))
    }

    /// What the record that was found last holds, if it is not damaged.
    pub(super) fn payload(&mut self, header: &RecordHeader) -> Result<Vec<u8>, Unreadable> {
        let mut payload = vec![0; header.bytes as usize];
        self.file.seek(SeekFrom::Start(self.at - u64::from(header.bytes)))?;
        self.file.read_exact(&mut payload)?;
        let is_whole = checksum(self.header.salt, &payload) == header.checksum;
        if is_whole { Ok(payload) } else { Err(Unreadable::Lost) }
    }

    /// The next record that lies anywhere behind here.
    fn look_through(&self, length: u64) -> Result<Option<(u64, RecordHeader)>, Unreadable> {
        let mut at = self.at + 1;
        while at < length {
            if let found @ Some(_) = self.look(at, WINDOW, length)? {
                return Ok(found);
            }
            at += (WINDOW - RecordHeader::SIZE + 1) as u64;
        }
        Ok(None)
    }

    /// The first whole record whose header lies within so many bytes from here.
    fn look(&self, at: u64, within: usize, length: u64) -> Result<Option<(u64, RecordHeader)>, Unreadable> {
        let mut window = Vec::new();
        let mut file = &self.file;
        file.seek(SeekFrom::Start(at))?;
        file.take(within as u64).read_to_end(&mut window)?;
        let header = |start: usize| {
            let header = RecordHeader::of(&window[start..], self.header.salt)?;
            Some((at + start as u64, header)).filter(|(at, header)| behind(*at, header) <= length)
        };
        Ok((0..window.len()).find_map(header))
    }
}

/// Where a record ends whose header is there.
fn behind(at: u64, header: &RecordHeader) -> u64 {
    at.saturating_add(RecordHeader::SIZE as u64).saturating_add(header.bytes.into())
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        let is_lost = matches!(
            error.kind(),
            ErrorKind::NotFound | ErrorKind::UnexpectedEof | ErrorKind::InvalidData | ErrorKind::IsADirectory
        );
        if is_lost || is_of_the_disk(&error) { Unreadable::Lost } else { Unreadable::Now(error) }
    }
}

/// Whether the disk itself has a fault.
fn is_of_the_disk(error: &io::Error) -> bool {
    /// What all systems of the Unix family call it.
    const EIO: i32 = 5;
    cfg!(unix) && error.raw_os_error() == Some(EIO)
}

impl From<NoHeader> for Unreadable {
    fn from(none: NoHeader) -> Self {
        match none {
            NoHeader::Newer(version) => Unreadable::Newer(version),
            NoHeader::Damaged => Unreadable::Lost,
        }
    }
}
