//! Answers that are ended from outside: with words in the client's dialect, not with a torn
//! connection.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

use crate::canon::{Blame, Fault, FaultKind};
use crate::gateway::{Answer, Failed, Stream};
use crate::listener::BoxError;

/// Waits for the word to end. It is heard from the making on.
pub(super) struct Cut(Pin<Box<OwnedNotified>>);

impl Cut {
    pub(super) fn new(told: &Arc<Notify>) -> Self {
        let mut told = Box::pin(Arc::clone(told).notified_owned());
        told.as_mut().enable();
        Self(told)
    }

    /// The answer of a call, or the error that it was cut.
    ///
    /// The call comes boxed: hyper keeps the room of a handler's future as long as the connection,
    /// and this one ends with the answer's head.
    pub(super) async fn or<F>(&mut self, mut call: Pin<Box<F>>) -> Result<Answer, Box<Failed>>
    where
        F: Future<Output = Result<Answer, Box<Failed>>>,
    {
        tokio::select! {
            biased;
            answer = &mut call => answer,
            () = self.0.as_mut() => Err(fault().into()),
        }
    }
}

fn fault() -> Fault {
    let message =
        "gateway: aerostat was stopped before the answer had ended; ask again once it runs";
    Fault::new(FaultKind::Overloaded, Blame::Gateway, message)
}

/// A streamed answer that ends when it is told to.
pub(super) struct Cuttable {
    stream: Stream,
    cut: Option<Cut>,
}

impl Cuttable {
    pub(super) fn new(stream: Stream, cut: Cut) -> Self {
        Self {
            stream,
            cut: Some(cut),
        }
    }
}

impl Body for Cuttable {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            if let Poll::Ready(frame) = Pin::new(&mut self.stream).poll_frame(context) {
                return Poll::Ready(frame);
            }
            // Only a stream that waits looks up: one that flows ends by itself, or waits soon.
            let is_cut = self
                .cut
                .as_mut()
                .is_some_and(|cut| cut.0.as_mut().poll(context).is_ready());
            if !is_cut {
                return Poll::Pending;
            }
            self.cut = None;
            self.stream.cut(fault());
        }
    }
}
