//! What a process has used.

use std::io;
use std::time::Duration;

/// What a process has used since it began, as `getrusage` tells it. `None` is what the system does not count.
///
/// Units: bytes, events, CPU time.
/// Source: getrusage(2), for the whole process and all its threads, those that have ended too; `threads` on Linux from
/// `/proc/self/status`.
///
/// ```
/// # #[cfg(unix)] {
/// let usage = tagmeter::collect::ResourceUsage::read()?;
/// assert!(usage.peak_memory_bytes > 0);
/// assert_eq!(usage.pid, std::process::id());
/// # }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ResourceUsage {
    /// The number of the process.
    pub pid: u32,
    /// CPU time in the program's own code.
    pub user: Duration,
    /// CPU time in the kernel on its behalf.
    pub system: Duration,
    /// The most memory it had at any time.
    pub peak_memory_bytes: u64,
    /// Memory shared with others, over time.
    pub shared_memory_bytes: Option<u64>,
    /// Memory of its own, over time.
    pub unshared_memory_bytes: Option<u64>,
    /// Stack of its own, over time.
    pub stack_bytes: Option<u64>,
    /// Pages that were in memory already.
    pub minor_faults: u64,
    /// Pages that had to be read.
    pub major_faults: u64,
    /// Times it was swapped out.
    pub swaps: Option<u64>,
    /// Blocks read.
    pub block_reads: u64,
    /// Blocks written.
    pub block_writes: u64,
    /// Messages sent to others.
    pub messages_sent: Option<u64>,
    /// Messages received from others.
    pub messages_received: Option<u64>,
    /// Signals received.
    pub signals: Option<u64>,
    /// Times it gave up the processor.
    pub voluntary_switches: u64,
    /// Times the processor was taken from it.
    pub involuntary_switches: u64,
    /// Threads it has now.
    pub threads: Option<u64>,
}

impl ResourceUsage {
    /// What this process has used.
    ///
    /// # Errors
    ///
    /// The system does not tell; Windows never does here.
    #[cfg(unix)]
    pub fn read() -> io::Result<Self> {
        use nix::sys::resource::{UsageWho, getrusage};
        let usage = getrusage(UsageWho::RUSAGE_SELF)?;
        Ok(ResourceUsage {
            pid: std::process::id(),
            user: duration(usage.user_time()),
            system: duration(usage.system_time()),
            peak_memory_bytes: count(usage.max_rss()) * MAX_RSS_UNIT,
            shared_memory_bytes: counted(usage.shared_integral()).map(|kilobytes| kilobytes * 1024),
            unshared_memory_bytes: counted(usage.unshared_data_integral()).map(|kilobytes| kilobytes * 1024),
            stack_bytes: counted(usage.unshared_stack_integral()).map(|kilobytes| kilobytes * 1024),
            minor_faults: count(usage.minor_page_faults()),
            major_faults: count(usage.major_page_faults()),
            swaps: counted(usage.full_swaps()),
            block_reads: count(usage.block_reads()),
            block_writes: count(usage.block_writes()),
            messages_sent: counted(usage.ipc_sends()),
            messages_received: counted(usage.ipc_receives()),
            signals: counted(usage.signals()),
            voluntary_switches: count(usage.voluntary_context_switches()),
            involuntary_switches: count(usage.involuntary_context_switches()),
            threads: threads(),
        })
    }

    /// What this process has used.
    ///
    /// # Errors
    ///
    /// This system does not tell.
    #[cfg(not(unix))]
    pub fn read() -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// The peak comes in kilobytes, but from Apple in bytes.
#[cfg(unix)]
const MAX_RSS_UNIT: u64 = if cfg!(target_vendor = "apple") { 1 } else { 1024 };

#[cfg(unix)]
fn duration(time: nix::sys::time::TimeVal) -> Duration {
    let micros = u64::try_from(time.tv_usec()).unwrap_or(0);
    Duration::from_secs(u64::try_from(time.tv_sec()).unwrap_or(0)) + Duration::from_micros(micros)
}

#[cfg(unix)]
fn count(number: impl TryInto<u64>) -> u64 {
    number.try_into().unwrap_or(0)
}

/// Linux has these fields and never counts in them.
#[cfg(unix)]
fn counted(number: impl TryInto<u64>) -> Option<u64> {
    if cfg!(target_os = "linux") { None } else { Some(count(number)) }
}

#[cfg(unix)]
fn threads() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("Threads:"))?.trim().parse().ok()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_only_grows() {
        let before = ResourceUsage::read().unwrap();
        let memory = std::hint::black_box(vec![1_u8; 32 << 20]);
        let after = ResourceUsage::read().unwrap();
        assert!(after.minor_faults > before.minor_faults, "{before:?} {after:?}");
        assert!(after.peak_memory_bytes >= memory.len() as u64, "{after:?}");
        assert!(after.user + after.system >= before.user + before.system);
        assert!(after.system < Duration::from_secs(86_400));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_linux_does_not_count_is_absent() {
        let usage = ResourceUsage::read().unwrap();
        assert_eq!((usage.swaps, usage.signals, usage.messages_sent), (None, None, None));
        assert!(usage.threads >= Some(1));
    }
}
