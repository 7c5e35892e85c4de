//! What the tests share: a loop with a time limit, two ends of a connection, and
//! bytes to compare. All of them panic when something fails.
#![allow(clippy::missing_panics_doc)]
#![forbid(unsafe_code)]

use std::future::Future;
use std::time::Duration;

use event::{Connect, EventLoop, Listen, LoopHandle, ServerSocket, Socket, SocketAddress};

/// Longer than anything here takes, on any machine.
pub const GENEROUS: Duration = Duration::from_secs(20);

/// Runs a test on a loop of its own, and fails if it does not end.
#[track_caller]
pub fn on_loop<F: Future>(test: impl FnOnce(LoopHandle) -> F) -> F::Output {
    let events = EventLoop::new().unwrap();
    let handle = events.handle();
    let done = events.block_on(handle.timeout(GENEROUS, test(handle.clone()))).unwrap();
    done.expect("waited in vain")
}

/// A server of IPv4 on a port of the system's choice.
pub fn listen(handle: &LoopHandle) -> ServerSocket {
    let address = SocketAddress::ipv4("127.0.0.1", 0).unwrap();
    Listen::new().nodelay(true).on(handle, address).unwrap()
}

/// Two ends of a TCP connection, without Nagle's delays: HTTP/2 answers in small
/// frames.
pub async fn connected(handle: &LoopHandle) -> (Socket, Socket) {
    let server = listen(handle);
    let connect = Connect::new().nodelay(true);
    let client = connect.to(handle, server.local_addr().unwrap()).await.unwrap();
    (client, server.accept().await.unwrap().0)
}

/// Bytes of which no two neighbourhoods are alike.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut bytes = vec![0; length];
    for chunk in bytes.chunks_mut(8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        chunk.copy_from_slice(&state.to_le_bytes()[..chunk.len()]);
    }
    bytes
}
