//! A barrier that costs one side nothing, because the other pays for both.
//!
//! Two threads that each store and then look at what the other stored need a barrier between store and look, or both may
//! miss the other's store. Readers pass [`light`] all the time, whoever takes things away passes [`heavy`] now and then:
//! Linux makes all running threads of the process pass a barrier in a system call (`membarrier`), so the light one only
//! keeps the compiler from reordering. Where there is no such call, both are ordinary fences.
//!
//! What holds: of a light and a heavy barrier one comes first, and what its thread stored before is seen by the other
//! thread after its own.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering, compiler_fence, fence};

/// Whether the system call does the readers' part. Set inside [`PREPARED`] only, so that whoever passes a heavy barrier
/// knows at least as early as any reader.
static SYSTEM_CALL: AtomicBool = AtomicBool::new(false);
static PREPARED: OnceLock<()> = OnceLock::new();

/// The readers' barrier.
#[inline]
pub(crate) fn light() {
    // Relaxed: who sees `true` is met by the system call, who sees `false` by the fence.
    if SYSTEM_CALL.load(Ordering::Relaxed) {
        compiler_fence(Ordering::SeqCst);
    } else {
        fence(Ordering::SeqCst);
    }
}

/// The barrier of whoever takes things away; `false` where it could not be passed.
pub(crate) fn heavy() -> bool {
    prepare();
    fence(Ordering::SeqCst);
    !SYSTEM_CALL.load(Ordering::Relaxed) || system_call::pass()
}

/// Finds out whether there is the system call: best before the first reader.
pub(crate) fn prepare() {
    PREPARED.get_or_init(|| SYSTEM_CALL.store(system_call::register(), Ordering::Relaxed));
}

#[cfg(all(target_os = "linux", not(miri)))]
mod system_call {
    /// Of `linux/membarrier.h`.
    const PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
    const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;

    pub(super) fn register() -> bool {
        membarrier(REGISTER_PRIVATE_EXPEDITED)
    }

    /// Fails where a process is not registered, as after a fork on some kernels.
    pub(super) fn pass() -> bool {
        membarrier(PRIVATE_EXPEDITED) || (register() && membarrier(PRIVATE_EXPEDITED))
    }

    fn membarrier(command: libc::c_int) -> bool {
        // SAFETY: the call takes three integers and touches no memory of the process; a kernel that does not know it, or
        // may not run it, answers with an error.
        #[allow(unsafe_code)]
        let answer = unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) };
        answer == 0
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
mod system_call {
    pub(super) fn register() -> bool {
        false
    }

    pub(super) fn pass() -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heavy_barrier_can_be_passed_again_and_again() {
        assert!((0..100).all(|_| heavy()));
        light();
    }
}
