//! How much a client may send, and how long it may take. Nothing here ends a response that is still
//! being sent.

use std::time::Duration;

/// What a client may send, with the defaults.
///
/// No limit bounds the duration of a response: responses of ten minutes and more are normal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerLimits {
    /// The longest request body, as sent and also once decoded. 64 MiB: a long conversation with
    /// images.
    pub request_body_bytes_max: usize,
    /// All bodies in memory together, requests' and upstreams'. 512 MiB; one more is refused.
    pub bodies_bytes_max: usize,
    /// The request line and all headers. 64 KiB; at least 8 KiB.
    pub header_bytes_max: usize,
    /// The number of headers. 80: clients send about twenty.
    pub headers_max: usize,
    /// From the first byte of a head (or the start of the connection) to its end. 30 s.
    pub header_timeout: Duration,
    /// Between two chunks of a request body. 30 s.
    pub body_idle_timeout: Duration,
    /// How long a client may leave its stream unread while other requests wait for the account that
    /// serves it. 60 s.
    pub unread_timeout: Duration,
    /// Open connections. 2048; one more gets a 503.
    pub connections_max: usize,
    /// Requests whose response is not finished. 1024; one more is refused.
    pub requests_in_flight_max: usize,
    /// How long a connection stays open between two requests. 5 minutes: longer than clients keep
    /// theirs in a pool, so that the client closes first and no request meets a closed connection.
    pub keep_alive_timeout: Duration,
    /// Whether the oldest connection that has not authenticated is closed for a new one when all
    /// places are taken. No: the API authenticates requests, not connections.
    pub evict_unauthenticated: bool,
    /// Whether other users of this machine are served, where the system tells who they are. No.
    pub serves_other_users: bool,
}

/// As the configuration's defaults, which a test of `app` compares with these.
impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            request_body_bytes_max: 64 << 20,
            bodies_bytes_max: 512 << 20,
            header_bytes_max: 64 << 10,
            headers_max: 80,
            header_timeout: Duration::from_secs(30),
            body_idle_timeout: Duration::from_secs(30),
            unread_timeout: Duration::from_secs(60),
            connections_max: 2048,
            requests_in_flight_max: 1024,
            keep_alive_timeout: Duration::from_secs(300),
            evict_unauthenticated: false,
            serves_other_users: false,
        }
    }
}
