//! Descriptors that arrive with a message (`SCM_RIGHTS`).

use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};

use libc::c_int;

use super::control::{controls, room};
use super::message::{Message, receive};

/// The most that one message carries (`SCM_MAX_FD`).
pub(crate) const MOST: usize = 253;

/// Credentials, a label, whatever else an adopted socket was told to receive:
/// it comes first, and must not take the descriptors' place.
const OTHERS: usize = 512;

/// As many descriptors as fit, made `CLOEXEC` as they are made.
#[cfg(not(target_vendor = "apple"))]
const FLAGS: c_int = libc::MSG_CMSG_CLOEXEC;
#[cfg(target_vendor = "apple")]
const FLAGS: c_int = 0;

/// A message, its descriptors, and whether some of them were lost.
pub(crate) struct Delivery {
    pub(crate) message: Message,
    pub(crate) fds: Vec<OwnedFd>,
    pub(crate) lost: bool,
}

/// Receives a message with at most `most` descriptors. More than that are
/// closed; those that the kernel could not make (`EMFILE`) never were.
pub(crate) fn receive_rights(
    fd: BorrowedFd<'_>,
    buffer: &mut [u8],
    most: usize,
    flags: c_int,
) -> io::Result<Delivery> {
    let mut place = [0; room(MOST * size_of::<RawFd>()) + OTHERS];
    let length = room(most.min(MOST) * size_of::<RawFd>()) + OTHERS;
    let message = receive(fd, buffer, &mut place[..length], flags | FLAGS)?;
    let mut fds = take(&place[..message.controls.min(length)]);
    let lost = message.flags & libc::MSG_CTRUNC != 0 || fds.len() > most;
    fds.truncate(most);
    #[cfg(target_vendor = "apple")]
    for fd in &fds {
        rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::CLOEXEC)?;
    }
    Ok(Delivery { message, fds, lost })
}

/// Takes possession of all descriptors that were received.
fn take(bytes: &[u8]) -> Vec<OwnedFd> {
    let rights = controls(bytes)
        .filter(|one| one.level == libc::SOL_SOCKET && one.kind == libc::SCM_RIGHTS)
        .flat_map(|one| one.data.chunks_exact(size_of::<RawFd>()));
    rights.map(own).collect()
}

fn own(number: &[u8]) -> OwnedFd {
    let number = RawFd::from_ne_bytes(number.try_into().expect("a chunk of that size"));
    // SAFETY: [ONE-OWNER] the kernel has just made it for us, and this buffer,
    // which is read once, is the only place where its number is.
    unsafe { OwnedFd::from_raw_fd(number) }
}
