//! The current span of OpenTelemetry, and so of `tracing` where its spans are OpenTelemetry's.

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;

use super::SpanIds;

/// The ids of the span that is running, if it is sampled: others lead nowhere.
pub(super) fn current_span() -> Option<SpanIds> {
    Context::map_current(|context| {
        let span = context.span();
        let span = span.span_context();
        let leads_somewhere = span.is_valid() && span.is_sampled();
        leads_somewhere.then(|| SpanIds::new(span.trace_id().to_bytes(), span.span_id().to_bytes()))
    })
}
