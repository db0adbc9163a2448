//! What a segment's file consists of: its header, and records, each with a header of its own.

use crc32fast::Hasher;

/// What a file begins with.
const MAGIC: [u8; 8] = *b"tagspool";
/// The version of the format that is written here, and the only one that is read.
pub(super) const VERSION: u32 = 1;
/// What a record begins with. Not text, so that no name or tag has it in it by chance.
const MARKER: [u8; 4] = [0xf5, b'r', b'e', 0xfe];
/// Begins the checksums of headers that say the salt.
const NO_SALT: u32 = 0;

/// A checksum. The salt is a segment's own random number: points hold texts from outside, which must not look like a
/// record to whoever looks for the next one behind damage.
pub(super) fn checksum(salt: u32, bytes: &[u8]) -> u32 {
    let mut hasher = Hasher::new_with_initial(salt);
    hasher.update(bytes);
    hasher.finalize()
}

/// What a segment's file says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) salt: u32,
    /// The number of its first point, counted from the spool's beginning.
    pub(super) first: u64,
    /// What the sink is called whose points these are.
    pub(super) sink: String,
}

/// Why there is no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoHeader {
    /// The file was made by this newer version.
    Newer(u32),
    Damaged,
}

/// The part of a header that is the same in all versions: magic, version, checksum of both.
const PREFIX: usize = MAGIC.len() + 4 + 4;
/// What follows up to the sink's name: salt, first point, the name's length.
const FIXED: usize = 4 + 8 + 1;
/// The longest name of a sink that is kept whole.
const SINK_MAX: usize = u8::MAX as usize;

impl SegmentHeader {
    /// Longest header there can be.
    pub(super) const MAX: usize = PREFIX + FIXED + SINK_MAX + 4;

    pub(super) fn new(salt: u32, first: u64, sink: &str) -> Self {
        SegmentHeader { salt, first, sink: cut(sink).to_owned() }
    }

    /// Bytes of a header that says this sink.
    pub(super) fn length(sink: &str) -> u64 {
        (PREFIX + FIXED + cut(sink).len() + 4) as u64
    }

    /// Whether the points are this sink's.
    pub(super) fn is_of(&self, sink: &str) -> bool {
        self.sink == cut(sink)
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let sink = self.sink.as_bytes();
        let mut bytes = [MAGIC.as_slice(), &VERSION.to_le_bytes()].concat();
        bytes.extend(checksum(NO_SALT, &bytes).to_le_bytes());
        bytes.extend(self.salt.to_le_bytes());
        bytes.extend(self.first.to_le_bytes());
        bytes.push(sink.len() as u8);
        bytes.extend(sink);
        // Begun with the salt, it would not tell a changed one: what a sum is begun with is as good as its first bytes.
        bytes.extend(checksum(NO_SALT, &bytes[PREFIX..]).to_le_bytes());
        bytes
    }

    /// Reads a header and says how long it is.
    pub(super) fn of(bytes: &[u8]) -> Result<(Self, usize), NoHeader> {
        check_version(bytes)?;
        SegmentHeader::behind_prefix(&bytes[PREFIX..]).ok_or(NoHeader::Damaged)
    }

    fn behind_prefix(bytes: &[u8]) -> Option<(Self, usize)> {
        let mut fields = Fields(bytes);
        let (salt, first, length) = (fields.u32()?, fields.u64()?, fields.u8()?);
        let sink = fields.0.get(..length.into())?;
        let body = FIXED + sink.len();
        fields.0 = &bytes[body..];
        if fields.u32()? != checksum(NO_SALT, &bytes[..body]) {
            return None;
        }
        let sink = String::from_utf8_lossy(sink).into_owned();
        Some((SegmentHeader { salt, first, sink }, PREFIX + body + 4))
    }
}

/// As much of a sink's name as a header has room for.
fn cut(sink: &str) -> &str {
    let fits = |at: &usize| sink.is_char_boundary(*at);
    &sink[..(0..=sink.len().min(SINK_MAX)).rev().find(fits).unwrap_or(0)]
}

