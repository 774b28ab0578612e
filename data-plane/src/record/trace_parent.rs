//! The trace that a client's request belongs to.
//!
//! Source: W3C Trace Context, <https://www.w3.org/TR/trace-context/>, "traceparent Header".

use http::HeaderMap;

/// The client's span, which is the parent of the request's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    pub trace_id: [u8; 16],
    pub span_id: [u8; 8],
    /// Whether the client records its own span.
    pub is_sampled: bool,
}

impl TraceParent {
    /// `None` where there is no well-formed one.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        Self::parse(headers.get("traceparent")?.to_str().ok()?)
    }

    /// Parses `00-TRACE-SPAN-FLAGS`. Later versions may have more behind it.
    fn parse(text: &str) -> Option<Self> {
        let mut fields = text.trim().split('-');
        let [version] = bytes::<1>(fields.next()?)?;
        let (trace_id, span_id) = (bytes(fields.next()?)?, bytes(fields.next()?)?);
        let [flags] = bytes::<1>(fields.next()?)?;
        let is_known = version != 0xff && (version != 0 || fields.next().is_none());
        (is_known && trace_id != [0; 16] && span_id != [0; 8]).then_some(Self {
            trace_id,
            span_id,
            is_sampled: flags & 1 == 1,
        })
    }
}

/// Lower-case hexadecimal digits, exactly so many.
fn bytes<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let is_lower = !digits.bytes().any(|digit| digit.is_ascii_uppercase());
    (is_lower && hex::decode_to_slice(digits, &mut bytes).is_ok()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";

    #[test]
    fn the_example_of_the_standard_is_read() {
        let parent = TraceParent::parse(&format!("00-{TRACE}-01")).unwrap();
        assert_eq!(
            hex::encode(parent.trace_id),
            "0af7651916cd43dd8448eb211c80319c"
        );
        assert_eq!(hex::encode(parent.span_id), "b7ad6b7169203331");
        assert!(parent.is_sampled);
        let unsampled = TraceParent::parse(&format!("00-{TRACE}-00")).unwrap();
        assert!(!unsampled.is_sampled);
        assert!(TraceParent::parse(&format!("01-{TRACE}-01-more")).is_some());
    }

    #[test]
    fn what_is_malformed_is_none() {
        for text in [
            "",
            "00",
            "00-x-y-01",
            &format!("ff-{TRACE}-01"),
            &format!("00-{TRACE}-01-more"),
            &format!("00-{}-01", TRACE.to_uppercase()),
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c00-b7ad6b7169203331-01",
        ] {
            assert_eq!(TraceParent::parse(text), None, "{text}");
        }
    }
}
