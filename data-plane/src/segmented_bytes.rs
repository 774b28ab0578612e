//! Bytes in segments: a large body as it came from a socket, passed on without being copied into
//! one buffer; and of an upload what is still to come.
//!
//! It knows nothing of the content.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::ops::Range;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use memchr::memmem::Finder;
use parking_lot::Mutex;

use crate::body_budget;

pub type BoxError = Box<dyn Error + Send + Sync>;

/// Bytes in one segment or more. A clone shares the segments.
///
/// As a body they are followed by the [`Rest`], where there is one. Everything else here is about
/// the bytes that have come.
#[derive(Clone, Debug, Default)]
pub struct SegmentedBytes {
    /// Empty only if there are no bytes at all. Most bodies have one segment, and need no list.
    first: Bytes,
    others: VecDeque<Bytes>,
    /// The copy of all segments in one buffer, once it was asked for.
    contiguous: OnceLock<Bytes>,
    rest: Option<Arc<Rest>>,
}

/// What follows the bytes at hand, as its sender sends it. It is read once, by the first that reads.
pub struct Rest {
    body: Mutex<Pin<Box<dyn Body<Data = Bytes, Error = BoxError> + Send>>>,
    /// How many bytes follow, where their sender said so.
    announced: Option<u64>,
    read_bytes: AtomicU64,
    is_begun: AtomicBool,
    has_failed: AtomicBool,
}

impl Rest {
    pub fn new(body: Pin<Box<dyn Body<Data = Bytes, Error = BoxError> + Send>>) -> Self {
        Self {
            announced: body.size_hint().exact(),
            body: Mutex::new(body),
            read_bytes: AtomicU64::new(0),
            is_begun: AtomicBool::new(false),
            has_failed: AtomicBool::new(false),
        }
    }

    /// How many bytes were read.
    pub fn read_bytes(&self) -> u64 {
        self.read_bytes.load(Ordering::Relaxed)
    }

    /// Whether its reading has begun: then it cannot be read again.
    pub fn is_begun(&self) -> bool {
        self.is_begun.load(Ordering::Relaxed)
    }

    /// Whether its sender broke off, or sent nothing for too long.
    pub fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    fn poll(&self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.is_begun.store(true, Ordering::Relaxed);
        let frame = ready!(self.body.lock().as_mut().poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
                self.read_bytes.fetch_add(bytes, Ordering::Relaxed);
            }
            Some(Err(_)) => self.has_failed.store(true, Ordering::Relaxed),
            None => {}
        }
        Poll::Ready(frame)
    }

    fn size_hint(&self) -> SizeHint {
        match self.announced {
            Some(bytes) => SizeHint::with_exact(bytes.saturating_sub(self.read_bytes())),
            None => SizeHint::default(),
        }
    }
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rest")
            .field("announced", &self.announced)
            .finish_non_exhaustive()
    }
}

impl SegmentedBytes {
    /// The same bytes, which `rest` follows.
    #[must_use]
    pub fn followed_by(self, rest: Arc<Rest>) -> Self {
        Self {
            rest: Some(rest),
            ..self
        }
    }

    /// What follows the bytes at hand.
    pub fn rest(&self) -> Option<&Arc<Rest>> {
        self.rest.as_ref()
    }

