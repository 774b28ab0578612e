//! Content codings of bodies: gzip, deflate, br and zstd, decoded within a bound as their bytes come.
//! It encodes nothing, and knows neither requests nor responses.

use std::borrow::Cow;
use std::io::{self, Cursor, Read as _, Write};

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::{HeaderMap, header};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

/// How many codings may be applied to one body. One is normal; each further one multiplies the work
/// that a short body can cause.
pub const CODINGS_MAX: usize = 2;

/// How many bytes one step may give between two codings. They are coded again, so they are few.
const BETWEEN_BYTES_MAX: usize = 1024 * 1024;

/// How much of what only its end decodes is given at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// How many bytes of a body in zstd are held until its end.
const ZSTD_CODED_BYTES_MAX: usize = 32 * 1024 * 1024;

const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The largest window of zstd that HTTP allows. Source: RFC 9659 section 3.
const ZSTD_WINDOW_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// The largest frame of one segment, which takes that much memory at once.
const ZSTD_CONTENT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Source: RFC 9110 section 8.4.1; RFC 8878 for zstd; RFC 7932 for br.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// Why a body cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodingError {
    #[error("expected at most {CODINGS_MAX} of gzip, deflate, br, zstd and identity, found others")]
    Unsupported,
    #[error("expected `{0}` as `content-encoding` says, found what does not unpack as it")]
    Malformed(&'static str),
    #[error("expected all of a body in `{0}`, found the end of its bytes before")]
    Cut(&'static str),
    #[error("expected a body that unpacks to at most {0} bytes, found more")]
    TooLarge(usize),
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

    /// Whether a body that begins with `first` may be in this coding. Source: RFC 1952 section
    /// 2.3.1; RFC 8878 section 3.1.1.
    fn may_begin_with(self, first: u8) -> bool {
        match self {
            Self::Gzip => first == 0x1f,
            Self::Zstd => first == ZSTD_MAGIC[0],
            Self::Deflate | Self::Brotli => true,
        }
    }
}

/// The codings of a body, in the order in which they were applied.
///
/// # Errors
/// [`CodingError::Unsupported`] where one is unknown or they are too many.
pub fn codings(headers: &HeaderMap) -> Result<Vec<Coding>, CodingError> {
    let mut codings = Vec::new();
    for list in headers.get_all(header::CONTENT_ENCODING) {
        let list = list.to_str().map_err(|_| CodingError::Unsupported)?;
        for name in list.split(',').map(str::trim) {
            if !name.is_empty() && !name.eq_ignore_ascii_case("identity") {
                codings.push(Coding::named(name).ok_or(CodingError::Unsupported)?);
            }
        }
    }
    if codings.len() > CODINGS_MAX {
        return Err(CodingError::Unsupported);
    }
    Ok(codings)
}

/// Whether a body that begins with `first` may be in these codings. Proxies unpack bodies and leave
/// the header as it was.
pub fn may_begin_with(codings: &[Coding], first: u8) -> bool {
    codings.last().is_none_or(|last| last.may_begin_with(first))
}

/// Decodes a whole body. Never holds more than about `bytes_max` decoded bytes for each coding.
///
/// # Errors
/// When the body is not in the codings, was cut, or is larger.
pub fn decode(
    encoded: &[u8],
    codings: &[Coding],
    bytes_max: usize,
) -> Result<Vec<u8>, CodingError> {
    /// What one step takes, so that a body that is too large is noticed early.
    const STEP_BYTES: usize = 64 * 1024;
    let mut decoder = Decoder::new(codings);
    let mut decoded = Vec::new();
    for step in encoded.chunks(STEP_BYTES) {
        decoded.append(&mut decoder.push(step, bytes_max)?);
        check(&decoded, bytes_max)?;
    }
    decoder.end();
    while let Some(mut rest) = decoder.drain(bytes_max)? {
        decoded.append(&mut rest);
        check(&decoded, bytes_max)?;
    }
    Ok(decoded)
}

fn check(decoded: &[u8], bytes_max: usize) -> Result<(), CodingError> {
    if decoded.len() > bytes_max {
        return Err(CodingError::TooLarge(bytes_max));
    }
    Ok(())
}

/// Decodes a body as its bytes come. What the encoder flushed is given at once, except in zstd,
/// which is decoded at its end: its decoder holds back a whole window.
pub struct Decoder {
    /// The coding that was applied last is undone first.
    stages: Vec<Stage>,
    /// The first stage that has not given all it has; those before it are at their end.
    open: usize,
    has_ended: bool,
}

impl Decoder {
    pub fn new(codings: &[Coding]) -> Self {
        Self {
            stages: codings.iter().rev().copied().map(Stage::new).collect(),
            open: 0,
            has_ended: false,
        }
    }

    /// Takes more of the body. Gives what can be decoded so far, at most `bytes_max`.
    ///
    /// # Errors
    /// When the bytes are not in the coding, or decode to more.
    pub fn push(&mut self, encoded: &[u8], bytes_max: usize) -> Result<Vec<u8>, CodingError> {
        push(&mut self.stages, Cow::Borrowed(encoded), bytes_max)
    }

    /// Nothing more of the body comes. [`Decoder::drain`] gives what only its end decodes.
    pub fn end(&mut self) {
        self.has_ended = true;
    }

    /// The next bytes that only the end of the body decodes, at most `bytes_max`; `None` where there
    /// are no more.
    ///
    /// # Errors
    /// When the body is malformed, or was cut; all that could be decoded has been given then.
    pub fn drain(&mut self, bytes_max: usize) -> Result<Option<Vec<u8>>, CodingError> {
        while self.has_ended
            && let Some(stage) = self.stages.get_mut(self.open)
        {
            if let Some(rest) = stage.drain()? {
                let later = &mut self.stages[self.open + 1..];
                return push(later, Cow::Owned(rest), bytes_max).map(Some);
            }
            self.open += 1;
        }
        Ok(None)
    }
}

/// Leads bytes through the stages.
fn push(
    stages: &mut [Stage],
    bytes: Cow<'_, [u8]>,
    bytes_max: usize,
) -> Result<Vec<u8>, CodingError> {
    let Some((last, earlier)) = stages.split_last_mut() else {
        return Ok(bytes.into_owned());
    };
    let mut between = bytes;
    for stage in earlier {
        between = Cow::Owned(stage.push(&between, BETWEEN_BYTES_MAX)?);
    }
    last.push(&between, bytes_max)
}

/// One coding of a body.
enum Stage {
    Gzip(Box<MultiGzDecoder<Sink>>),
    /// A `deflate` body before its second byte, which tells one form from the other.
    Deflate(Vec<u8>),
    Zlib(Box<ZlibDecoder<Sink>>),
    RawDeflate(Box<DeflateDecoder<Sink>>),
    Brotli(Box<Brotli>),
    Zstd(Zstd),
}

impl Stage {
    fn new(coding: Coding) -> Self {
        match coding {
            Coding::Gzip => Self::Gzip(Box::new(MultiGzDecoder::new(Sink::default()))),
            Coding::Deflate => Self::Deflate(Vec::new()),
            Coding::Brotli => Self::Brotli(Box::default()),
            Coding::Zstd => Self::Zstd(Zstd::default()),
        }
    }

    fn push(&mut self, encoded: &[u8], bytes_max: usize) -> Result<Vec<u8>, CodingError> {
        match self {
            Self::Gzip(decoder) => {
                decoder.get_mut().bytes_max = bytes_max;
                let written = write(&mut **decoder, encoded);
                decoder.get_mut().take("gzip", written)
            }
            Self::Zlib(decoder) => {
                decoder.get_mut().bytes_max = bytes_max;
                let written = write(&mut **decoder, encoded);
                decoder.get_mut().take("deflate", written)
            }
            Self::RawDeflate(decoder) => {
                decoder.get_mut().bytes_max = bytes_max;
                let written = write(&mut **decoder, encoded);
                decoder.get_mut().take("deflate", written)
            }
            Self::Brotli(decoder) => decoder.push(encoded, bytes_max),
            Self::Deflate(head) => {
                head.extend_from_slice(encoded);
                if head.len() < 2 {
                    return Ok(Vec::new());
                }
                let head = std::mem::take(head);
                *self = Self::deflate(&head);
                self.push(&head, bytes_max)
            }
            Self::Zstd(zstd) => zstd.push(encoded),
        }
    }

    fn deflate(head: &[u8]) -> Self {
        if has_zlib_header(head) {
            Self::Zlib(Box::new(ZlibDecoder::new(Sink::default())))
        } else {
            Self::RawDeflate(Box::new(DeflateDecoder::new(Sink::default())))
        }
    }

    /// What is left at the end of the coded bytes, piece by piece.
    fn drain(&mut self) -> Result<Option<Vec<u8>>, CodingError> {
        let (coding, is_whole) = match self {
            Self::Zstd(zstd) => return zstd.drain(),
            Self::Gzip(decoder) => ("gzip", decoder.try_finish().is_ok()),
            Self::Zlib(decoder) => ("deflate", decoder.try_finish().is_ok()),
            Self::RawDeflate(decoder) => ("deflate", decoder.try_finish().is_ok()),
            Self::Deflate(_) => ("deflate", false),
            Self::Brotli(decoder) => ("br", decoder.has_ended),
        };
        if is_whole {
            Ok(None)
        } else {
            Err(CodingError::Cut(coding))
        }
    }
}

/// Writes into a decoder what it takes, and has it give all that it can decode. What stands behind
/// the end of a coded body is left.
fn write(decoder: &mut impl Write, mut encoded: &[u8]) -> io::Result<()> {
    while !encoded.is_empty() {
        match decoder.write(encoded)? {
            0 => break,
            taken => encoded = &encoded[taken..],
        }
    }
    decoder.flush()
}

/// Takes decoded bytes up to a limit.
#[derive(Default)]
struct Sink {
    bytes: Vec<u8>,
    bytes_max: usize,
    is_over: bool,
}

impl Sink {
    /// What was decoded, or why it was not.
    fn take(
        &mut self,
        coding: &'static str,
        written: io::Result<()>,
    ) -> Result<Vec<u8>, CodingError> {
        if self.is_over {
            return Err(CodingError::TooLarge(self.bytes_max));
        }
        written.map_err(|_| CodingError::Malformed(coding))?;
        Ok(std::mem::take(&mut self.bytes))
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.bytes_max - self.bytes.len() {
            self.is_over = true;
            return Err(io::Error::other("more than the limit"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Brotli {
    state: BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    has_ended: bool,
}

impl Default for Brotli {
    fn default() -> Self {
        // Strict: without the large windows that HTTP's `br` does not have.
        let alloc = StandardAlloc::default;
        Self {
            state: BrotliState::new_strict(alloc(), alloc(), alloc()),
            has_ended: false,
        }
    }
}

impl Brotli {
    fn push(&mut self, encoded: &[u8], bytes_max: usize) -> Result<Vec<u8>, CodingError> {
        let mut decoded = Vec::new();
        let mut buffer = [0; 4096];
        let (mut left, mut read) = (encoded.len(), 0);
        while !self.has_ended {
            let (mut room, mut written, mut total) = (buffer.len(), 0, 0);
            let result = BrotliDecompressStream(
                &mut left,
                &mut read,
                encoded,
                &mut room,
                &mut written,
                &mut buffer,
                &mut total,
                &mut self.state,
            );
            if written > bytes_max - decoded.len() {
                return Err(CodingError::TooLarge(bytes_max));
            }
            decoded.extend_from_slice(&buffer[..written]);
            match result {
                BrotliResult::ResultSuccess => self.has_ended = true,
                BrotliResult::NeedsMoreOutput => {}
                BrotliResult::NeedsMoreInput => break,
                BrotliResult::ResultFailure => return Err(CodingError::Malformed("br")),
            }
        }
        Ok(decoded)
    }
}

/// Frame after frame: streaming encoders write several.
#[derive(Default)]
struct Zstd {
    /// The coded bytes, up to the body's end, and from there those behind the open frame.
    coded: Cursor<Vec<u8>>,
    frame: Option<Box<StreamingDecoder<Cursor<Vec<u8>>, FrameDecoder>>>,
}

impl Zstd {
    fn push(&mut self, encoded: &[u8]) -> Result<Vec<u8>, CodingError> {
        let coded = self.coded.get_mut();
        coded.extend_from_slice(encoded);
        if coded.len() > ZSTD_CODED_BYTES_MAX {
            return Err(CodingError::TooLarge(ZSTD_CODED_BYTES_MAX));
        }
        Ok(Vec::new())
    }

    fn drain(&mut self) -> Result<Option<Vec<u8>>, CodingError> {
        let malformed = || CodingError::Malformed("zstd");
        loop {
            let Some(frame) = &mut self.frame else {
                let at = usize::try_from(self.coded.position()).unwrap_or(usize::MAX);
                let rest = self.coded.get_ref().get(at..).unwrap_or_default();
                if rest.is_empty() {
                    return Ok(None);
                }
                if !asks_for_little(rest) {
                    return Err(malformed());
                }
                let coded = std::mem::take(&mut self.coded);
                let frame = StreamingDecoder::new(coded).map_err(|_| malformed())?;
                self.frame = Some(Box::new(frame));
                continue;
            };
            let mut piece = vec![0; PIECE_BYTES];
            let read = frame.read(&mut piece).map_err(|_| malformed())?;
            if read > 0 {
                piece.truncate(read);
                return Ok(Some(piece));
            }
            self.coded = self
                .frame
                .take()
                .map(|frame| frame.into_inner())
                .unwrap_or_default();
        }
    }
}

/// Whether a frame asks for no more memory than it may have: a window as HTTP allows it, or its
/// content where it is of one segment.
///
/// Source: RFC 8878 section 3.1.1.1.
fn asks_for_little(frame: &[u8]) -> bool {
    let Some([descriptor, header @ ..]) = frame.strip_prefix(&ZSTD_MAGIC) else {
        return false;
    };
    let is_single_segment = descriptor & 0x20 != 0;
    if !is_single_segment {
        let Some(window) = header.first() else {
            return false;
        };
        let base = 1_u64 << (10 + u32::from(window >> 3));
        return base + base / 8 * u64::from(window & 7) <= ZSTD_WINDOW_BYTES_MAX;
    }
    let dictionary_id_len = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let size_len = [1, 2, 4, 8][usize::from(descriptor >> 6)];
    let size = header.get(dictionary_id_len..dictionary_id_len + size_len);
    size.is_some_and(|size| {
        let mut bytes = [0; 8];
        bytes[..size_len].copy_from_slice(size);
        u64::from_le_bytes(bytes) <= ZSTD_CONTENT_BYTES_MAX
    })
}

/// Whether a `deflate` body has the zlib header that RFC 9110 asks for; some senders write none.
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

/// Bodies in each coding, for tests.
#[cfg(test)]
pub(crate) mod encoders {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    pub(crate) fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    pub(crate) fn deflate(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
        compress_to_vec(bytes, CompressionLevel::Fastest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::encoders::{deflate, gzip, zlib, zstd};
    use super::*;

    /// Four MiB of zeros, made by zlib.brotliCompressSync of Node 22.
    const ZEROS_BR: &[u8] = b"\x9b\xff\xff\x3f\xf8\x27\x00\xe2\xb1\x40\x20\xf7\xfe\x07";
    const ZEROS_LEN: usize = 4 << 20;

    #[test]
    fn a_body_that_was_cut_is_none() {
        let text = b"a text, and a text, and a text again";
        for (coding, whole) in [
            (Coding::Gzip, gzip(text)),
            (Coding::Deflate, zlib(text)),
            (Coding::Deflate, deflate(text)),
            (Coding::Brotli, ZEROS_BR.to_vec()),
            (Coding::Zstd, zstd(text)),
        ] {
            assert!(decode(&whole, &[coding], ZEROS_LEN).is_ok());
            for len in 1..whole.len() {
                let cut = decode(&whole[..len], &[coding], ZEROS_LEN);
                assert!(cut.is_err(), "{coding:?}, {len} of {} bytes", whole.len());
            }
        }
    }

    #[test]
    fn a_frame_that_asks_for_much_memory_is_refused() {
        let of_window = |window: u8| [&ZSTD_MAGIC[..], &[0, window, 1, 0, 0]].concat();
        assert_eq!(
            decode(&of_window(13 << 3), &[Coding::Zstd], 9),
            Ok(Vec::new())
        );
        let malformed = Err(CodingError::Malformed("zstd"));
        assert_eq!(
            decode(&of_window((13 << 3) + 1), &[Coding::Zstd], 9),
            malformed
        );
        let of_size = |size: u64| [&ZSTD_MAGIC[..], &[0xe0], &size.to_le_bytes()].concat();
        assert_eq!(decode(&of_size(1 << 40), &[Coding::Zstd], 9), malformed);
    }

    proptest! {
        #[test]
        fn no_bytes_can_break_a_decoder(
            bytes in prop::collection::vec(any::<u8>(), 1..200),
            at in any::<prop::sample::Index>(),
            flip in any::<u8>(),
        ) {
            let text: Vec<u8> = bytes.iter().map(|byte| byte % 7).collect();
            for (coding, valid) in [
                (Coding::Gzip, gzip(&text)),
                (Coding::Deflate, zlib(&text)),
                (Coding::Brotli, ZEROS_BR.to_vec()),
                (Coding::Zstd, zstd(&text)),
            ] {
                let mut mutated = valid;
                let at = at.index(mutated.len());
                mutated[at] ^= flip;
                for body in [mutated, bytes.clone()] {
                    let read = decode(&body, &[coding], 4096);
                    prop_assert!(read.is_err() || read.is_ok_and(|read| read.len() <= 4096));
                }
            }
        }

        #[test]
        fn any_cut_decodes_to_the_same(
            bytes in prop::collection::vec(0..3_u8, 0..5000),
            at in any::<prop::sample::Index>(),
        ) {
            for (coding, coded) in [
                (Coding::Gzip, gzip(&bytes)),
                (Coding::Deflate, zlib(&bytes)),
                (Coding::Deflate, deflate(&bytes)),
                (Coding::Zstd, zstd(&bytes)),
            ] {
                let (head, rest) = coded.split_at(at.index(coded.len()));
                let mut decoder = Decoder::new(&[coding]);
                let mut decoded = decoder.push(head, ZEROS_LEN).unwrap();
                decoded.append(&mut decoder.push(rest, ZEROS_LEN).unwrap());
                decoder.end();
                while let Some(mut more) = decoder.drain(ZEROS_LEN).unwrap() {
                    decoded.append(&mut more);
                }
                prop_assert_eq!(&decoded, &bytes);
            }
        }
    }
}
