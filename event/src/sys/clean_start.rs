//! A child that starts with nothing of its parent's that it was not given.

use std::os::unix::process::CommandExt;
use std::process::Command;

use super::SignalSet;

/// The first descriptor that is not a standard stream.
const FIRST: libc::c_uint = 3;

/// Makes the command's child start with no signal blocked and none ignored;
/// std passes both on, and a program that watches signals blocks them. With
/// `seal`, also without any descriptor but the standard streams.
pub(crate) fn start_clean(command: &mut Command, seal: bool) {
    let clean = move || {
        default_actions();
        SignalSet::empty().block_only();
        if seal {
            close_on_exec();
        }
        Ok(())
    };
    // SAFETY: [FORKED-CHILD] the closure makes system calls only: it allocates
    // nothing, takes no lock and cannot panic.
    unsafe { command.pre_exec(clean) };
}

/// Before signals are unblocked: handlers of the parent's must not run here.
fn default_actions() {
    for signal in 1..=libc::SIGRTMAX() {
        // SAFETY: [FORKED-CHILD] `signal(2)` is allowed there; numbers that
        // cannot be set are refused.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// Marks what others have opened without `O_CLOEXEC`. A kernel that cannot
/// (before 5.11) leaves what is the custom: each opener's own mark.
fn close_on_exec() {
    let (last, flags) = (libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
    // SAFETY: [FORKED-CHILD] a system call on numbers; nothing is closed yet.
    unsafe { libc::syscall(libc::SYS_close_range, FIRST, last, flags) };
}
