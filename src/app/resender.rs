//! Sends recorded requests again, through the server of the port, whether the port is open or not.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::Request;
use http_body_util::BodyExt as _;

use crate::control::{Resender, Resent};
use crate::server::Server;

pub(super) struct ServerResender(pub(super) Arc<Server>);

impl Resender for ServerResender {
    fn resend(&self, request: Request<Bytes>, first: String) -> BoxFuture<'_, Resent> {
        Box::pin(async move {
            let (request_id, response) = self.0.resend(request, &first).await;
            let status = response.status().as_u16();
            let mut body = Box::pin(response.into_body());
            // What comes is in the record; a stream is served as far as it is read.
            while let Some(Ok(_)) = body.frame().await {}
            Resent { request_id, status }
        })
    }
}
