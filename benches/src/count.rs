//! Instructions, as callgrind counts them.
//!
//! A target starts itself again under valgrind with `--count GROUP PEER WHAT N`; that process makes one row and does it
//! N times inside [`counted_region`], which is where callgrind counts.

use std::process::Command;

/// Where callgrind counts: not in the making of the instrument, not in its first use.
#[inline(never)]
pub fn counted_region(work: &mut dyn FnMut()) {
    work();
    // Something after the call, or it becomes a jump and the region never ends.
    std::sync::atomic::compiler_fence(std::sync::atomic::Ordering::SeqCst);
}

/// Has the C library take the same paths on every processor: its copies, comparisons and searches otherwise depend on
/// what the processor has, and some count a byte as an instruction.
const SAME_PATHS: &str =
    "glibc.cpu.hwcaps=-AVX_Fast_Unaligned_Load,-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-ERMS,-FSRM";

/// Whether instructions can be counted here.
pub(crate) fn has_valgrind() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Instructions of `operations` of one row of this program.
pub(crate) fn instructions(name: [&str; 3], operations: u64) -> Option<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*counted_region*"])
        .arg("--callgrind-out-file=/dev/null")
        .env("GLIBC_TUNABLES", SAME_PATHS)
        .arg(std::env::current_exe().ok()?)
        .arg("--count")
        .args(name)
        .arg(operations.to_string())
        .output()
        .ok()?;
    let report = String::from_utf8_lossy(&output.stderr);
    let line = report.lines().find(|line| line.contains("Collected :"));
    let counted =
        line.and_then(|line| line.rsplit(':').next()?.trim().parse().ok()).filter(|count| *count > 0);
    if counted.is_none() {
        eprintln!("no instructions of {name:?}: {report}");
    }
    counted
}
