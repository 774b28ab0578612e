//! The constants of a dialect, as one value.

use super::query::QueryParameters;
use super::surface::SurfaceTable;
use super::{Route, conversation_key};
use crate::canon::Dialect;

/// What is fixed about a dialect.
///
/// Each dialect holds one as a `static`; a field added here is missing in every dialect until it
/// is filled, and the compiler says where.
#[derive(Debug)]
pub struct Descriptor {
    /// The name in the configuration, in logs and in records.
    pub dialect: Dialect,
    /// The paths that clients of this dialect use, in the order in which they are matched.
    pub routes: &'static [Route],
    /// The first segments of all paths of its vendor's API, also of those that are not served here:
    /// an unknown path is told as its own dialect's.
    pub path_roots: &'static [&'static str],
    /// The version segment of its paths where a base URL names none: `v1`, `v1beta`. Empty where its
    /// paths have none.
    pub version: &'static str,
    /// What clients of this dialect append to the gateway's address to form their base URL.
    pub base_url_suffix: &'static str,
    /// First path segments by which a client may select this dialect: `/anthropic/v1/models`.
    pub aliases: &'static [&'static str],
    /// The members that identify a conversation whose client sends no id of its own.
    pub conversation_fields: conversation_key::Fields,
    /// The header in which the official services of this dialect take a key; `authorization` = as
    /// a bearer token. Source: each vendor's API reference, "Authentication".
    pub key_header: &'static str,
    /// Headers that every upstream request of this dialect carries. A client's own value wins in a
    /// passthrough.
    pub fixed_headers: &'static [(&'static str, &'static str)],
    /// Headers that survive a passthrough besides the common ones.
    pub passthrough_headers: PassthroughHeaders,
    /// What of a client's query is known; nothing else goes to an upstream. An API version that a
    /// provider wants stands in its base URL.
    pub query_parameters: QueryParameters,
    /// Its other paths, which pass as they are.
    pub surface: &'static SurfaceTable,
    /// Whether upstreams are called in this dialect. Where `false`, only clients speak it.
    pub is_upstream: bool,
    /// Whether an upstream of this dialect counts tokens. If so,
    /// [`Protocol::decode_count`](super::Protocol::decode_count) reads its answer.
    pub counts_tokens: bool,
    /// The response header that tells the service tier, where the body need not.
    pub tier_header: Option<&'static str>,
    /// Whether an upstream of this dialect ends its answer at stop sequences; else the gateway does.
    pub has_stop_sequences: bool,
    /// The dialect that replaced this one. Its upstreams most likely serve this older form too, so
    /// a request passes through to them first.
    pub legacy_of: Option<Dialect>,
}

impl Descriptor {
    /// A route's path as the dialect's documentation writes it: `/v1/messages`.
    pub fn path(&self, route: &Route) -> String {
        match self.version {
            "" => route.pattern.to_owned(),
            version => format!("/{version}{}", route.pattern),
        }
    }
}

/// Allow lists of a passthrough: lower-case names, `*` at the end stands for any rest.
#[derive(Clone, Copy, Debug)]
pub struct PassthroughHeaders {
    pub request: &'static [&'static str],
    pub response: &'static [&'static str],
}
