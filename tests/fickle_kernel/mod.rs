//! A kernel that fails now and then: a thread whose system calls are held up
//! until another thread has said what comes of them (`seccomp_unotify(2)`).
#![allow(unsafe_code)]

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use libc::{BPF_ABS, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, sock_filter, sock_fprog};
use libc::{PR_SET_NO_NEW_PRIVS, SECCOMP_FILTER_FLAG_NEW_LISTENER, SECCOMP_SET_MODE_FILTER};
use libc::{SECCOMP_RET_ALLOW, SECCOMP_RET_USER_NOTIF, SECCOMP_USER_NOTIF_FLAG_CONTINUE};
use libc::{c_long, seccomp_notif, seccomp_notif_resp};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::ioctl::{Opcode, opcode};

const RECEIVE: Opcode = opcode::read_write::<seccomp_notif>(b'!', 0);
const SEND: Opcode = opcode::read_write::<seccomp_notif_resp>(b'!', 1);

/// Runs `test` in a thread where each of the `calls` fails with the errors of
/// `script`, one after the other and from the start again; where that has
/// `None`, the kernel does what was asked. How often each call was made.
pub fn failing(
    calls: &[c_long],
    script: &[Option<Errno>],
    test: impl FnOnce() + Send,
) -> HashMap<c_long, usize> {
    let filter = ask_about(calls);
    let (listener, hears) = channel();
    thread::scope(|scope| {
        let tested = scope.spawn(move || {
            install(&filter, &listener);
            test();
        });
        let made = judge(&hears.recv().expect("a filter"), script);
        if let Err(panic) = tested.join() {
            std::panic::resume_unwind(panic);
        }
        made
    })
}

fn ask_about(calls: &[c_long]) -> Vec<sock_filter> {
    let rule = |code: u32, k: u32, jf| sock_filter { code: code as u16, jt: 0, jf, k };
    // The call's number is what a filter finds at 0.
    let mut filter = vec![rule(BPF_LD | BPF_W | BPF_ABS, 0, 0)];
    for call in calls {
        filter.push(rule(BPF_JMP | BPF_JEQ | BPF_K, *call as u32, 1));
        filter.push(rule(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF, 0));
    }
    filter.push(rule(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0));
    filter
}

/// For the calling thread, and for ever.
fn install(filter: &[sock_filter], listener: &Sender<OwnedFd>) {
    let program = sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
    // SAFETY: numbers only.
    assert_eq!(unsafe { libc::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, 0);
    let (mode, flags) = (SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER);
    // SAFETY: a program that lives until the call has copied it.
    let fd = unsafe { libc::syscall(libc::SYS_seccomp, mode, flags, &raw const program) };
    assert!(fd >= 0, "{}", io::Error::last_os_error());
    // SAFETY: new, and nobody else's.
    listener.send(unsafe { OwnedFd::from_raw_fd(fd as i32) }).unwrap();
}

/// Says what comes of each call, until the thread has ended.
fn judge(listener: &OwnedFd, script: &[Option<Errno>]) -> HashMap<c_long, usize> {
    let mut made = HashMap::new();
    while is_alive(listener) {
        let Some(asked) = receive(listener) else { continue };
        let count = made.entry(c_long::from(asked.data.nr)).or_insert(0);
        answer(listener, asked.id, script[*count % script.len()]);
        *count += 1;
    }
    made
}

fn is_alive(listener: &OwnedFd) -> bool {
    let mut asked = [PollFd::new(listener, PollFlags::IN)];
    poll(&mut asked, None).unwrap();
    !asked[0].revents().contains(PollFlags::HUP)
}

/// `None` if a signal or its end took the call away from the thread.
fn receive(listener: &impl AsFd) -> Option<seccomp_notif> {
    // SAFETY: all zero is valid, and what the kernel wants to see there.
    let mut asked: seccomp_notif = unsafe { std::mem::zeroed() };
    let fd = listener.as_fd().as_raw_fd();
    // SAFETY: a structure of the request's own kind.
    let done = unsafe { libc::ioctl(fd, RECEIVE as _, &raw mut asked) };
    (done == 0).then_some(asked)
}

fn answer(listener: &impl AsFd, id: u64, error: Option<Errno>) {
    let flags = if error.is_none() { SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32 } else { 0 };
    let error = error.map_or(0, |error| -error.raw_os_error());
    let mut said = seccomp_notif_resp { id, val: 0, error, flags };
    // SAFETY: as above. It fails if the call is not there any more.
    unsafe { libc::ioctl(listener.as_fd().as_raw_fd(), SEND as _, &raw mut said) };
}
