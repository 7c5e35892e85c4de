//! A kernel that lacks something: a thread for which some system calls and
//! options are unknown, by a filter of its own (`seccomp(2)`).
#![allow(unsafe_code)]

use std::thread;

use libc::{BPF_ABS, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, sock_filter, sock_fprog};
use libc::{PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, prctl};
use libc::{SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO};

/// What the kernel shall not know.
#[derive(Clone, Copy)]
pub enum Missing {
    /// `ENOSYS`.
    Call(libc::c_long),
    /// `EMFILE`: it knows the call, and has nothing left.
    Descriptors(libc::c_long),
    /// `ENOPROTOOPT` from `setsockopt` and `getsockopt`: level and name.
    Option(libc::c_int, libc::c_int),
}

/// Where a filter finds the call's number, and the lower halves of its second
/// and third argument (on machines that put that half first).
const NUMBER: u32 = 0;
const SECOND: u32 = 16 + 8;
const THIRD: u32 = 16 + 16;

/// Runs `test` in a thread that lacks all of these. (It cannot be undone.)
pub fn without(missing: &[Missing], test: impl FnOnce() + Send) {
    let filter: Vec<_> = missing.iter().flat_map(|one| one.rules()).chain([allow()]).collect();
    let ended = thread::scope(|scope| {
        let run = || {
            install(&filter);
            test();
        };
        scope.spawn(run).join()
    });
    if let Err(panic) = ended {
        std::panic::resume_unwind(panic);
    }
}

fn install(filter: &[sock_filter]) {
    let program = sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
    // SAFETY: numbers only.
    assert_eq!(unsafe { prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, 0);
    // SAFETY: a program that lives until the call has copied it.
    let set = unsafe { prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &raw const program) };
    assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
}

impl Missing {
    fn rules(self) -> Vec<sock_filter> {
        match self {
            Self::Call(number) => deny(libc::ENOSYS, &[(NUMBER, number as u32)]),
            Self::Descriptors(number) => deny(libc::EMFILE, &[(NUMBER, number as u32)]),
            Self::Option(level, name) => [libc::SYS_setsockopt, libc::SYS_getsockopt]
                .into_iter()
                .flat_map(|call| {
                    let all = [(NUMBER, call as u32), (SECOND, level as u32), (THIRD, name as u32)];
                    deny(libc::ENOPROTOOPT, &all)
                })
                .collect(),
        }
    }
}

/// The error if all these are so; otherwise on to what follows.
fn deny(error: i32, conditions: &[(u32, u32)]) -> Vec<sock_filter> {
    let mut rules = Vec::new();
    for (index, (place, value)) in conditions.iter().enumerate() {
        // Past the conditions that follow, two each, and past the verdict.
        let skip = 2 * (conditions.len() - index - 1) + 1;
        rules.push(rule(BPF_LD | BPF_W | BPF_ABS, *place, 0));
        rules.push(rule(BPF_JMP | BPF_JEQ | BPF_K, *value, skip as u8));
    }
    rules.push(rule(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error as u32, 0));
    rules
}

fn allow() -> sock_filter {
    rule(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0)
}

fn rule(code: u32, k: u32, jf: u8) -> sock_filter {
    sock_filter { code: code as u16, jt: 0, jf, k }
}
