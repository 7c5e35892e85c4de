//! Servers with a task for each connection.

use std::cell::RefCell;

use contest::Outcome;
use contest::greeting::{RESPONSE, Requests};
use contest::service;
use event::{
    BufferedReader, BufferedWriter, EventLoop, Listen, LoopTimer, Socket, SocketAddress,
    SocketError, spawn,
};

const CHUNK: usize = 64 * 1024;
const BACKLOG: u32 = 4096;

/// Accepts until killed.
pub(super) fn serve(events: &EventLoop, port: u16, welcome: impl Fn(Socket)) -> Outcome {
    let failed = |error| contest::Failure::Wrong(format!("{error}"));
    let served: Result<(), SocketError> = events.block_on(async {
        let address = SocketAddress::ipv4("127.0.0.1", port)?;
        let server = Listen::new().backlog(BACKLOG).nodelay(true).on(&events.handle(), address)?;
        println!("ready");
        loop {
            let (socket, _) = server.accept().await?;
            welcome(socket);
        }
    })?;
    served.map_err(failed)
}

/// Echoes with a buffer of the task's own.
pub(super) fn echo(socket: Socket) {
    spawn(async move {
        let mut buffer = vec![0; CHUNK];
        while let Ok(count @ 1..) = socket.read(&mut buffer).await {
            if socket.write_all(&buffer[..count]).await.is_err() {
                return;
            }
        }
    });
}

/// Echoes through the buffered reader and writer, with their watermarks.
pub(super) fn echo_buffered(socket: Socket) {
    spawn(async move {
        let handle = socket.handle().clone();
        let (reader, writer) = socket.into_split();
        let mut reader = BufferedReader::new(reader);
        let writer = BufferedWriter::new(&handle, writer);
        let mut buffer = vec![0; CHUNK];
        while let Ok(count @ 1..) = reader.read(&mut buffer).await {
            if writer.write(&buffer[..count]).await.is_err() {
                return;
            }
        }
        // What is on its way is delivered; there is nobody to be told if not.
        let _ = writer.close().await;
    });
}

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; CHUNK]);
}

/// Echoes with everybody's buffer: read and written within one poll.
pub(super) fn echo_shared(socket: Socket) {
    spawn(async move {
        while socket.readable().await.is_ok() {
            let Some(unsent) = once(&socket) else { return };
            // Boxed, for it is rare, and would make each idle task larger.
            if !unsent.is_empty() && Box::pin(socket.write_all(&unsent)).await.is_err() {
                return;
            }
        }
    });
}

/// One read and one write; what could not be sent, `None` at the end.
fn once(socket: &Socket) -> Option<Vec<u8>> {
    BUFFER.with_borrow_mut(|buffer| match socket.try_read(buffer).ok()? {
        Some(0) => None,
        Some(count) => {
            let sent = socket.try_write(&buffer[..count]).ok()?.unwrap_or(0);
            Some(buffer[sent..count].to_vec())
        }
        None => Some(Vec::new()),
    })
}

/// Answers each request with the greeting.
pub(super) fn greet(socket: Socket) {
    spawn(async move {
        let mut requests = Requests::default();
        let mut buffer = vec![0; 4096];
        while let Ok(count @ 1..) = socket.read(&mut buffer).await {
            for _ in 0..requests.count(&buffer[..count]) {
                if socket.write_all(RESPONSE).await.is_err() {
                    return;
                }
            }
        }
    });
}

/// Answers each request with the greeting, by hyper.
pub(super) fn hyper(socket: Socket) {
    let timer = LoopTimer::new(socket.handle());
    spawn(service::serve(socket, timer));
}
