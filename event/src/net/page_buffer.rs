//! Bytes in memory of their own, to be sent without copying.
#![forbid(unsafe_code)]

use std::fmt;
use std::io;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use super::error::SocketError;
use crate::sys::Pages;

/// Bytes in memory pages of their own, for
/// [`Socket::write_zero_copy`](crate::Socket::write_zero_copy).
///
/// The kernel sends from the very memory, also after the socket or the future
/// is gone. Here dropping is harmless whenever it happens: the pages are
/// unmapped, the kernel keeps those that it still needs, and nothing else ever
/// gets to lie in them.
///
/// ```
/// use event::PageBuffer;
///
/// let mut buffer = PageBuffer::new(4096)?;
/// buffer[..5].copy_from_slice(b"hello");
/// buffer.resize(5)?;
/// assert_eq!(&buffer[..], b"hello");
/// let shared = buffer.freeze();
/// assert_eq!(&shared.clone()[..], b"hello");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct PageBuffer {
    pages: Pages,
    len: usize,
}

impl PageBuffer {
    /// So many zero bytes.
    ///
    /// # Errors
    ///
    /// `ENOMEM` (`mmap(2)`).
    pub fn new(len: usize) -> io::Result<Self> {
        Ok(Self { pages: Pages::new(len)?, len })
    }

    /// A copy of these bytes.
    ///
    /// # Errors
    ///
    /// `ENOMEM` (`mmap(2)`).
    pub fn copied(bytes: &[u8]) -> io::Result<Self> {
        let mut buffer = Self::new(bytes.len())?;
        buffer.copy_from_slice(bytes);
        Ok(buffer)
    }

    /// How many bytes it can have.
    pub fn capacity(&self) -> usize {
        self.pages.len()
    }

    /// Makes it shorter, or longer again: the bytes beyond are as they were.
    ///
    /// # Errors
    ///
    /// [`SocketError::LimitExceeded`] beyond the capacity.
    pub fn resize(&mut self, len: usize) -> Result<(), SocketError> {
        if len > self.capacity() {
            return Err(SocketError::LimitExceeded { limit: self.capacity() });
        }
        self.len = len;
        Ok(())
    }

    /// The same bytes, never to be changed again, for any number of holders:
    /// they can be sent to many at the same time.
    pub fn freeze(self) -> PageBytes {
        PageBytes(Rc::new(self))
    }
}

/// Bytes of a [`PageBuffer`] that do not change any more; cheap to clone.
#[derive(Clone)]
pub struct PageBytes(Rc<PageBuffer>);

impl Deref for PageBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.pages.as_slice()[..self.len]
    }
}

impl DerefMut for PageBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.pages.as_mut_slice()[..self.len]
    }
}

impl Deref for PageBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for PageBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PageBuffer({} bytes)", self.len())
    }
}

impl fmt::Debug for PageBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PageBytes({} bytes)", self.len())
    }
}

/// What can be sent without copying: [`PageBuffer`] and [`PageBytes`], and
/// nothing else. Memory of the heap's could be handed out to others while the
/// kernel still sends from it.
pub trait ZeroCopyBuffer: Deref<Target = [u8]> + sealed::Sealed {}

impl ZeroCopyBuffer for PageBuffer {}
impl ZeroCopyBuffer for PageBytes {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::PageBuffer {}
    impl Sealed for super::PageBytes {}
}
