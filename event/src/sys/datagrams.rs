//! Many datagrams with one call (`recvmmsg(2)`).

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use libc::{c_int, c_uint, mmsghdr};
use socket2::{SockAddr, SockAddrStorage};

use super::control::{controls, room};

/// `UDP_GRO` says how long the datagrams are that were put together.
const CONTROL: usize = room(size_of::<c_int>());

/// One datagram, or several of one sender that were put together.
pub(crate) struct Arrival {
    /// As it was sent; more than its buffer if that was too small.
    pub(crate) length: usize,
    pub(crate) from: SockAddr,
    /// The length of each (but for the last) if there are several.
    pub(crate) segment: Option<usize>,
}

/// Receives what is there, at most one for each buffer and at most `MOST`.
pub(crate) fn receive_many<const MOST: usize>(
    fd: BorrowedFd<'_>,
    buffers: &mut [IoSliceMut<'_>],
    mut arrived: impl FnMut(Arrival),
) -> io::Result<()> {
    let count = buffers.len().min(MOST);
    let mut from: [_; MOST] = std::array::from_fn(|_| SockAddrStorage::zeroed());
    let mut control = [[0; CONTROL]; MOST];
    // SAFETY: [PLAIN-BYTES] numbers and pointers that may be NULL.
    let mut headers: [mmsghdr; MOST] = unsafe { MaybeUninit::zeroed().assume_init() };
    for (i, header) in headers.iter_mut().map(|one| &mut one.msg_hdr).take(count).enumerate() {
        header.msg_name = (&raw mut from[i]).cast();
        header.msg_namelen = from[i].size_of();
        // On Unix the one is the other, by the standard library's promise.
        header.msg_iov = (&raw mut buffers[i]).cast();
        header.msg_iovlen = 1;
        header.msg_control = (&raw mut control[i]).cast();
        header.msg_controllen = CONTROL as _;
    }
    let flags = libc::MSG_TRUNC as _;
    // SAFETY: [OWN-MEMORY] every place in the headers lives, with its length, until the end of this call.
    let received = unsafe {
        libc::recvmmsg(
            fd.as_raw_fd(),
            headers.as_mut_ptr(),
            count as c_uint,
            flags,
            ptr::null_mut(),
        )
    };
    let received = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
    for ((header, from), control) in headers.iter().zip(from).zip(&control).take(received) {
        // SAFETY: [OWN-MEMORY] what the kernel has written, and the length that it says.
        let from = unsafe { SockAddr::new(from, header.msg_hdr.msg_namelen) };
        #[allow(clippy::unnecessary_cast, reason = "its type differs between C libraries")]
        let segment = segment(&control[..CONTROL.min(header.msg_hdr.msg_controllen as usize)]);
        arrived(Arrival { length: header.msg_len as usize, from, segment });
    }
    Ok(())
}

fn segment(control: &[u8]) -> Option<usize> {
    let is_gro = |kind, level| level == libc::SOL_UDP && kind == libc::UDP_GRO;
    let said = controls(control).find(|one| is_gro(one.kind, one.level))?;
    let size = c_int::from_ne_bytes(said.data.try_into().ok()?);
    usize::try_from(size).ok().filter(|size| *size > 0)
}
