//! Points on disk, in order: appended at one end, settled at the other.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, ErrorKind};
use std::mem;

use super::codec::{decode, encode};
use super::directory::{Directory, Position, Segment};
use super::record::{RecordHeader, SegmentHeader};
use super::segment::{Reader, Unreadable, Writer};
use super::{Spool, SpoolError, Survives};
use crate::backoff::Chance;
use crate::report::sink::Point;
use crate::report::status::Loss;

/// Files that a full spool has: so much of it, a sixteenth, is dropped at a time.
const SEGMENTS: u64 = 16;
/// The largest file, and so the largest record, which is read at once.
const MOST_SEGMENT_BYTES: u64 = 16 << 20;

/// The points of a directory.
///
/// Each point has a number, counted from the spool's beginning. Those below `settled` need wait no longer, `end` is the
/// number of the next one. Files and records know the number of their first point, so that whatever is missing between
/// two that can be read is counted by subtraction.
#[derive(Debug)]
pub(super) struct Log {
    directory: Directory,
    sink: String,
    survives: Survives,
    max_bytes: u64,
    max_points: u64,
    /// The files, the oldest first; the last one is being written, if any is.
    segments: VecDeque<Segment>,
    /// Files in which nothing waits any more, and that are still there: that they are settled could not be written down.
    emptied: Vec<Segment>,
    settled: u64,
    end: u64,
    writer: Option<Writer>,
    /// Of the oldest file.
    reader: Option<Reader>,
    front: Option<Front>,
    losses: Losses,
    chance: Chance,
}

/// The oldest record, read.
#[derive(Debug)]
struct Front {
    /// The number of its first point.
    first: u64,
    points: Vec<Point>,
}

/// Points that were lost, by the reason.
#[derive(Debug, Default)]
struct Losses {
    overflow: u64,
    unreadable: u64,
}

impl Front {
    fn end(&self) -> u64 {
        self.first + self.points.len() as u64
    }
}

impl Log {
    /// Takes a spool's directory and finds what is in it.
    pub(super) fn open(spool: &Spool, sink: &str) -> Result<Self, SpoolError> {
        let directory = Directory::open(&spool.directory)?;
        let mut log = Log {
            sink: sink.to_owned(),
            survives: spool.survives,
            max_bytes: spool.max_bytes,
            max_points: spool.max_points,
            segments: VecDeque::new(),
            emptied: Vec::new(),
            settled: 0,
            end: 0,
            writer: None,
            reader: None,
            front: None,
            losses: Losses::default(),
            chance: Chance::new(),
            directory,
        };
        log.find().map_err(|error| log.refusal(error))?;
        Ok(log)
    }

    /// How many points wait.
    pub(super) fn waiting(&self) -> u64 {
        self.end - self.settled
    }

    /// Bytes of all files with points, also of those that nobody needs.
    pub(super) fn bytes(&self) -> u64 {
        self.segments.iter().chain(&self.emptied).map(|segment| segment.bytes).sum()
    }

    pub(super) fn take_losses(&mut self) -> impl Iterator<Item = Loss> + use<> {
        let Losses { overflow, unreadable } = mem::take(&mut self.losses);
        let in_usize = |points| usize::try_from(points).unwrap_or(usize::MAX);
        [Loss::overflow(in_usize(overflow)), Loss::unreadable(in_usize(unreadable))].into_iter().flatten()
    }
}

/// What an earlier reporter left.
impl Log {
    fn find(&mut self) -> Result<(), Found> {
        let found = self.directory.found();
        let mut last = None;
        for segment in self.directory.segments()? {
            match Reader::open(&self.directory.path_of(segment.first)) {
                Ok(reader) if !reader.header.is_of(&self.sink) => {
                    return Err(Found::OfSink(reader.header.sink));
                }
                Ok(reader) if reader.header.first == segment.first => last = Some(reader),
                Err(Unreadable::Newer(version)) => return Err(Found::Newer(version)),
                Err(Unreadable::Now(error)) => return Err(Found::Error(error)),
                Ok(_) | Err(Unreadable::Lost) if found.is_some_and(|at| at.appended <= segment.first) => {
                    self.directory.set_aside(segment, &self.sink);
                    continue;
                }
                Ok(_) | Err(Unreadable::Lost) => last = None,
            }
            self.segments.push_back(segment);
        }
        let Position { settled, appended } = found.unwrap_or_default();
        let first = self.segments.front().map_or(0, |segment| segment.first);
        let behind_last = self.segments.back().map_or(0, |segment| segment.first);
        // Files are removed when that they are settled is written down, so others before the first are missing.
        self.settled = if found.is_some() { settled } else { first };
        self.end = appended.max(self.settled).max(behind_last);
        if let Some(last) = last {
            self.go_on(last);
        }
        self.let_go();
        // One that stays is tried again.
        let _ = self.remove_emptied();
        Ok(())
    }

