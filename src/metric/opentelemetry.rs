//! The current span of OpenTelemetry, and so of `tracing` where its spans are OpenTelemetry's.
//!
//! OpenTelemetry keeps it in a thread-local, and panics where that is gone: in the destructors that run after its own when a
//! thread ends. So a thread-local of ours, which comes later, tells when it goes: the last that came goes first. That is how
//! the standard library has it where the system knows thread-locals, though it promises nothing.

use std::cell::Cell;

use opentelemetry::Context;
use opentelemetry::trace::TraceContextExt;

use super::SpanIds;

/// What is known of a thread's context.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    Nothing,
    /// It is there until `GOES` goes.
    There,
    Gone,
}

/// Tells that it goes.
struct Goes;

impl Drop for Goes {
    fn drop(&mut self) {
        KNOWN.set(Known::Gone);
    }
}

thread_local! {
    // Without a destructor: there to the thread's end.
    static KNOWN: Cell<Known> = const { Cell::new(Known::Nothing) };
    /// Begins after OpenTelemetry's.
    static GOES: Goes = const { Goes };
}

/// The ids of the span that is running, if it is sampled: others lead nowhere.
pub(super) fn current_span() -> Option<SpanIds> {
    if KNOWN.get() == Known::Gone {
        return None;
    }
    let span = Context::map_current(ids_of);
    if KNOWN.get() == Known::Nothing {
        GOES.with(|_| KNOWN.set(Known::There));
    }
    span
}

fn ids_of(context: &Context) -> Option<SpanIds> {
    let span = context.span();
    let span = span.span_context();
    let leads_somewhere = span.is_valid() && span.is_sampled();
    leads_somewhere.then(|| SpanIds::new(span.trace_id().to_bytes(), span.span_id().to_bytes()))
}
