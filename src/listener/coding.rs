//! Content codings of request bodies: gzip, deflate, br and zstd, decoded within a bound. It
//! encodes nothing.

use std::io::{self, Read};

use brotli_decompressor::Decompressor;
use bytes::Bytes;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::{HeaderMap, header};
use ruzstd::decoding::StreamingDecoder;

use super::body::too_large;
use crate::canon::{Blame, Fault, FaultKind};

/// How many codings may be applied to one body. One is normal; each further one multiplies the work
/// that a short body can cause.
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
        let list = list.to_str().map_err(|_| unsupported())?;
        for name in list.split(',').map(str::trim) {
            if !name.is_empty() && !name.eq_ignore_ascii_case("identity") {
                codings.push(Coding::named(name).ok_or_else(unsupported)?);
            }
        }
    }
    if codings.len() > CODINGS_MAX {
        Err(unsupported())
    } else {
        Ok(codings)
    }
}

/// Decodes a body. Never holds more than about `bytes_max` decoded bytes.
pub(super) fn decode(encoded: Bytes, codings: &[Coding], bytes_max: usize) -> Result<Bytes, Fault> {
    let mut bytes = encoded;
    for coding in codings.iter().rev() {
        bytes = decode_one(*coding, &bytes, bytes_max)?;
    }
    Ok(bytes)
}

fn decode_one(coding: Coding, encoded: &[u8], bytes_max: usize) -> Result<Bytes, Fault> {
    // One byte more than allowed tells that there is more.
    let limit = bytes_max.saturating_add(1);
    let decoded = match coding {
        Coding::Gzip => read_up_to(MultiGzDecoder::new(encoded), limit),
        Coding::Deflate if has_zlib_header(encoded) => read_up_to(ZlibDecoder::new(encoded), limit),
        Coding::Deflate => read_up_to(DeflateDecoder::new(encoded), limit),
        Coding::Brotli => read_up_to(Decompressor::new(encoded, 4096), limit),
        Coding::Zstd => read_zstd_up_to(encoded, limit),
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

/// Whether a `deflate` body has the zlib header that RFC 9110 asks for; some clients send none.
///
/// Source: RFC 1950 section 2.2: method 8 in the low bits, and the first two bytes are a multiple
/// of 31.
fn has_zlib_header(encoded: &[u8]) -> bool {
    let [first, second, ..] = encoded else {
        return false;
    };
    let is_checked = u16::from_be_bytes([*first, *second]).is_multiple_of(31);
    first & 0x0f == 8 && is_checked
}

fn unsupported() -> Fault {
    let message = format!(
        "content-encoding: expected at most {CODINGS_MAX} of gzip, deflate, br, zstd and identity, found others"
    );
    Fault::new(FaultKind::UnsupportedMediaType, Blame::Client, message)
}