    pub fn len(&self) -> usize {
        self.iter().map(Bytes::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// Appends a segment.
    pub fn push(&mut self, segment: Bytes) {
        if segment.is_empty() {
            return;
        }
        self.contiguous = OnceLock::new();
        if self.first.is_empty() {
            self.first = segment;
        } else {
            self.others.push_back(segment);
        }
    }

    /// The same bytes, with the first segment as `hold` returns it.
    #[must_use]
    pub fn held(mut self, hold: impl FnOnce(Bytes) -> Bytes) -> Self {
        self.first = hold(self.first);
        self
    }

    /// All bytes in one buffer: the segment itself if there is one only, otherwise a copy, which is
    /// made once.
    pub fn whole(&self) -> &Bytes {
        if self.others.is_empty() {
            return &self.first;
        }
        self.contiguous.get_or_init(|| {
            let mut whole = BytesMut::with_capacity(self.len());
            for segment in self.iter() {
                whole.extend_from_slice(segment);
            }
            // What counts the segments' memory goes on counting as long as the copy lives.
            body_budget::hold(whole.freeze(), self.first.clone())
        })
    }

    /// The bytes of `range`, which has to lie within.
    pub fn slice(&self, range: Range<usize>) -> Self {
        let mut slice = Self::default();
        let mut segment_start = 0;
        for segment in self.iter() {
            let segment_end = segment_start + segment.len();
            let start = range.start.max(segment_start);
            let end = range.end.min(segment_end);
            if start < end {
                slice.push(segment.slice(start - segment_start..end - segment_start));
            }
            segment_start = segment_end;
        }
        slice
    }

    /// A copy with `by` in place of the bytes of `range`.
    pub fn replaced(&self, range: Range<usize>, by: Bytes) -> Self {
        let mut replaced = self.slice(0..range.start);
        replaced.push(by);
        for segment in self.slice(range.end..self.len()).iter() {
            replaced.push(segment.clone());
        }
        replaced.rest.clone_from(&self.rest);
        replaced
    }

    /// Whether `finder`'s needle occurs anywhere, also across segments.
    pub fn contains(&self, finder: &Finder<'_>) -> bool {
        if self.others.is_empty() {
            return finder.find(&self.first).is_some();
        }
        // The seam is what a needle across segments could cover: the last `overlap` bytes before a
        // segment, and the first `overlap` bytes of it. A segment shorter than that leaves some of
        // the bytes before it in the seam.
        let overlap = finder.needle().len().saturating_sub(1);
        let mut seam = Vec::new();
        self.iter().any(|segment| {
            seam.extend_from_slice(&segment[..overlap.min(segment.len())]);
            let is_found = finder.find(&seam).is_some() || finder.find(segment).is_some();
            if segment.len() > overlap {
                seam.clear();
                seam.extend_from_slice(&segment[segment.len() - overlap..]);
            }
            seam.drain(..seam.len().saturating_sub(overlap));
            is_found
        })
    }

    /// The segments.
    pub fn iter(&self) -> impl Iterator<Item = &Bytes> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

impl<T: Into<Bytes>> From<T> for SegmentedBytes {
    fn from(bytes: T) -> Self {
        Self {
            first: bytes.into(),
            ..Self::default()
        }
    }
}

impl Body for SegmentedBytes {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.first.is_empty() {
            return match &self.rest {
                Some(rest) => rest.poll(context),
                None => Poll::Ready(None),
            };
        }
        self.contiguous = OnceLock::new();
        let next = self.others.pop_front().unwrap_or_default();
        let segment = std::mem::replace(&mut self.first, next);
        Poll::Ready(Some(Ok(Frame::data(segment))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_empty() && self.rest.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let at_hand = self.len() as u64;
        let Some(rest) = &self.rest else {
            return SizeHint::with_exact(at_hand);
        };
        match rest.size_hint().exact() {
            Some(follows) => SizeHint::with_exact(at_hand + follows),
            None => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn segments(parts: &[&str]) -> SegmentedBytes {
        let mut segments = SegmentedBytes::default();
        parts
            .iter()
            .for_each(|part| segments.push(Bytes::copy_from_slice(part.as_bytes())));
        segments
    }

    #[test]
    fn an_empty_piece_adds_nothing() {
        assert!(segments(&["", ""]).is_empty());
        assert_eq!(segments(&["", "a", "", "b"]).whole(), "ab");
    }

    #[test]
    fn what_is_sent_is_what_is_there() {
        let mut sent = segments(&["ab", "c"]);
        assert_eq!(Body::size_hint(&sent).exact(), Some(3));
        let mut frame = || match Pin::new(&mut sent)
            .poll_frame(&mut Context::from_waker(std::task::Waker::noop()))
        {
            Poll::Ready(frame) => frame.map(|frame| frame.unwrap().into_data().unwrap()),
            Poll::Pending => unreachable!("it never waits"),
        };
        assert_eq!(
            [frame(), frame(), frame()],
            [Some("ab".into()), Some("c".into()), None]
        );
        assert!(Body::is_end_stream(&sent));
    }

    proptest! {
        #[test]
        fn wherever_the_seams_are(text in "[ab]{0,12}", cuts in proptest::collection::vec(0..13_usize, 0..5), ends in any::<[prop::sample::Index; 2]>(), needle in "[ab]{1,4}") {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).chain([0, text.len()]).collect();
            cuts.sort_unstable();
            let parts: Vec<&str> = cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
            let segments = segments(&parts);
            let mut range = ends.map(|end| end.index(text.len() + 1));
            range.sort_unstable();
            let [start, end] = range;
            prop_assert_eq!(segments.whole(), text.as_bytes());
            let slice = segments.slice(start..end);
            prop_assert_eq!(slice.whole(), &text.as_bytes()[start..end]);
            let (replaced, expected) = (segments.replaced(start..end, "xyz".into()), format!("{}xyz{}", &text[..start], &text[end..]));
            prop_assert_eq!(replaced.whole(), expected.as_bytes());
            prop_assert_eq!(segments.contains(&Finder::new(&needle)), text.contains(&needle));
        }
    }
}
