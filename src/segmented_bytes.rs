//! Bytes in pieces: a large body as it came from a socket, which goes on without ever being copied
//! together.
//!
//! It knows nothing of what the bytes say.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::ops::Range;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use memchr::memmem::Finder;

/// Bytes in one piece or more. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub struct SegmentedBytes {
    /// Empty only where there is nothing at all.
    first: Bytes,
    rest: VecDeque<Bytes>,
    /// All of it in one piece, once somebody wanted that.
    whole: OnceLock<Bytes>,
}

impl SegmentedBytes {
    pub fn len(&self) -> usize {
        self.iter().map(Bytes::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// Adds a piece at the end.
    pub fn push(&mut self, piece: Bytes) {
        if piece.is_empty() {
            return;
        }
        self.whole = OnceLock::new();
        if self.first.is_empty() {
            self.first = piece;
        } else {
            self.rest.push_back(piece);
        }
    }

    /// All of it in one piece: what there is, where it is one, else a copy that is made once.
    pub fn whole(&self) -> &Bytes {
        if self.rest.is_empty() {
            return &self.first;
        }
        self.whole.get_or_init(|| {
            let mut whole = BytesMut::with_capacity(self.len());
            self.iter().for_each(|piece| whole.extend_from_slice(piece));
            whole.freeze()
        })
    }

    /// What stands at `range`, which lies within.
    pub fn slice(&self, range: Range<usize>) -> Self {
        let mut slice = Self::default();
        let mut begins = 0;
        for piece in self.iter() {
            let (start, end) = (range.start.max(begins), range.end.min(begins + piece.len()));
            if start < end {
                slice.push(piece.slice(start - begins..end - begins));
            }
            begins += piece.len();
        }
        slice
    }

    /// The same with other bytes at `range`.
    pub fn replaced(&self, range: Range<usize>, by: Bytes) -> Self {
        let mut replaced = self.slice(0..range.start);
        replaced.push(by);
        self.slice(range.end..self.len())
            .iter()
            .for_each(|piece| replaced.push(piece.clone()));
        replaced
    }

    /// Whether `finder`'s needle stands anywhere, also across two pieces.
    pub fn contains(&self, finder: &Finder<'_>) -> bool {
        if self.rest.is_empty() {
            return finder.find(&self.first).is_some();
        }
        let overlap = finder.needle().len().saturating_sub(1);
        let mut seam = Vec::new();
        self.iter().any(|piece| {
            seam.extend_from_slice(&piece[..overlap.min(piece.len())]);
            let is_found = finder.find(&seam).is_some() || finder.find(piece).is_some();
            // What the needle may begin with, of this piece and, where it is short, of those before
            // it.
            if piece.len() > overlap {
                seam.clear();
                seam.extend_from_slice(&piece[piece.len() - overlap..]);
            }
            seam.drain(..seam.len().saturating_sub(overlap));
            is_found
        })
    }

    fn iter(&self) -> impl Iterator<Item = &Bytes> {
        std::iter::once(&self.first).chain(&self.rest)
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
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.first.is_empty() {
            return Poll::Ready(None);
        }
        self.whole = OnceLock::new();
        let next = self.rest.pop_front().unwrap_or_default();
        Poll::Ready(Some(Ok(Frame::data(std::mem::replace(
            &mut self.first,
            next,
        )))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pieces(parts: &[&str]) -> SegmentedBytes {
        let mut pieces = SegmentedBytes::default();
        parts
            .iter()
            .for_each(|part| pieces.push(Bytes::copy_from_slice(part.as_bytes())));
        pieces
    }

    #[test]
    fn an_empty_piece_adds_nothing() {
        assert!(pieces(&["", ""]).is_empty());
        assert_eq!(pieces(&["", "a", "", "b"]).whole(), "ab");
    }

    #[test]
    fn what_is_sent_is_what_is_there() {
        let mut sent = pieces(&["ab", "c"]);
        assert_eq!(Body::size_hint(&sent).exact(), Some(3));
        let mut frame = || match Pin::new(&mut sent)
            .poll_frame(&mut Context::from_waker(std::task::Waker::noop()))
        {
            Poll::Ready(frame) => frame.map(|frame| frame.unwrap().into_data().unwrap()),
            Poll::Pending => unreachable!("it waits for nothing"),
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
            let pieces = pieces(&parts);
            let mut range = ends.map(|end| end.index(text.len() + 1));
            range.sort_unstable();
            let [start, end] = range;
            prop_assert_eq!(pieces.whole(), text.as_bytes());
            let slice = pieces.slice(start..end);
            prop_assert_eq!(slice.whole(), &text.as_bytes()[start..end]);
            let (replaced, expected) = (pieces.replaced(start..end, "xyz".into()), format!("{}xyz{}", &text[..start], &text[end..]));
            prop_assert_eq!(replaced.whole(), expected.as_bytes());
            prop_assert_eq!(pieces.contains(&Finder::new(&needle)), text.contains(&needle));
        }
    }
}
