//! The end of a program that serves.
#![forbid(unsafe_code)]

use event::{LoopHandle, Signal, SignalError};
use tokio::sync::oneshot;

/// Waits for SIGINT. (tokio's channels need no runtime of theirs.)
///
/// # Errors
///
/// If the signal cannot be watched.
pub async fn interrupted(handle: &LoopHandle) -> Result<(), SignalError> {
    let (sender, receiver) = oneshot::channel();
    let mut sender = Some(sender);
    let _watcher = handle.watch_signal(Signal::INT, move |_| {
        // A second one, while the program is ending, changes nothing.
        sender.take().map(|sender| sender.send(()));
    })?;
    let _ = receiver.await;
    Ok(())
}
