//! How bodies are made smaller.

use std::fmt;
use std::io::{self, BufWriter, Write};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

/// Bodies are written in small pieces; the compressor gets them in chunks of this size.
const CHUNK_BYTES: usize = 16 << 10;
/// The level of deflate and gzip unless another is said.
const FAST: u32 = 1;

/// The coding of a request's body, and how hard it tries.
///
/// | | `Content-Encoding` | levels | unless said |
/// |---|---|---|---|
/// | [`identity`](Coding::identity) | none | | |
/// | [`deflate`](Coding::deflate) | `deflate`, which means a zlib stream (RFC 1950) | 0 to 9 | 1 |
/// | [`gzip`](Coding::gzip) | `gzip` | 0 to 9 | 1 |
/// | [`zstd`](Coding::zstd), feature `zstd` | `zstd` | 1 to 22 | 3 |
///
/// Compressing is most of what a push costs: level 6, which other clients send, takes nine times as long as level 1 to leave
/// a quarter less.
///
/// ```
/// use tagmeter::transport::{Coding, Http};
///
/// assert!(Http::builder().coding(Coding::gzip().level(1)).build().is_ok());
/// assert!(Http::builder().coding(Coding::gzip().level(10)).build().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coding {
    format: Format,
    level: u32,
}

/// A request's body as it travels. [`Transport::body`](super::Transport::body) makes it.
///
/// ```
/// use tagmeter::transport::{Coding, Memory, Transport};
///
/// let transport = Transport::Memory(Memory::new());
/// assert!(transport.body(Coding::identity(), |out| out.write_all(b"depth 7")).is_ok());
/// ```
#[derive(Clone, Default)]
pub struct Body {
    pub(super) bytes: Vec<u8>,
    /// Its coding, if the bytes are not as they are.
    pub(super) coding: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Identity,
    Deflate,
    Gzip,
    #[cfg(feature = "zstd")]
    Zstd,
}

impl Coding {
    /// Bodies as they are.
    ///
    /// ```
    /// assert!(tagmeter::transport::Http::builder().coding(tagmeter::transport::Coding::identity()).build().is_ok());
    /// ```
    pub const fn identity() -> Self {
        Coding { format: Format::Identity, level: 0 }
    }

    /// What HTTP calls deflate: a zlib stream.
    ///
    /// ```
    /// assert_ne!(tagmeter::transport::Coding::deflate(), tagmeter::transport::Coding::gzip());
    /// ```
    pub const fn deflate() -> Self {
        Coding { format: Format::Deflate, level: FAST }
    }

    /// What every server knows.
    ///
    /// ```
    /// assert_ne!(tagmeter::transport::Coding::gzip().level(9), tagmeter::transport::Coding::gzip());
    /// ```
    pub const fn gzip() -> Self {
        Coding { format: Format::Gzip, level: FAST }
    }

    /// Smaller and faster, where the server knows it.
    ///
    /// ```
    /// assert_ne!(tagmeter::transport::Coding::zstd(), tagmeter::transport::Coding::gzip());
    /// ```
    #[cfg(feature = "zstd")]
    #[cfg_attr(docsrs, doc(cfg(feature = "zstd")))]
    pub const fn zstd() -> Self {
        Coding { format: Format::Zstd, level: 3 }
    }

    /// With this level, from fast to small.
    ///
    /// ```
    /// assert_eq!(tagmeter::transport::Coding::gzip().level(1), tagmeter::transport::Coding::gzip());
    /// ```
    #[must_use]
    pub const fn level(self, level: u32) -> Self {
        Coding { level, ..self }
    }

