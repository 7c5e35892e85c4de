//! Servers with a task for each connection.

use std::cell::RefCell;
use std::io;
use std::net::Ipv4Addr;

use contest::greeting::{RESPONSE, Requests};
use contest::service;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

const CHUNK: usize = 64 * 1024;

fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
    socket.listen(4096)
}

pub async fn serve(port: u16, welcome: impl Fn(TcpStream)) -> io::Result<()> {
    let listener = listen(port)?;
    println!("ready");
    loop {
        let (stream, _) = listener.accept().await?;
        welcome(stream);
    }
}

pub async fn own(mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut buffer = vec![0; CHUNK];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        if stream.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; CHUNK]);
}

/// Reads and writes within one poll, so that the buffer can be everybody's.
pub async fn shared(mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    loop {
        if stream.readable().await.is_err() {
            return;
        }
        let Some(unsent) = once(&stream) else { return };
        // Boxed, for it is rare, and would make each idle task larger.
        if !unsent.is_empty() && Box::pin(stream.write_all(&unsent)).await.is_err() {
            return;
        }
    }
}

/// One read and one write; what could not be sent, `None` at the end.
fn once(stream: &TcpStream) -> Option<Vec<u8>> {
    BUFFER.with_borrow_mut(|buffer| {
        let count = match stream.try_read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Some(Vec::new()),
            Ok(0) | Err(_) => return None,
            Ok(count) => count,
        };
        let sent = match stream.try_write(&buffer[..count]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            sent => sent.ok()?,
        };
        Some(buffer[sent..count].to_vec())
    })
}

pub async fn greet(mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut requests = Requests::default();
    let mut buffer = vec![0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        for _ in 0..requests.count(&buffer[..count]) {
            if stream.write_all(RESPONSE).await.is_err() {
                return;
            }
        }
    }
}

pub async fn hyper(stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    service::serve(TokioIo::new(stream), TokioTimer::new()).await;
}