    /// Finds the end of the last file, which is gone on with. Where that cannot be done, the next append makes another.
    fn go_on(&mut self, mut last: Reader) {
        let mut end = last.header.first;
        loop {
            match last.next() {
                Ok(Some(record)) => end = end.max(record.end()),
                Ok(None) => break,
                Err(_) => return,
            }
        }
        self.end = self.end.max(end);
        let Some(segment) = self.segments.back_mut() else { return };
        let path = self.directory.path_of(segment.first);
        if let Ok(writer) = Writer::resume(path, last.header.salt, last.at()) {
            segment.bytes = writer.length();
            self.writer = Some(writer);
        }
    }

    fn refusal(&self, found: Found) -> SpoolError {
        let directory = self.directory.path().to_owned();
        match found {
            Found::Newer(version) => SpoolError::Newer { directory, version },
            Found::OfSink(found) => SpoolError::AnotherSink { directory, found, expected: self.sink.clone() },
            Found::Error(error) => SpoolError::unusable(&directory, &error),
        }
    }
}

/// Why what was found cannot be used.
enum Found {
    Newer(u32),
    OfSink(String),
    Error(io::Error),
}

impl From<io::Error> for Found {
    fn from(error: io::Error) -> Self {
        Found::Error(error)
    }
}

/// Writing.
impl Log {
    /// Appends points: so many of them, all unless something is wrong with the disk. For what it has no room it drops the
    /// oldest of all.
    pub(super) fn append(&mut self, points: &[Point]) -> (usize, io::Result<()>) {
        let (mut done, mut most) = (0, points.len());
        while done < points.len() {
            let left = &points[done..];
            match self.append_some(&left[..most.min(left.len())]) {
                Ok(appended) => (done, most) = (done + appended, appended.saturating_mul(2)),
                Err(error) => return (done, Err(error)),
            }
        }
        (done, Ok(()))
    }

    /// Appends as many points as fit into one record; says how many.
    fn append_some(&mut self, points: &[Point]) -> io::Result<usize> {
        self.stay_there()?;
        let (count, mut record) = self.record(points);
        if record.len() as u64 > self.max_record() {
            self.losses.overflow += count as u64;
            return Ok(count);
        }
        self.make_room(record.len() as u64)?;
        self.write(count as u32, &mut record)?;
        self.end = self.end.saturating_add(count as u64);
        self.lose_to(self.end.saturating_sub(self.max_points), |losses| &mut losses.overflow);
        // Without this the next reporter counts the records by itself.
        let _ = self.note();
        Ok(count)
    }

    /// The first points as a record, with room for its header: as many of them as make one that is not too large, or one.
    fn record(&self, points: &[Point]) -> (usize, Vec<u8>) {
        let mut count = points.len();
        loop {
            let mut record = vec![0; RecordHeader::SIZE];
            encode(&points[..count], &mut record);
            if count <= 1 || record.len() as u64 <= self.max_record() {
                return (count, record);
            }
            count = count.div_ceil(2);
        }
    }

    fn write(&mut self, count: u32, record: &mut [u8]) -> io::Result<()> {
        // Left out where it fails: nobody knows what became of the file.
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => self.begin_segment()?,
        };
        writer.append(self.end, count, record, self.survives)?;
        if let Some(segment) = self.segments.back_mut() {
            segment.bytes = writer.length();
        }
        self.writer = Some(writer);
        Ok(())
    }

    fn begin_segment(&mut self) -> io::Result<Writer> {
        let header = SegmentHeader::new(self.chance.next() as u32, self.end, &self.sink);
        let writer = Writer::create(self.directory.path_of(self.end), &header, self.survives)?;
        // One that was begun and has nothing in it is replaced.
        self.segments.retain(|segment| segment.first < self.end);
        self.emptied.retain(|segment| segment.first < self.end);
        self.segments.push_back(Segment { first: self.end, bytes: writer.length() });
        Ok(writer)
    }

    /// Begins another file where the record does not fit into this one, and drops the oldest where it does not fit at all.
    fn make_room(&mut self, bytes: u64) -> io::Result<()> {
        self.writer = self.writer.take().filter(|writer| writer.length() + bytes <= self.max_segment());
        let header = if self.writer.is_none() { SegmentHeader::MAX as u64 } else { 0 };
        while self.bytes() + header + bytes > self.max_bytes {
            if !self.emptied.is_empty() {
                // Not written down: should that last, the next reporter counts them as unreadable, which costs no point.
                self.remove_emptied()?;
            } else if self.segments.is_empty() {
                break;
            } else {
                let end = self.segment_end();
                self.lose_to(end, |losses| &mut losses.overflow);
            }
        }
        Ok(())
    }

    fn max_segment(&self) -> u64 {
        (self.max_bytes / SEGMENTS).min(MOST_SEGMENT_BYTES)
    }

    fn max_record(&self) -> u64 {
        self.max_segment() - SegmentHeader::MAX as u64
    }

    /// Somebody may have removed the directory or a file in it: what is written there is gone when it is closed.
    fn stay_there(&mut self) -> io::Result<()> {
        if !self.directory.is_there() {
            let again = Directory::open(self.directory.path());
            let again = again.map_err(|error| io::Error::other(error.to_string()))?;
            let own = self.segments.iter().chain(&self.emptied);
            let known = |found: &Segment| own.clone().any(|own| own.first == found.first);
            if !again.segments()?.iter().all(known) {
                return Err(io::Error::other("another reporter has left points in its place"));
            }
            self.directory = again;
        } else if self.writer.as_ref().is_none_or(|writer| writer.path().exists()) {
            return Ok(());
        }
        (self.writer, self.reader) = (None, None);
        let is_there = |segment: &Segment| self.directory.path_of(segment.first).exists();
        self.segments.retain(is_there);
        self.emptied.retain(is_there);
        self.front = None;
        self.lose_to(self.segment_start(), |losses| &mut losses.unreadable);
        Ok(())
    }

    /// First it is written down, then files are removed: those that are gone and not settled would count as lost.
    fn note(&mut self) -> io::Result<()> {
        self.directory.note(Position { settled: self.settled, appended: self.end })?;
        if !self.emptied.is_empty() && self.directory.sync(self.survives).is_ok() {
            // One that stays is tried again.
            let _ = self.remove_emptied();
        }
        Ok(())
    }
}