fn check_version(bytes: &[u8]) -> Result<(), NoHeader> {
    let prefix = bytes.get(..PREFIX).ok_or(NoHeader::Damaged)?;
    let mut fields = Fields(&prefix[MAGIC.len()..]);
    let (version, sum) = (fields.u32(), fields.u32());
    if !prefix.starts_with(&MAGIC) || sum != Some(checksum(NO_SALT, &prefix[..MAGIC.len() + 4])) {
        return Err(NoHeader::Damaged);
    }
    match version {
        Some(VERSION) => Ok(()),
        newer => Err(newer.map_or(NoHeader::Damaged, NoHeader::Newer)),
    }
}

/// What a record says about the points in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordHeader {
    /// The number of its first point, counted from the spool's beginning: what is missing between two records can be
    /// counted.
    pub(super) first: u64,
    pub(super) points: u32,
    /// Bytes that the points take, behind the header.
    pub(super) bytes: u32,
    /// Checksum of these.
    pub(super) checksum: u32,
}

impl RecordHeader {
    /// Bytes of a header.
    pub(super) const SIZE: usize = MARKER.len() + 8 + 4 + 4 + 4 + 4;

    pub(super) fn to_bytes(self, salt: u32) -> [u8; Self::SIZE] {
        let mut bytes = [0; Self::SIZE];
        let fields = [
            MARKER.as_slice(),
            &self.first.to_le_bytes(),
            &self.points.to_le_bytes(),
            &self.bytes.to_le_bytes(),
            &self.checksum.to_le_bytes(),
        ];
        let body = Self::SIZE - 4;
        bytes[..body].copy_from_slice(&fields.concat());
        let sum = checksum(salt, &bytes[..body]);
        bytes[body..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// The header that these bytes begin with, if they do.
    pub(super) fn of(bytes: &[u8], salt: u32) -> Option<Self> {
        let bytes = bytes.get(..Self::SIZE).filter(|bytes| bytes.starts_with(&MARKER))?;
        let mut fields = Fields(&bytes[MARKER.len()..]);
        let header = RecordHeader {
            first: fields.u64()?,
            points: fields.u32()?,
            bytes: fields.u32()?,
            checksum: fields.u32()?,
        };
        (fields.u32()? == checksum(salt, &bytes[..Self::SIZE - 4])).then_some(header)
    }

    /// The number of the point behind the last one.
    pub(super) fn end(&self) -> u64 {
        self.first.saturating_add(self.points.into())
    }
}

/// Numbers one behind the other, little-endian.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl Fields<'_> {
    fn u8(&mut self) -> Option<u8> {
        self.take().map(u8::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> SegmentHeader {
        SegmentHeader::new(0x1234_5678, 42, "apptuit")
    }

    #[test]
    fn a_segment_s_header_comes_back_and_no_damage_to_it_passes() {
        let bytes = header().to_bytes();
        assert_eq!(bytes.len() as u64, SegmentHeader::length("apptuit"));
        assert_eq!(SegmentHeader::of(&[&bytes[..], b"points"].concat()), Ok((header(), bytes.len())));
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(SegmentHeader::of(&damaged), Err(NoHeader::Damaged), "bit {bit}");
        }
        (0..bytes.len()).for_each(|end| assert_eq!(SegmentHeader::of(&bytes[..end]), Err(NoHeader::Damaged)));
    }

    #[test]
    fn a_sink_with_a_name_like_a_novel_knows_its_own() {
        let novel = "é".repeat(200);
        let header = SegmentHeader::new(1, 2, &novel);
        assert!(header.is_of(&novel) && !header.is_of("é"));
        assert_eq!(SegmentHeader::of(&header.to_bytes()).map(|(header, _)| header), Ok(header));
    }

    #[test]
    fn a_newer_version_is_told_from_damage_whatever_follows() {
        let mut bytes = [MAGIC.as_slice(), &7_u32.to_le_bytes()].concat();
        bytes.extend(checksum(NO_SALT, &bytes).to_le_bytes());
        assert_eq!(SegmentHeader::of(&bytes), Err(NoHeader::Newer(7)));
    }

    #[test]
    fn a_record_s_header_comes_back_and_no_damage_to_it_passes() {
        let record = RecordHeader { first: 1 << 40, points: 7, bytes: 300, checksum: 99 };
        let bytes = record.to_bytes(5);
        assert_eq!(RecordHeader::of(&bytes, 5), Some(record));
        assert_eq!(RecordHeader::of(&bytes, 6), None, "the salt of another segment");
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(RecordHeader::of(&damaged, 5), None, "bit {bit}");
        }
    }
}
