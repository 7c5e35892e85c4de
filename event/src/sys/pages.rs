//! Memory in whole pages of its own, which nothing else ever lies in
//! (`mmap(2)`).

use std::io;
use std::ptr::{self, NonNull};
use std::slice;

use libc::{MAP_ANONYMOUS, MAP_FAILED, MAP_PRIVATE, PROT_READ, PROT_WRITE};

/// So many bytes, zero at first.
///
/// Giving them back unmaps them. What the kernel is still sending from them
/// (`MSG_ZEROCOPY`) it has a hold of by itself, and no allocator of ours can
/// hand that memory out again: the one moment at which it would go wrong with
/// memory of the heap's.
pub(crate) struct Pages {
    start: NonNull<u8>,
    length: usize,
}

impl Pages {
    pub(crate) fn new(length: usize) -> io::Result<Self> {
        // Nothing cannot be mapped.
        let length = length.max(1);
        let flags = MAP_PRIVATE | MAP_ANONYMOUS;
        // SAFETY: [OWN-MAPPING] a new place of the kernel's choice.
        let start =
            unsafe { libc::mmap(ptr::null_mut(), length, PROT_READ | PROT_WRITE, flags, -1, 0) };
        if start == MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).expect("never mapped at zero");
        Ok(Self { start, length })
    }

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        // SAFETY: [OWN-MAPPING] mapped, initialised and ours for as long as we live.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: [OWN-MAPPING] as above, and nobody else looks at it.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.length) }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: [OWN-MAPPING] ours, whole, and nobody looks at it any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
    }
}
