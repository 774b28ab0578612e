//! The statistics as a file to save: written a day at a time while it is read, so that no long
//! question holds the records.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream;
use http::header::{CONTENT_DISPOSITION, HeaderValue};
use http::{Response, StatusCode};
use http_body::Frame;
use jiff::Span;

use super::asked::{Asked, NAMED, midnight};
use crate::control::stats::By;
use crate::control::stats::csv::csv;
use crate::control::verbs::Stats;
use crate::control::{ControlService, Notes, Verb as _};
use crate::dashboard::context::PageContext;
use crate::dashboard::response::with_body;
use crate::listener::{BoxError, ClientStream, ResponseBody};
use crate::status::rfc3339;

/// The file: by time and by each name that is known, or the one that the page is told apart by.
pub(super) fn file(context: &PageContext) -> Response<ResponseBody> {
    let asked = Asked::of(context);
    let body = Rows {
        chunks: Box::pin(chunks(
            Arc::clone(&context.service),
            questions(context, &asked),
        )),
    };
    let body = ResponseBody::stream(Box::pin(body));
    let mut response = with_body(StatusCode::OK, "text/csv; charset=utf-8", body);
    let name = format!(
        "attachment; filename=\"aerostat-{}-{}.csv\"",
        asked.from, asked.to
    );
    if let Ok(name) = HeaderValue::try_from(name) {
        response.headers_mut().insert(CONTENT_DISPOSITION, name);
    }
    response
}

/// A question for each day, or month where a row is a month.
fn questions(context: &PageContext, asked: &Asked) -> VecDeque<Stats> {
    let by: Vec<By> = match asked.by {
        Some(by) => vec![asked.unit, by],
        None => [asked.unit].into_iter().chain(NAMED).collect(),
    };
    let step = match asked.unit {
        By::Month => Span::new().months(1),
        _ => Span::new().days(1),
    };
    let last = asked.to.min(context.today());
    let mut questions = VecDeque::new();
    let mut day = match asked.unit {
        By::Month => asked.from.first_of_month(),
        _ => asked.from,
    };
    while day <= last {
        let Ok(next) = day.checked_add(step) else {
            break;
        };
        let after = asked.to.tomorrow().unwrap_or(asked.to);
        questions.push_back(Stats {
            since: Some(rfc3339(midnight(context, day.max(asked.from)))),
            until: Some(rfc3339(midnight(context, next.min(after)))),
            ..asked.question(context, by.clone())
        });
        day = next;
    }
    if questions.is_empty() {
        questions.push_back(asked.question(context, by));
    }
    questions
}

fn chunks(
    service: Arc<ControlService>,
    questions: VecDeque<Stats>,
) -> impl Stream<Item = Result<Frame<Bytes>, BoxError>> + Send {
    let begin = (service, questions, true);
    stream::unfold(begin, async |(service, mut questions, is_first)| {
        let question = questions.pop_front()?;
        let chunk = match question.run(&service, &Notes::discard()).await {
            Ok(statistics) => {
                let text = csv(&statistics);
                // The columns' names stand once.
                let head = text.find("\r\n").map_or(0, |end| end + 2);
                let begin = if is_first { 0 } else { head };
                Ok(Frame::data(Bytes::from(text).slice(begin..)))
            }
            Err(error) => Err(BoxError::from(error)),
        };
        // What is incomplete ends in an error: the connection closes.
        if chunk.is_err() {
            questions.clear();
        }
        Some((chunk, (service, questions, false)))
    })
}

/// The file as it is written.
struct Rows {
    chunks: Pin<Box<dyn Stream<Item = Result<Frame<Bytes>, BoxError>> + Send>>,
}

impl http_body::Body for Rows {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.chunks.as_mut().poll_next(cx)
    }
}

impl ClientStream for Rows {
    /// It holds nothing that others wait for.
    fn on_unread(self: Pin<&mut Self>, _: Duration) {}
}
