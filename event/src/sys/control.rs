//! Control messages: what `sendmsg(2)` and `recvmsg(2)` carry beside the bytes.

use std::ptr;

use libc::{c_int, c_uint, cmsghdr};

/// One of them.
pub(crate) struct Control<'a> {
    pub(crate) level: c_int,
    pub(crate) kind: c_int,
    pub(crate) data: &'a [u8],
}

/// How many bytes one with so much data takes.
pub(crate) const fn room(data: usize) -> usize {
    // SAFETY: [NO-MEMORY] arithmetic. A length that does not fit is none of ours.
    unsafe { libc::CMSG_SPACE(data as c_uint) as usize }
}

/// Where the data begins, and how long header and data are together.
const fn length(data: usize) -> usize {
    // SAFETY: [NO-MEMORY] arithmetic.
    unsafe { libc::CMSG_LEN(data as c_uint) as usize }
}

impl<'a> Control<'a> {
    /// Writes it at the beginning of `place`, which has [`room`] for it; how
    /// many bytes it takes.
    pub(crate) fn write(&self, place: &mut [u8]) -> usize {
        let (start, taken) = (length(0), room(self.data.len()));
        let place = &mut place[..taken];
        // SAFETY: [PLAIN-BYTES] all integers; zeros also where the C library has padding.
        let mut header: cmsghdr = unsafe { std::mem::zeroed() };
        header.cmsg_len = length(self.data.len()) as _;
        header.cmsg_level = self.level;
        header.cmsg_type = self.kind;
        // SAFETY: [PLAIN-BYTES] the place is long enough, and need not be aligned.
        unsafe { ptr::write_unaligned(place.as_mut_ptr().cast(), header) };
        place[start..start + self.data.len()].copy_from_slice(self.data);
        taken
    }

    /// Takes the first one off `bytes`, as the kernel has written them; what
    /// is no whole header ends the list, and data that was cut off is short.
    fn split(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        if bytes.len() < length(0) {
            return None;
        }
        // SAFETY: [PLAIN-BYTES] long enough; any bytes are a header.
        let header: cmsghdr = unsafe { ptr::read_unaligned(bytes.as_ptr().cast()) };
        #[allow(clippy::unnecessary_cast, reason = "its type differs between C libraries")]
        let end = (header.cmsg_len as usize).min(bytes.len());
        let data = bytes.get(length(0)..end)?;
        let this = Self { level: header.cmsg_level, kind: header.cmsg_type, data };
        let rest = &bytes[bytes.len().min(room(data.len()))..];
        Some((this, rest))
    }
}

/// All of them, in order.
pub(crate) fn controls(mut bytes: &[u8]) -> impl Iterator<Item = Control<'_>> {
    std::iter::from_fn(move || {
        let (first, rest) = Control::split(bytes)?;
        bytes = rest;
        Some(first)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(all: &[(c_int, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (kind, data) in all {
            let at = bytes.len();
            bytes.resize(at + room(data.len()), 0xEE);
            let taken = Control { level: 1, kind: *kind, data }.write(&mut bytes[at..]);
            assert_eq!(taken, bytes.len() - at);
        }
        bytes
    }

    #[test]
    fn what_is_written_is_read_back_in_order() {
        let bytes = written(&[(7, b"abc"), (8, b""), (9, b"0123456789")]);
        let read: Vec<_> = controls(&bytes).map(|one| (one.level, one.kind, one.data)).collect();
        let expected: [(c_int, c_int, &[u8]); 3] =
            [(1, 7, b"abc"), (1, 8, b""), (1, 9, b"0123456789")];
        assert_eq!(read, expected);
    }

    #[test]
    fn no_cut_makes_it_read_beyond_the_end() {
        let bytes = written(&[(7, b"abc"), (8, b"0123456789")]);
        for end in 0..bytes.len() {
            for one in controls(&bytes[..end]) {
                assert!(b"abc".starts_with(one.data) || b"0123456789".starts_with(one.data));
            }
        }
    }

    #[test]
    fn a_header_that_lies_ends_the_list() {
        let mut bytes = written(&[(7, b"abc"), (8, b"def")]);
        bytes[..size_of::<usize>()].fill(0);
        assert_eq!(controls(&bytes).count(), 0);
        bytes[..4].fill(0xFF);
        assert!(controls(&bytes).count() <= 1);
    }
}
