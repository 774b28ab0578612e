//! The start of a body, copied as it passes: capped, and counted against what all of them together
//! may take.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::Instant;

/// How many pieces of a stream are noted with their time.
const CHUNKS_MAX: usize = 4_000;

/// How many bytes of bodies may wait in memory: those of requests in flight, and those that are not
/// written yet.
const HELD_BYTES_MAX: usize = 32 << 20;

/// A piece of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Where it ends in the body.
    pub end: u32,
    /// Since the request's arrival.
    pub at_ms: u32,
}

/// Counts the bytes of all captures.
#[derive(Debug, Default)]
pub(super) struct HeldBytes(AtomicUsize);

impl HeldBytes {
    fn take(&self, bytes: usize) -> bool {
        let with = |held: usize| {
            held.checked_add(bytes)
                .filter(|held| *held <= HELD_BYTES_MAX)
        };
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, with)
            .is_ok()
    }
}

/// A body that passes.
#[derive(Debug)]
pub struct Capture {
    bytes: Vec<u8>,
    size: u64,
    /// Shrinks to what is there once there is no more room.
    bytes_max: usize,
    /// `None` for a body in one piece.
    chunks: Option<Vec<Chunk>>,
    arrived: Instant,
    held: Arc<HeldBytes>,
}

impl Capture {
    pub(super) fn new(
        bytes_max: usize,
        is_stream: bool,
        arrived: Instant,
        held: Arc<HeldBytes>,
    ) -> Self {
        Self {
            bytes: Vec::new(),
            size: 0,
            bytes_max,
            chunks: is_stream.then(Vec::new),
            arrived,
            held,
        }
    }

    /// Takes the next piece: a copy of it up to the limit.
    pub fn push(&mut self, piece: &[u8]) {
        self.size += piece.len() as u64;
        let kept = &piece[..piece.len().min(self.bytes_max - self.bytes.len())];
        if self.held.take(kept.len()) {
            self.bytes.extend_from_slice(kept);
        } else {
            self.bytes_max = self.bytes.len();
        }
        self.note_time();
    }

    fn note_time(&mut self) {
        let Some(chunks) = &mut self.chunks else {
            return;
        };
        if chunks.len() < CHUNKS_MAX {
            let at = self.arrived.elapsed().as_millis();
            chunks.push(Chunk {
                end: u32::try_from(self.bytes.len()).unwrap_or(u32::MAX),
                at_ms: u32::try_from(at).unwrap_or(u32::MAX),
            });
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn chunks(&self) -> &[Chunk] {
        self.chunks.as_deref().unwrap_or_default()
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.held.0.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capture(bytes_max: usize, held: &Arc<HeldBytes>) -> Capture {
        Capture::new(bytes_max, true, Instant::now(), held.clone())
    }

    #[test]
    fn what_is_past_the_cap_is_counted_and_not_kept() {
        let held = Arc::default();
        let mut body = capture(5, &held);
        body.push(b"abc");
        body.push(b"def");
        body.push(b"ghi");
        assert_eq!((body.bytes(), body.size()), (&b"abcde"[..], 9));
        let ends: Vec<u32> = body.chunks().iter().map(|chunk| chunk.end).collect();
        assert_eq!(ends, [3, 5, 5]);
    }

    #[test]
    fn all_captures_together_are_bounded_and_give_their_room_back() {
        let held: Arc<HeldBytes> = Arc::default();
        let mut large = capture(usize::MAX, &held);
        large.push(&vec![0; HELD_BYTES_MAX - 2]);
        let mut small = capture(usize::MAX, &held);
        small.push(b"abc");
        small.push(b"d");
        assert_eq!((small.bytes(), small.size()), (&b""[..], 4));
        drop(large);
        drop(small);
        assert_eq!(held.0.load(Ordering::Relaxed), 0);
        let mut later = capture(usize::MAX, &held);
        later.push(b"abc");
        assert_eq!(later.bytes(), b"abc");
    }

    #[test]
    fn the_times_of_a_stream_are_bounded() {
        let mut body = capture(1, &Arc::default());
        (0..CHUNKS_MAX + 5).for_each(|_| body.push(b"x"));
        assert_eq!(body.chunks().len(), CHUNKS_MAX);
    }
}
