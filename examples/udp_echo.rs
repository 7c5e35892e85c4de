//! UDP, end to end: a server that echoes by batches, over IPv4 and IPv6, and
//! clients that check every datagram of theirs; then many datagrams at the price
//! of one, where the kernel can.
//!
//! ```text
//! cargo run --example udp_echo
//! ```

use std::error::Error;
use std::rc::Rc;
use std::time::Duration;

use event::{Capabilities, EventLoop, LoopHandle, Outgoing, ReceiveBatch, SocketAddress};
use event::{SocketError, UdpSocket};

const CLIENTS: usize = 8;
const DATAGRAMS: usize = 200;

/// Sends everything back to where it came from, until the socket is closed.
async fn echo(socket: Rc<UdpSocket>) -> Result<usize, SocketError> {
    let mut batch = ReceiveBatch::new(32, 2048);
    let mut count = 0;
    loop {
        match socket.recv_batch(&mut batch).await {
            Err(SocketError::Closed) => return Ok(count),
            received => count += received?,
        }
        let answers: Vec<_> =
            batch.iter().map(|datagram| Outgoing::to(datagram.bytes, datagram.from)).collect();
        let mut rest = &answers[..];
        while !rest.is_empty() {
            rest = &rest[socket.send_batch(rest).await?..];
        }
    }
}

/// One datagram after the other; UDP may lose some, and then they are sent again.
async fn client(
    handle: LoopHandle,
    server: SocketAddress,
    number: usize,
) -> Result<(), SocketError> {
    let any =
        if server.is_ipv6() { SocketAddress::any_ipv6(0) } else { SocketAddress::any_ipv4(0) };
    let socket = UdpSocket::bind(&handle, any)?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(Duration::from_millis(500)));
    for index in 0..DATAGRAMS {
        let text = format!("datagram {index} of client {number}, {}", "x".repeat(index * 7));
        ask(&socket, text.as_bytes()).await?;
    }
    Ok(())
}

/// Sends it until it has come back.
async fn ask(socket: &UdpSocket, text: &[u8]) -> Result<(), SocketError> {
    let mut buffer = [0; 2048];
    loop {
        socket.send(text).await?;
        match socket.recv(&mut buffer).await {
            Ok(datagram) if buffer[..datagram.len] == *text => return Ok(()),
            // An answer to an earlier attempt.
            Ok(_) | Err(SocketError::Timeout) => {}
            Err(error) => return Err(error),
        }
    }
}

/// A server and its clients.
async fn exchange(handle: &LoopHandle, any: SocketAddress) -> Result<(), Box<dyn Error>> {
    let server = Rc::new(UdpSocket::bind(handle, any)?);
    let address = server.local_addr()?;
    let serving = handle.spawn(echo(server.clone()));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| handle.spawn(client(handle.clone(), address.clone(), number)))
        .collect();
    for client in clients {
        client.await??;
    }
    server.close();
    let echoed = serving.await??;
    println!("{address}: {CLIENTS} clients got all {DATAGRAMS} datagrams back; {echoed} echoed");
    Ok(())
}

/// A lot of bytes in datagrams of one length.
async fn segments(handle: &LoopHandle) -> Result<(), Box<dyn Error>> {
    let able = Capabilities::get()?;
    let sender = UdpSocket::bind(handle, SocketAddress::ipv4("127.0.0.1", 0)?)?;
    let receiver = UdpSocket::bind(handle, SocketAddress::ipv4("127.0.0.1", 0)?)?;
    sender.connect(receiver.local_addr()?)?;
    if able.udp_gro {
        receiver.enable_gro()?;
    }
    let bytes: Vec<u8> = (0..50_000_usize).map(|index| (index % 251) as u8).collect();
    let sent = sender.send_segments(&bytes, 1200).await?;
    let (mut batch, mut got, mut calls) = (ReceiveBatch::new(8, 65_536), Vec::new(), 0);
    while got.len() < bytes.len() {
        receiver.recv_batch(&mut batch).await?;
        batch.iter().for_each(|datagram| got.extend_from_slice(datagram.bytes));
        calls += 1;
    }
    assert!(got == bytes, "the bytes are not as they were sent");
    println!("{sent} segments (GSO {}, GRO {}): {calls} receives", able.udp_gso, able.udp_gro);
    Ok(())
}

/// What is longer than the buffer is told of, and what nobody receives also.
async fn surprises(handle: &LoopHandle) -> Result<(), Box<dyn Error>> {
    let one = UdpSocket::bind(handle, SocketAddress::ipv4("127.0.0.1", 0)?)?;
    let other = UdpSocket::bind(handle, SocketAddress::ipv4("127.0.0.1", 0)?)?;
    one.connect(other.local_addr()?)?;
    one.send(&[b'x'; 1000]).await?;
    let datagram = other.recv(&mut [0; 100]).await?;
    assert!(datagram.is_truncated());
    println!("{} of {} bytes fitted into the buffer", datagram.len, datagram.full_len);
    other.close();
    one.send(b"is anybody there?").await?;
    let error = one.recv(&mut [0; 100]).await.expect_err("nobody is");
    println!("the other socket is closed: {error}");
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let events = EventLoop::new()?;
    let handle = events.handle();
    events.block_on(async {
        exchange(&handle, SocketAddress::ipv4("127.0.0.1", 0)?).await?;
        if Capabilities::get()?.ipv6 {
            exchange(&handle, SocketAddress::ipv6("::1", 0)?).await?;
        }
        segments(&handle).await?;
        surprises(&handle).await
    })?
}
