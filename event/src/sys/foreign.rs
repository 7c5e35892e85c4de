//! A base that C made.

use std::ptr::NonNull;
use std::rc::Rc;

use libevent_sys as ffi;

use super::RawBase;

/// An `event_base` of C's, under its caller's promise; for
/// [`EventLoop::adopt`](crate::EventLoop::adopt).
#[derive(Debug)]
pub struct ForeignBase {
    ptr: NonNull<ffi::event_base>,
    owned: bool,
}

impl ForeignBase {
    /// A base that C goes on owning. `None` for NULL.
    ///
    /// # Safety
    ///
    /// `base` is live and stays so until the loop that adopts it, and every
    /// handle of that loop, is dropped. It is used on this thread only, and has
    /// all its priorities already (`event_base_priority_init`).
    pub unsafe fn borrow(base: *mut ffi::event_base) -> Option<Self> {
        Some(Self { ptr: NonNull::new(base)?, owned: false })
    }

    /// A base that is handed over: `event_base_free` is called when the last
    /// user is gone. `None` for NULL.
    ///
    /// # Safety
    ///
    /// As for [`borrow`](Self::borrow); nobody else frees it; and while
    /// `event_base_loop` runs, no callback of C's own drops the last handle.
    /// (One of Rust's may: the base is leaked then.)
    pub unsafe fn own(base: *mut ffi::event_base) -> Option<Self> {
        Some(Self { ptr: NonNull::new(base)?, owned: true })
    }

    pub(crate) fn adopt(self, abort_on_panic: bool) -> Rc<RawBase> {
        RawBase::adopt(self.ptr, self.owned, abort_on_panic)
    }
}
