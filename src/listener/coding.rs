//! Content codings of request bodies: gzip, deflate, br and zstd, unpacked within a bound. It
//! compresses nothing.

use std::io::{self, Read};

use brotli_decompressor::Decompressor;
use bytes::Bytes;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::{HeaderMap, header};
use ruzstd::decoding::StreamingDecoder;

use super::body::too_large;
use crate::canon::{Blame, Fault, FaultKind};

/// How many codings may lie on top of each other. One is normal; each more multiplies the work that
/// a short body can cause.
const CODINGS_MAX: usize = 2;

/// Source: RFC 9110 section 8.4.1; RFC 8878 for zstd; RFC 7932 for br.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Coding {
    fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            "br" => Some(Self::Brotli),
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
        }
    }
}

/// The codings of a body, in the order in which they were applied.
pub(super) fn codings(headers: &HeaderMap) -> Result<Vec<Coding>, Fault> {
    let mut codings = Vec::new();
    for list in headers.get_all(header::CONTENT_ENCODING) {
        let names = list
            .to_str()
            .map_err(|_| unsupported())?
            .split(',')
            .map(str::trim);
        for name in names.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"))
        {
            codings.push(Coding::named(name).ok_or_else(unsupported)?);
        }
    }
    if codings.len() > CODINGS_MAX {
        Err(unsupported())
    } else {
        Ok(codings)
    }
}

/// Unpacks `encoded`, at no point holding more than about `bytes_max` of what came out.
pub(super) fn decode(encoded: Bytes, codings: &[Coding], bytes_max: usize) -> Result<Bytes, Fault> {
    codings.iter().rev().try_fold(encoded, |bytes, coding| {
        decode_one(*coding, &bytes, bytes_max)
    })
}

fn decode_one(coding: Coding, encoded: &[u8], bytes_max: usize) -> Result<Bytes, Fault> {
    // One byte more than allowed is enough to know.
    let enough = bytes_max.saturating_add(1);
    let decoded = match coding {
        Coding::Gzip => read_up_to(MultiGzDecoder::new(encoded), enough),
        Coding::Deflate if has_zlib_header(encoded) => {
            read_up_to(ZlibDecoder::new(encoded), enough)
        }
        Coding::Deflate => read_up_to(DeflateDecoder::new(encoded), enough),
        Coding::Brotli => read_up_to(Decompressor::new(encoded, 4096), enough),
        Coding::Zstd => read_zstd_up_to(encoded, enough),
    };
    let decoded = decoded.map_err(|_| {
        let name = coding.name();
        Fault::bad_request(format!("request body: expected `{name}` as `content-encoding` says, found what does not unpack as it"))
    })?;
    if decoded.len() > bytes_max {
        Err(too_large(bytes_max))
    } else {
        Ok(decoded.into())
    }
}

fn read_up_to(reader: impl Read, bytes: usize) -> io::Result<Vec<u8>> {
    let mut decoded = Vec::new();
    reader.take(bytes as u64).read_to_end(&mut decoded)?;
    Ok(decoded)
}

/// Reads frame after frame: streaming encoders write several.
fn read_zstd_up_to(mut encoded: &[u8], bytes: usize) -> io::Result<Vec<u8>> {
    let mut decoded = Vec::new();
    while !encoded.is_empty() && decoded.len() < bytes {
        let frame = StreamingDecoder::new(&mut encoded).map_err(io::Error::other)?;
        frame
            .take((bytes - decoded.len()) as u64)
            .read_to_end(&mut decoded)?;
    }
    Ok(decoded)
}

/// Whether `deflate` means what RFC 9110 says (zlib) or what some send (no header at all).
///
/// Source: RFC 1950 section 2.2: method 8 in the low bits, and the first two bytes are a multiple
/// of 31.
fn has_zlib_header(encoded: &[u8]) -> bool {
    matches!(encoded, [first, second, ..] if first & 0x0f == 8 && u16::from_be_bytes([*first, *second]).is_multiple_of(31))
}

fn unsupported() -> Fault {
    let message = format!(
        "content-encoding: expected at most {CODINGS_MAX} of gzip, deflate, br, zstd and identity, found others"
    );
    Fault::new(FaultKind::UnsupportedMediaType, Blame::Client, message)
}
