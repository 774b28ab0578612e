//! What comes, as the list's own rows; or as ticks alone, for pages that show sums.

use std::sync::Arc;
use std::time::SystemTime;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use http::{Response, StatusCode};
use tokio::sync::watch;

use super::filter::Filter;
use super::row::{rest, row};
use crate::control::verbs::Log;
use crate::dashboard::context::PageContext;
use crate::dashboard::live::{Batch, BatchRow, LiveHub, LiveSource, Subscription};
use crate::dashboard::response::{typed, with_body};
use crate::dashboard::sessions::SessionWatch;
use crate::listener::ResponseBody;

/// How many rows a frame has at most.
const ROWS_MAX: usize = 40;

/// Opens the stream of the URL's filter, or that of ticks.
pub(in crate::dashboard) fn open(
    context: &PageContext,
    hub: &Arc<LiveHub>,
    last_event_id: Option<i64>,
    session: SessionWatch,
) -> Response<ResponseBody> {
    let Some(written) = context.service.requests_written() else {
        return refused(StatusCode::SERVICE_UNAVAILABLE, context);
    };
    if !Filter::of(&context.query).problems.is_empty() {
        return refused(StatusCode::UNPROCESSABLE_ENTITY, context);
    }
    let refusal = refused(StatusCode::SERVICE_UNAVAILABLE, context);
    let asked = subscription(context, last_event_id, written, session);
    match hub.open(asked) {
        Some(body) => with_body(StatusCode::OK, "text/event-stream", body),
        None => refusal,
    }
}

fn refused(status: StatusCode, context: &PageContext) -> Response<ResponseBody> {
    let text = context.text.no_live_stream();
    typed(status, "text/plain; charset=utf-8", text)
}

fn subscription(
    context: &PageContext,
    last_event_id: Option<i64>,
    written: watch::Receiver<i64>,
    session: SessionWatch,
) -> Subscription {
    if context.query.is_set("ticks") {
        let after = *written.borrow();
        return Subscription {
            key: "ticks".to_owned(),
            after,
            source: Arc::new(Ticks(written.clone())),
            written,
            session,
        };
    }
    let after = last_event_id.or_else(|| context.query.get("after").parse().ok());
    let filter = Filter::of(&context.query);
    Subscription {
        key: format!("{} {}", context.language().tag(), filter.key()),
        after: after.unwrap_or(0),
        source: Arc::new(Rows {
            log: filter.log,
            context: context.clone(),
        }),
        written,
        session,
    }
}

struct Rows {
    context: PageContext,
    log: Log,
}

impl LiveSource for Rows {
    fn after(&self, seq: i64) -> BoxFuture<'_, Option<Batch>> {
        async move {
            let context = self.context.at(SystemTime::now());
            let found = context.service.requests_after(&self.log, seq, ROWS_MAX);
            let new = found.await.ok()?;
            let rows = new.rows.iter().map(|shown| {
                let html = row(&context, shown).into_string();
                BatchRow::new(shown.seq, &html)
            });
            Some(Batch {
                after: seq,
                last_seq: new.last_seq,
                rows: rows.collect(),
                more: new.more,
                is_stale: new.is_stale,
                is_tick: false,
            })
        }
        .boxed()
    }

    fn rest(&self, count: usize) -> String {
        rest(&self.context, count).into_string()
    }
}

/// Says that something was recorded, and nothing else.
struct Ticks(watch::Receiver<i64>);

impl LiveSource for Ticks {
    fn after(&self, seq: i64) -> BoxFuture<'_, Option<Batch>> {
        let batch = Batch {
            after: seq,
            last_seq: *self.0.borrow(),
            is_tick: true,
            ..Batch::default()
        };
        ready(Some(batch)).boxed()
    }

    fn rest(&self, _: usize) -> String {
        String::new()
    }
}
