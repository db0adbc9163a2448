//! What this process has used, as metrics.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::usage::ResourceUsage;
use crate::model::Number;
use crate::registry::{Families, Registry};
use crate::tag::Tags;

/// What Python's client puts before each name. Charts made for it find the same names.
const PREFIX: &str = "python.";

/// Adds metrics of this process to a registry, read at each scrape and push: [`ProcessMetrics::new`] as it is.
///
/// ```
/// # #[cfg(unix)] {
/// use tagmeter::{Registry, collect};
///
/// let registry = Registry::new();
/// collect::process_metrics(&registry);
/// let worker = std::process::id().to_string();
/// let user = [("type", "user"), ("worker_id", &worker)];
/// assert!(registry.value(("python.cpu.time.used.seconds", user)).is_some());
/// # }
/// ```
#[doc(alias = "collect_process_metrics")]
pub fn process_metrics(registry: &Registry) {
    ProcessMetrics::new().register(registry);
}

/// Metrics of a process under the names that Python's `apptuit` gives them with `collect_process_metrics=True`, all with
/// tag `worker_id`, the number of the process as text.
///
/// | metric | `type` | what | field |
/// |---|---|---|---|
/// | `python.cpu.time.used.seconds` | `user`, `system` | CPU time | `count` |
/// | `python.memory.usage.bytes` | `main` | the most memory it had at any time | `count` |
/// | | `shared`, `unshared`, `unshared_stack_size` | memory over time, not on Linux | `count` |
/// | `python.page.faults` | `major`, `minor` | pages read, pages found in memory | `count` |
/// | `python.process.swaps` | | not on Linux | `count` |
/// | `python.block.operations` | `input`, `output` | blocks read and written | `count` |
/// | `python.ipc.messages` | `sent`, `received` | not on Linux | `count` |
/// | `python.system.signals` | | not on Linux | `count` |
/// | `python.context.switches` | `voluntary`, `involuntary` | | `count` |
/// | `python.thread` | `alive` | threads, on Linux | `value` |
///
/// What the system does not count is left out. Everything is a total since the process began, and memory a level: the
/// original's values grow wrong from the third report on, and its page faults are swapped. There is no garbage collector
/// and no daemon thread, so there is nothing of either.
///
/// ```
/// use std::time::Duration;
/// use tagmeter::Registry;
/// use tagmeter::collect::{ProcessMetrics, ResourceUsage};
///
/// let registry = Registry::new();
/// let usage = ResourceUsage { pid: 42, user: Duration::from_millis(1500), ..ResourceUsage::default() };
/// ProcessMetrics::new().prefix("shop.").source(move || Ok(usage)).register(&registry);
/// let user = [("type", "user"), ("worker_id", "42")];
/// assert_eq!(registry.value(("shop.cpu.time.used.seconds", user)), Some(1.5));
/// ```
#[derive(Clone)]
#[must_use = "nothing is collected until `register`"]
pub struct ProcessMetrics {
    prefix: String,
    source: Arc<Source>,
}

type Source = dyn Fn() -> io::Result<ResourceUsage> + Send + Sync;

impl ProcessMetrics {
    /// Metrics of this process, `python.` before their names.
    pub fn new() -> Self {
        ProcessMetrics { prefix: PREFIX.to_owned(), source: Arc::new(ResourceUsage::read) }
    }

    /// Another text before the names.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Another source; where it fails, there are no metrics that time.
    pub fn source(mut self, read: impl Fn() -> io::Result<ResourceUsage> + Send + Sync + 'static) -> Self {
        self.source = Arc::new(read);
        self
    }

    /// Adds them to a registry. A second time with the same prefix takes the place of the first.
    pub fn register(self, registry: &Registry) {
        registry.collector(format!("{}process", self.prefix), move |families| {
            if let Ok(usage) = (self.source)() {
                Filling { families, prefix: &self.prefix, pid: usage.pid.to_string() }.all(&usage);
            }
        });
    }
}

