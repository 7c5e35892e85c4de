//! What the tests of signals and processes need of the system: signals to one
//! thread, masks and counts.

#![allow(unsafe_code, reason = "raise, pthread_kill and sigaction have no safe wrapper")]
#![allow(dead_code, reason = "each test binary uses its own part of this")]

pub mod heard;

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use event::Signal;
use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

/// Sends the calling thread a signal; the others of the process have no part in it.
pub fn raise(signal: Signal) {
    // SAFETY: no memory is involved.
    assert_eq!(unsafe { libc::raise(signal.number()) }, 0);
}

/// A thread that signals can be sent to.
#[derive(Clone, Copy)]
pub struct Target(libc::pthread_t);

impl Target {
    pub fn this_thread() -> Self {
        // SAFETY: no memory is involved.
        Self(unsafe { libc::pthread_self() })
    }

    /// The thread must not have ended.
    pub fn send(self, signal: Signal) {
        // SAFETY: the tests join their senders before the target returns.
        assert_eq!(unsafe { libc::pthread_kill(self.0, signal.number()) }, 0);
    }
}

static HANDLED: AtomicU64 = AtomicU64::new(0);

extern "C" fn count(_signal: libc::c_int) {
    HANDLED.fetch_add(1, Ordering::Relaxed);
}

/// Installs a handler that interrupts system calls (no `SA_RESTART`).
pub fn interrupt_on(signal: Signal) {
    // SAFETY: all zero is a valid `sigaction`: an empty mask, no flags.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = count as extern "C" fn(libc::c_int) as usize;
    // SAFETY: the handler only adds to an atomic.
    let result = unsafe { libc::sigaction(signal.number(), &action, std::ptr::null_mut()) };
    assert_eq!(result, 0);
}

/// How often that handler has run.
pub fn interruptions() -> u64 {
    HANDLED.load(Ordering::Relaxed)
}

/// Sets a signal's action to the default, or to being ignored.
pub fn set_ignored(signal: Signal, ignored: bool) {
    let action = if ignored { libc::SIG_IGN } else { libc::SIG_DFL };
    // SAFETY: neither action runs code of ours.
    assert_ne!(unsafe { libc::signal(signal.number(), action) }, libc::SIG_ERR);
}

/// A row of `/proc/…/status` that is a mask of signals.
fn mask(status: &str, row: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(row)).expect(row);
    u64::from_str_radix(line.trim(), 16).unwrap()
}

fn holds(mask: u64, signal: Signal) -> bool {
    mask >> (signal.number() - 1) & 1 == 1
}

/// Whether the calling thread blocks the signal.
pub fn is_blocked(signal: Signal) -> bool {
    holds(mask(&fs::read_to_string("/proc/thread-self/status").unwrap(), "SigBlk:"), signal)
}

/// What the calling thread blocks.
pub fn blocked() -> u64 {
    mask(&fs::read_to_string("/proc/thread-self/status").unwrap(), "SigBlk:")
}

/// Whether the process has a handler for the signal.
pub fn is_handled(signal: Signal) -> bool {
    holds(mask(&fs::read_to_string("/proc/self/status").unwrap(), "SigCgt:"), signal)
}

/// The signal has its default action here: nobody has seen to it instead.
#[track_caller]
pub fn assert_default(signal: Signal) {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    for row in ["SigBlk:", "SigIgn:", "SigCgt:"] {
        assert!(!holds(mask(&status, row), signal), "{signal} in {row}");
    }
}

/// Waits until the child is a zombie, and leaves it one.
pub fn await_end(pid: u32) {
    look_at(pid, WaitIdOptions::EXITED);
}

/// Waits until the child has stopped, or ended, and leaves that to be told.
pub fn await_stop(pid: u32) {
    look_at(pid, WaitIdOptions::STOPPED | WaitIdOptions::EXITED);
}

fn look_at(pid: u32, what: WaitIdOptions) {
    let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
    waitid(WaitId::Pid(pid), what | WaitIdOptions::NOWAIT).unwrap();
}

/// Whether this process has a child, be it a zombie. For those who are alone.
pub fn has_children() -> bool {
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    !matches!(waitid(WaitId::All, look), Err(Errno::CHILD))
}
