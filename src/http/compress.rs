//! The codings that make pages smaller.
//!
//! Scrapers ask for gzip, people's browsers and tools for zstd as well. Of a page of 100 000 series (6.1 MB, two labels,
//! values of twenty digits; one core of a shared machine, November 2026):
//!
//! | coding | level | MB/s | bytes left |
//! |---|---|---|---|
//! | gzip | **1** | 667 | 12.0 % |
//! | gzip | 4 | 223 | 9.2 % |
//! | gzip | 6 | 76 | 9.0 % |
//! | zstd | **1** | 759 | 10.5 % |
//! | zstd | 3 | 715 | 10.7 % |
//! | zstd | 5 | 248 | 8.8 % |
//! | ruzstd, all in Rust | fastest | 195 | 15.0 % |
//!
//! Writing that page takes longer than its level 1; higher levels multiply what a scrape costs the program to save a
//! quarter of what is left. A zstd in Rust is slower than gzip and leaves more, so it is the C library, which takes 50 s
//! of a core to compile: a feature of its own.

use std::io;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::http::coding::{Coder, Coding};

/// The codings that are offered, best first.
pub(super) const OFFERED: &[Coding] = &[
    #[cfg(feature = "zstd")]
    Coding { name: "zstd", begin: begin_zstd },
    Coding { name: "gzip", begin: begin_gzip },
];

/// See the module's page.
const GZIP_LEVEL: u32 = 1;
/// See the module's page.
#[cfg(feature = "zstd")]
const ZSTD_LEVEL: i32 = 1;

fn begin_gzip() -> io::Result<Box<dyn Coder>> {
    Ok(Box::new(GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL))))
}

impl Coder for GzEncoder<Vec<u8>> {
    fn finish(self: Box<Self>) -> io::Result<Vec<u8>> {
        GzEncoder::finish(*self)
    }
}

#[cfg(feature = "zstd")]
fn begin_zstd() -> io::Result<Box<dyn Coder>> {
    Ok(Box::new(zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL)?))
}

#[cfg(feature = "zstd")]
impl Coder for zstd::stream::write::Encoder<'static, Vec<u8>> {
    fn finish(self: Box<Self>) -> io::Result<Vec<u8>> {
        zstd::stream::write::Encoder::finish(*self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::coding::{Body, Codings};
    use std::io::{Read, Write};

    fn chosen(line: &str) -> Option<(&'static str, bool)> {
        match Codings::of([line].into_iter())? {
            Codings::Plain => Some(("identity", true)),
            Codings::Either(coding) => Some((coding.name, true)),
            Codings::Only(coding) => Some((coding.name, false)),
        }
    }

    #[test]
    fn the_highest_weight_wins() {
        let cases = [
            ("gzip", Some(("gzip", true))),
            ("GZIP;q=0.5", Some(("gzip", true))),
            ("gzip, identity;q=0.5", Some(("gzip", true))),
            ("gzip;q=0.5, identity", Some(("identity", true))),
            ("gzip, identity", Some(("gzip", true))),
            ("gzip;q=0.5, *;q=0", Some(("gzip", false))),
            ("gzip, identity;q=0", Some(("gzip", false))),
            ("gzip;q=0, *", Some((if cfg!(feature = "zstd") { "zstd" } else { "identity" }, true))),
            ("gzip;q=2, br", Some(("identity", true))),
        ];
        cases.iter().for_each(|(line, coding)| assert_eq!(chosen(line), *coding, "{line}"));
    }

    #[cfg(feature = "zstd")]
    #[test]
    fn zstd_is_first_among_equals() {
        let cases = [
            ("gzip, zstd", "zstd"),
            ("gzip, deflate, br, zstd", "zstd"),
            ("*", "zstd"),
            ("gzip, zstd;q=0.9", "gzip"),
        ];
        cases.iter().for_each(|(line, coding)| assert_eq!(chosen(line), Some((*coding, true)), "{line}"));
    }

    fn decoded(name: &str, coded: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        match name {
            "gzip" => flate2::read::GzDecoder::new(coded).read_to_end(&mut bytes).unwrap(),
            #[cfg(feature = "zstd")]
            "zstd" => zstd::stream::read::Decoder::new(coded).unwrap().read_to_end(&mut bytes).unwrap(),
            other => panic!("no such coding: {other}"),
        };
        bytes
    }

    fn through(codings: Codings, chunks: &[&[u8]]) -> (Vec<u8>, Option<&'static str>) {
        let mut body = Body::new(codings);
        chunks.iter().for_each(|chunk| body.write_all(chunk).unwrap());
        body.finish().unwrap()
    }

    #[test]
    fn what_was_written_comes_out_again() {
        let line = b"orders_total{city=\"Oslo\"} 3\n".repeat(100);
        for coding in OFFERED {
            let (coded, name) = through(Codings::Either(*coding), &[&line[..100], &line[100..], &line]);
            assert_eq!(name, Some(coding.name));
            assert!(coded.len() < line.len() / 2);
            assert_eq!(decoded(coding.name, &coded), line.repeat(2));
        }
    }

    #[test]
    fn small_pages_stay_as_they_are_where_they_may() {
        for coding in OFFERED {
            assert_eq!(through(Codings::Either(*coding), &[b"hits 1\n"]), (b"hits 1\n".to_vec(), None));
            for page in [&b"hits 1\n"[..], b""] {
                let (coded, name) = through(Codings::Only(*coding), &[page]);
                assert_eq!((decoded(coding.name, &coded).as_slice(), name), (page, Some(coding.name)));
            }
        }
    }
}