impl Default for ProcessMetrics {
    fn default() -> Self {
        ProcessMetrics::new()
    }
}

impl fmt::Debug for ProcessMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessMetrics").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

struct Filling<'a, 'f> {
    families: &'a mut Families<'f>,
    prefix: &'a str,
    pid: String,
}

impl Filling<'_, '_> {
    fn all(mut self, usage: &ResourceUsage) {
        let cpu = [("user", usage.user), ("system", usage.system)];
        let cpu = cpu.map(|(kind, time)| (kind, Some(Number::Float(time.as_secs_f64()))));
        self.totals("cpu.time.used.seconds", "CPU time used.", &cpu);
        self.memory(usage);
        let faults = [("major", Some(usage.major_faults)), ("minor", Some(usage.minor_faults))];
        self.counts("page.faults", "Pages that were not there when they were wanted.", &faults);
        self.counts("process.swaps", "Times the process was swapped out.", &[("", usage.swaps)]);
        let blocks = [("input", Some(usage.block_reads)), ("output", Some(usage.block_writes))];
        self.counts("block.operations", "Blocks read and written.", &blocks);
        let messages = [("sent", usage.messages_sent), ("received", usage.messages_received)];
        self.counts("ipc.messages", "Messages between processes.", &messages);
        self.counts("system.signals", "Signals received.", &[("", usage.signals)]);
        let switches = [
            ("voluntary", Some(usage.voluntary_switches)),
            ("involuntary", Some(usage.involuntary_switches)),
        ];
        self.counts("context.switches", "Times another process had the processor.", &switches);
        self.threads(usage.threads);
    }

    fn memory(&mut self, usage: &ResourceUsage) {
        let levels = [
            ("main", Some(usage.peak_memory_bytes)),
            ("shared", usage.shared_memory_bytes),
            ("unshared", usage.unshared_memory_bytes),
            ("unshared_stack_size", usage.stack_bytes),
        ];
        for (kind, bytes) in levels {
            let Some(bytes) = bytes else { continue };
            let (name, tags) = (self.name("memory.usage.bytes"), self.tags(kind));
            let level = i64::try_from(bytes).unwrap_or(i64::MAX);
            self.families.up_down(name, "Memory: `main` is the most there was.").set(tags, level);
        }
    }

    fn threads(&mut self, threads: Option<u64>) {
        let Some(threads) = threads else { return };
        let (name, tags) = (self.name("thread"), self.tags("alive"));
        self.families.gauge(name, "Threads.").set(tags, threads as f64);
    }

    fn counts(&mut self, name: &str, help: &str, counts: &[(&str, Option<u64>)]) {
        let totals: Vec<_> = counts.iter().map(|(kind, count)| (*kind, count.map(Number::Integer))).collect();
        self.totals(name, help, &totals);
    }

    fn totals(&mut self, name: &str, help: &str, totals: &[(&str, Option<Number>)]) {
        for (kind, total) in totals {
            let Some(total) = *total else { continue };
            let (name, tags) = (self.name(name), self.tags(kind));
            self.families.counter(name, help).set(tags, total);
        }
    }

    fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Without `type` where there is one kind only: an empty value is an absent tag.
    fn tags(&self, kind: &str) -> Tags {
        Tags::from([("type", kind), ("worker_id", &self.pid)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_fails_leaves_everything_else_as_it_is() {
        let registry = Registry::new();
        registry.counter("hits").inc();
        ProcessMetrics::new().source(|| Err(io::ErrorKind::Unsupported.into())).register(&registry);
        assert_eq!(registry.snapshot().families().len(), 1);
    }

    #[test]
    #[cfg(unix)]
    fn registered_twice_they_are_there_once() {
        let registry = Registry::new();
        process_metrics(&registry);
        process_metrics(&registry);
        let page = registry.snapshot().to_text();
        assert_eq!(page.matches("# TYPE python_cpu_time_used_seconds_total ").count(), 1, "{page}");
    }
}
