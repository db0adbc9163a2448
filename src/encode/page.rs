//! A page on its way to a writer, through one buffer.

use std::io;

/// A page is handed on when it has grown to this, so that its size does not decide the memory it takes.
pub(crate) const CHUNK_BYTES: usize = 64 * 1024;

/// Room for what [`Page::push_short`] appends: two registers.
#[cfg(feature = "protobuf")]
pub(crate) const SHORT_BYTES: usize = 32;

/// The end of a page that was not yet handed on.
///
/// A slice and how much of it is filled, not a `String`: that would read and write its length for every part of a line,
/// each waiting for the one before, which took as long as the copying.
pub(crate) struct Page<'w> {
    writer: &'w mut dyn io::Write,
    chunk: Box<[u8]>,
    filled: usize,
    /// The writer's first error; after it nothing is handed on.
    written: io::Result<()>,
}

impl<'w> Page<'w> {
    pub(crate) fn new(writer: &'w mut dyn io::Write) -> Self {
        Page { writer, chunk: vec![0; CHUNK_BYTES].into(), filled: 0, written: Ok(()) }
    }

    /// Appends texts, one behind the other.
    #[inline]
    pub(crate) fn push<const N: usize>(&mut self, parts: [&str; N]) {
        self.push_bytes(parts.map(str::as_bytes));
    }

    /// The same with bytes.
    #[inline]
    pub(crate) fn push_bytes<const N: usize>(&mut self, parts: [&[u8]; N]) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        match self.chunk.get_mut(self.filled..self.filled + length) {
            Some(room) => {
                fill(room, parts);
                self.filled += length;
            }
            None => self.push_further(parts, length),
        }
    }

    /// Appends the first bytes of a short text, and others: of a length known beforehand, they are copied without a call.
    #[cfg(feature = "protobuf")]
    #[inline]
    pub(crate) fn push_short(&mut self, short: &[u8; SHORT_BYTES], length: usize, others: &[u8]) {
        let end = self.filled + SHORT_BYTES + others.len();
        match self.chunk.get_mut(self.filled..end) {
            Some(room) if length <= SHORT_BYTES => {
                room[..SHORT_BYTES].copy_from_slice(short);
                room[length..length + others.len()].copy_from_slice(others);
                self.filled += length + others.len();
            }
            _ => self.push_bytes([short.get(..length).unwrap_or(short), others]),
        }
    }

    /// Whether there is any use in going on.
    #[inline]
    pub(crate) fn has_failed(&self) -> bool {
        self.written.is_err()
    }

    /// Hands on the rest.
    ///
    /// # Errors
    /// The writer's first.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.hand_on();
        self.written
    }

    #[cold]
    fn push_further<const N: usize>(&mut self, parts: [&[u8]; N], length: usize) {
        self.hand_on();
        if length <= self.chunk.len() {
            self.push_bytes(parts);
        } else if !self.has_failed() {
            self.written = parts.iter().try_for_each(|part| self.writer.write_all(part));
        }
    }

    fn hand_on(&mut self) {
        let filled = self.chunk.get(..self.filled).unwrap_or(&[]);
        if !self.has_failed() {
            self.written = self.writer.write_all(filled);
        }
        self.filled = 0;
    }
}

#[inline]
fn fill<const N: usize>(mut room: &mut [u8], parts: [&[u8]; N]) {
    for part in parts {
        let (here, rest) = room.split_at_mut(part.len());
        here.copy_from_slice(part);
        room = rest;
    }
}
