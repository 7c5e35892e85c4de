//! What was read of a signal at one time.
#![forbid(unsafe_code)]

/// So many of it, and who sent the last; zeros if that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrived {
    pub(crate) count: u64,
    pub(crate) pid: u32,
    pub(crate) uid: u32,
}

impl Arrived {
    /// Both together.
    pub(crate) fn after(self, earlier: Option<Self>) -> Self {
        Self { count: self.count + earlier.map_or(0, |earlier| earlier.count), ..self }
    }
}
