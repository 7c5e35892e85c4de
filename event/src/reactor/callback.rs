//! A closure that may be called, replaced and dropped while it runs.
#![forbid(unsafe_code)]

use std::cell::{Cell, RefCell};

/// Holds a closure; while it runs it is taken out, so whatever it does to its
/// own holder finds an empty place and not a borrowed one. [SLOT-HELD]
pub(crate) struct Callback<F: ?Sized> {
    call: RefCell<Option<Box<F>>>,
    installed: Cell<bool>,
}

impl<F: ?Sized> Callback<F> {
    pub(crate) fn new(call: Option<Box<F>>) -> Self {
        Self { installed: Cell::new(call.is_some()), call: RefCell::new(call) }
    }

    pub(crate) fn is_installed(&self) -> bool {
        self.installed.get()
    }

    /// Runs `f` on the closure, unless it is running already or gone.
    pub(crate) fn with(&self, f: impl FnOnce(&mut F)) {
        let taken = self.call.borrow_mut().take();
        if let Some(call) = taken {
            let mut running = Running { home: self, call: Some(call) };
            if let Some(call) = &mut running.call {
                f(call);
            }
        }
    }

    /// Uninstalls the closure and hands it out to be dropped; one that runs
    /// is dropped when it returns.
    pub(crate) fn remove(&self) -> Option<Box<F>> {
        self.installed.set(false);
        self.call.borrow_mut().take()
    }
}

/// Puts the closure back when it returns, by whichever way.
struct Running<'a, F: ?Sized> {
    home: &'a Callback<F>,
    call: Option<Box<F>>,
}

impl<F: ?Sized> Drop for Running<'_, F> {
    fn drop(&mut self) {
        if self.home.is_installed() {
            *self.home.call.borrow_mut() = self.call.take();
        }
    }
}
