//! Which span is running.

use std::fmt;
use std::sync::Arc;

/// The ids of a span: where an exemplar leads to.
///
/// ```
/// use tagmeter::metric::SpanIds;
///
/// let span = SpanIds::new(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128.to_be_bytes(), 0xf067_aa0b_a902_b7_u64.to_be_bytes());
/// assert_eq!(span.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanIds {
    trace: [u8; 16],
    span: [u8; 8],
}

impl SpanIds {
    /// These ids, as W3C's Trace Context has them.
    ///
    /// See the type's example.
    pub fn new(trace: [u8; 16], span: [u8; 8]) -> Self {
        SpanIds { trace, span }
    }

    /// The labels that OpenTelemetry gives to exemplars for Prometheus: 63 of the 128 characters.
    pub(crate) fn labels(self) -> [(&'static str, String); 2] {
        [("trace_id", hex(&self.trace)), ("span_id", hex(&self.span))]
    }
}

impl fmt::Display for SpanIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", hex(&self.trace), hex(&self.span))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Tells the span that is running.
#[derive(Clone)]
pub(crate) struct CurrentSpan(Arc<dyn Fn() -> Option<SpanIds> + Send + Sync>);

impl CurrentSpan {
    pub(crate) fn new(tell: impl Fn() -> Option<SpanIds> + Send + Sync + 'static) -> Self {
        CurrentSpan(Arc::new(tell))
    }

    pub(crate) fn tell(&self) -> Option<SpanIds> {
        (self.0)()
    }
}

impl Default for CurrentSpan {
    /// OpenTelemetry's, where that is compiled in; otherwise there is none.
    fn default() -> Self {
        #[cfg(feature = "opentelemetry")]
        return CurrentSpan::new(super::opentelemetry::current_span);
        #[cfg(not(feature = "opentelemetry"))]
        CurrentSpan::new(|| None)
    }
}

impl fmt::Debug for CurrentSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CurrentSpan")
    }
}
