//! A backlog on disk, with memory to fall back on.

use std::io;
use std::path::PathBuf;

use super::log::Log;
use super::{Spool, SpoolError, SpoolStatus};
use crate::report::backlog::{Backlog, Bounds, InMemory, Waiting};
use crate::report::sink::Point;
use crate::report::status::Loss;

/// Points that wait on disk, and behind them, while the disk takes none, others in memory.
///
/// What is in memory is younger than all that is on disk: nothing goes to disk before it does. So the order is kept
/// whatever the disk does.
#[derive(Debug)]
pub(in crate::report) struct Spooled {
    directory: PathBuf,
    log: Log,
    memory: InMemory,
    writing: Health,
    reading: Health,
    /// What the user has not been told.
    notices: Vec<String>,
}

/// Whether the disk does what it should, and why not.
#[derive(Debug, Default)]
struct Health(Option<String>);

impl Health {
    /// What became of something.
    fn learn(&mut self, done: &io::Result<()>) -> Change {
        let before = self.0.take();
        self.0 = done.as_ref().err().map(io::Error::to_string);
        match (before, &self.0) {
            (None, Some(why)) => Change::Failed(why.clone()),
            (Some(_), None) => Change::Recovered,
            _ => Change::None,
        }
    }
}

enum Change {
    None,
    Failed(String),
    Recovered,
}

impl Spooled {
    /// Takes a spool's directory, for points of a sink of this name. `bounds` are those of what waits in memory.
    pub(in crate::report) fn open(spool: &Spool, sink: &str, bounds: Bounds) -> Result<Self, SpoolError> {
        Ok(Spooled {
            directory: spool.directory.clone(),
            log: Log::open(spool, sink)?,
            memory: InMemory::new(bounds),
            writing: Health::default(),
            reading: Health::default(),
            notices: Vec::new(),
        })
    }

    /// Appends what waits in memory.
    fn spool_memory(&mut self) -> io::Result<()> {
        while let Some(batch) = self.memory.oldest() {
            let (appended, done) = self.log.append(batch);
            self.memory.settle(appended);
            done?;
        }
        Ok(())
    }

    /// Appends what waits in memory, then these; says how many of these were not appended.
    fn spool(&mut self, batch: &[Point]) -> usize {
        let (appended, done) = match self.spool_memory() {
            Ok(()) => self.log.append(batch),
            Err(error) => (0, Err(error)),
        };
        self.wrote(&done);
        batch.len() - appended
    }

    fn wrote(&mut self, done: &io::Result<()>) {
        let change = self.writing.learn(done);
        self.tell(change, "written", "what it cannot take waits in memory");
    }

    fn read(&mut self, done: &io::Result<()>) {
        let change = self.reading.learn(done);
        self.tell(change, "read", "its points wait");
    }

    /// A failure is told once, until it is over.
    fn tell(&mut self, change: Change, what: &str, so: &str) {
        let spool = format!("the spool in {:?}", self.directory);
        match change {
            Change::Failed(why) => self.notices.push(format!("{spool} cannot be {what}: {why}: {so}")),
            Change::Recovered => log::info!("{spool} can be {what} again"),
            Change::None => {}
        }
    }

    fn status(&self) -> SpoolStatus {
        let in_usize = |number| usize::try_from(number).unwrap_or(usize::MAX);
        SpoolStatus {
            points: in_usize(self.log.waiting()),
            bytes: in_usize(self.log.bytes()),
            failure: self.writing.0.as_ref().or(self.reading.0.as_ref()).cloned(),
        }
    }
}

impl Backlog for Spooled {
    fn append(&mut self, mut batch: Vec<Point>) {
        let left = self.spool(&batch);
        if left > 0 {
            self.memory.append(batch.split_off(batch.len() - left));
        }
    }

    fn oldest(&mut self) -> Option<&[Point]> {
        let read = self.log.load();
        self.read(&read);
        match (read, self.log.waiting()) {
            (Err(_), _) => None,
            (Ok(()), 0) => self.memory.oldest(),
            (Ok(()), _) => self.log.loaded(),
        }
    }

    fn settle(&mut self, points: usize) {
        if self.log.waiting() == 0 {
            return self.memory.settle(points);
        }
        let done = self.log.settle(points);
        // A full disk lets what is there be written over: that says nothing about the next append.
        if done.is_err() {
            self.wrote(&done);
        }
    }

    fn waiting(&self) -> Waiting {
        let (disk, memory) = (self.status(), self.memory.waiting());
        Waiting { points: disk.points + memory.points, bytes: disk.bytes + memory.bytes }
    }

    fn close(&mut self) {
        let done = self.spool_memory();
        self.wrote(&done);
        self.memory.close();
    }

    fn take_losses(&mut self) -> Vec<Loss> {
        self.log.take_losses().chain(self.memory.take_losses()).collect()
    }

    fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    fn on_disk(&self) -> Option<SpoolStatus> {
        Some(self.status())
    }
}
