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
    /// handle of that loop, is dropped; it is used on this thread only, and
    /// the loop is not dropped by a callback while `event_base_loop` runs.
    pub unsafe fn borrow(base: *mut ffi::event_base) -> Option<Self> {
        Some(Self { ptr: NonNull::new(base)?, owned: false })
    }

    /// A base that is handed over: `event_base_free` is called when the last
    /// user is gone. `None` for NULL.
    ///
    /// # Safety
    ///
    /// As for [`borrow`](Self::borrow); and nobody else frees it.
    pub unsafe fn own(base: *mut ffi::event_base) -> Option<Self> {
        Some(Self { ptr: NonNull::new(base)?, owned: true })
    }

    pub(crate) fn adopt(self, abort_on_panic: bool) -> Rc<RawBase> {
        RawBase::adopt(self.ptr, self.owned, abort_on_panic)
    }
}