/// Reading.
impl Log {
    /// Reads the oldest batch, if points wait. The error is one that may pass.
    pub(super) fn load(&mut self) -> io::Result<()> {
        while self.waiting() > 0 && self.front.is_none() {
            match self.read() {
                Ok(()) => {}
                Err(Unreadable::Now(error)) => return Err(error),
                Err(Unreadable::Lost | Unreadable::Newer(_)) => {
                    let end = self.segment_end();
                    self.lose_to(end, |losses| &mut losses.unreadable);
                }
            }
        }
        Ok(())
    }

    /// What waits of the batch that was read.
    pub(super) fn loaded(&self) -> Option<&[Point]> {
        self.front.as_ref().map(|front| &front.points[(self.settled - front.first) as usize..])
    }

    /// The first points of the oldest batch need wait no longer.
    pub(super) fn settle(&mut self, points: usize) -> io::Result<()> {
        self.load()?;
        let Some(end) = self.front.as_ref().map(Front::end) else { return Ok(()) };
        self.settle_to(end.min(self.settled.saturating_add(points as u64)))
    }

    /// Reads the next record of the oldest file, or counts what is missing before it. An error is about all the rest of the
    /// file.
    fn read(&mut self) -> Result<(), Unreadable> {
        self.lose_to(self.segment_start(), |losses| &mut losses.unreadable);
        let (end, Some(segment)) = (self.segment_end(), self.segments.front()) else { return Ok(()) };
        let reader = match &mut self.reader {
            Some(reader) => reader,
            None => self.reader.insert(Reader::open(&self.directory.path_of(segment.first))?),
        };
        let Some(record) = reader.next()? else { return Err(Unreadable::Lost) };
        // One that goes further was written, and then the disk failed: it came again with the next file.
        if record.end() <= self.settled || record.end() > end {
            return Ok(());
        }
        let payload = reader.payload(&record);
        self.lose_to(record.first, |losses| &mut losses.unreadable);
        match payload.map(|payload| decode(&payload, record.points as usize)) {
            Ok(Some(points)) => self.front = Some(Front { first: record.first, points }),
            Ok(None) | Err(Unreadable::Lost | Unreadable::Newer(_)) => {
                self.lose_to(record.end(), |losses| &mut losses.unreadable)
            }
            Err(now) => {
                // It is read again.
                self.reader = None;
                return Err(now);
            }
        }
        Ok(())
    }

    /// The number of the oldest file's first point.
    fn segment_start(&self) -> u64 {
        self.segments.front().map_or(self.end, |oldest| oldest.first)
    }

    /// The number behind the oldest file's last point.
    fn segment_end(&self) -> u64 {
        self.segments.get(1).map_or(self.end, |next| next.first)
    }

    /// Points before this one are lost, if any of them wait.
    fn lose_to(&mut self, to: u64, count: impl FnOnce(&mut Losses) -> &mut u64) {
        if to > self.settled {
            *count(&mut self.losses) += to - self.settled;
            // What is wrong with the disk is said where it matters: by the next append, or settling.
            let _ = self.settle_to(to);
        }
    }

    fn settle_to(&mut self, to: u64) -> io::Result<()> {
        self.settled = self.settled.max(to.min(self.end));
        self.front = self.front.take().filter(|front| front.end() > self.settled);
        self.let_go();
        self.note()
    }

    /// Lets go of files in which nothing waits.
    fn let_go(&mut self) {
        while self.segment_end() <= self.settled {
            let Some(oldest) = self.segments.pop_front() else { return };
            self.emptied.push(oldest);
            self.reader = None;
            if self.segments.is_empty() {
                self.writer = None;
            }
        }
    }

    /// Removes files that nobody needs; the error is about one that stays.
    fn remove_emptied(&mut self) -> io::Result<()> {
        let mut removed = Ok(());
        self.emptied.retain(|segment| match fs::remove_file(self.directory.path_of(segment.first)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                removed = Err(error);
                true
            }
            _ => false,
        });
        removed
    }
}