    /// The name of the coding in headers, if the bytes are not as they are.
    fn name(self) -> Option<&'static str> {
        match self.format {
            Format::Identity => None,
            Format::Deflate => Some("deflate"),
            Format::Gzip => Some("gzip"),
            #[cfg(feature = "zstd")]
            Format::Zstd => Some("zstd"),
        }
    }

    /// The greatest level, if this one does not exist.
    pub(super) fn exceeded(self) -> Option<u32> {
        let (least, most) = match self.format {
            Format::Identity => return None,
            Format::Deflate | Format::Gzip => (0, 9),
            #[cfg(feature = "zstd")]
            Format::Zstd => (1, 22),
        };
        (!(least..=most).contains(&self.level)).then_some(most)
    }

    /// What is written, coded. Not all of it is held uncoded.
    pub(super) fn body(self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<Body> {
        Ok(Body { bytes: self.encode(write)?, coding: self.name() })
    }

    fn encode(self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<Vec<u8>> {
        let level = Compression::new(self.level);
        match self.format {
            Format::Identity => {
                let mut bytes = Vec::new();
                write(&mut bytes)?;
                Ok(bytes)
            }
            Format::Deflate => in_chunks(ZlibEncoder::new(Vec::new(), level), write)?.finish(),
            Format::Gzip => in_chunks(GzEncoder::new(Vec::new(), level), write)?.finish(),
            #[cfg(feature = "zstd")]
            Format::Zstd => {
                let level = i32::try_from(self.level).unwrap_or(i32::MAX);
                in_chunks(zstd::stream::write::Encoder::new(Vec::new(), level)?, write)?.finish()
            }
        }
    }
}

fn in_chunks<W: Write>(coder: W, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<W> {
    let mut chunks = BufWriter::with_capacity(CHUNK_BYTES, coder);
    write(&mut chunks)?;
    chunks.flush()?;
    Ok(chunks.into_inner()?)
}

impl Body {
    /// How many bytes travel.
    ///
    /// ```
    /// # use tagmeter::transport::{Coding, Memory, Transport};
    /// let transport = Transport::Memory(Memory::new());
    /// let body = transport.body(Coding::identity(), |out| out.write_all(b"depth 7"))?;
    /// assert_eq!(body.len(), 7);
    /// # Ok::<(), tagmeter::transport::TransportError>(())
    /// ```
    #[expect(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// Its size: what it says is the business of sender and server.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::{GzDecoder, ZlibDecoder};

    const LINE: &[u8] = b"orders_total{city=\"Oslo\"} 3\n";

    fn coded(coding: Coding) -> Vec<u8> {
        let lines = |out: &mut dyn Write| (0..1_000).try_for_each(|_| out.write_all(LINE));
        coding.encode(lines).unwrap()
    }

    #[test]
    fn what_was_written_comes_out_again_at_every_level() {
        let lines = LINE.repeat(1_000);
        assert_eq!(coded(Coding::identity()), lines);
        for level in 0..=9 {
            let zlib = coded(Coding::deflate().level(level));
            assert_eq!(zlib[0], 0x78, "a zlib stream begins with its header");
            assert_eq!(io::read_to_string(ZlibDecoder::new(&zlib[..])).unwrap().as_bytes(), lines);
            let gzip = coded(Coding::gzip().level(level));
            assert_eq!(io::read_to_string(GzDecoder::new(&gzip[..])).unwrap().as_bytes(), lines);
            assert!(level == 0 || gzip.len() < lines.len() / 10);
        }
    }

    #[cfg(feature = "zstd")]
    #[test]
    fn zstd_comes_out_again_at_every_level() {
        for level in 1..=22 {
            let coded = coded(Coding::zstd().level(level));
            assert_eq!(zstd::stream::decode_all(&coded[..]).unwrap(), LINE.repeat(1_000));
        }
    }

    #[test]
    fn what_cannot_be_written_is_an_error() {
        let refusing = |_: &mut dyn Write| Err(io::Error::other("no"));
        for coding in [Coding::identity(), Coding::deflate(), Coding::gzip()] {
            assert_eq!(coding.encode(refusing).unwrap_err().to_string(), "no");
        }
    }

    #[test]
    fn levels_that_do_not_exist_are_told() {
        assert_eq!(Coding::gzip().level(9).exceeded(), None);
        assert_eq!(Coding::deflate().level(10).exceeded(), Some(9));
        #[cfg(feature = "zstd")]
        assert_eq!(
            (Coding::zstd().level(0).exceeded(), Coding::zstd().level(22).exceeded()),
            (Some(22), None)
        );
    }
}
