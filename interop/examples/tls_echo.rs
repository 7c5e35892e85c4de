//! TLS on the loop: rustls by way of futures-rustls, with a certificate made on
//! the spot.
//!
//! `cargo run -p interop --example tls_echo [serve ADDRESS]`
//!
//! `serve 127.0.0.1:4433` echoes until SIGINT, and prints the certificate
//! (`openssl s_client -connect 127.0.0.1:4433` is a client). Without arguments
//! it shows itself.

use std::future::Future;
use std::io;
use std::time::Duration;

use event::{EventLoop, LoopHandle, ServerSocket, Socket, SocketAddress, copy, spawn, timeout};
use futures_lite::{AsyncReadExt, AsyncWriteExt, io::split};
use futures_rustls::TlsAcceptor;
use interop::tls::{Identity, localhost};
use interop::{Failure, interrupted};

const HANDSHAKE: Duration = Duration::from_secs(10);

fn main() -> Result<(), Failure> {
    let events = EventLoop::new()?;
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [what, address] if what == "serve" => serve(&events, address.parse()?),
        _ => show(&events),
    }
}

fn serve(events: &EventLoop, address: SocketAddress) -> Result<(), Failure> {
    let (handle, identity) = (events.handle(), Identity::new()?);
    let server = ServerSocket::bind(&handle, address)?;
    println!("{}echo on {}", identity.pem(), server.local_addr()?);
    handle.spawn(accept(server, identity.acceptor()?));
    Ok(events.block_on(interrupted(&handle))??)
}

async fn accept(server: ServerSocket, acceptor: TlsAcceptor) {
    loop {
        match server.accept().await {
            Ok((socket, peer)) => drop(spawn(report(peer, echo(acceptor.clone(), socket)))),
            Err(error) if error.is_exhaustion() => eprintln!("{error}"),
            Err(error) => return eprintln!("{error}"),
        }
    }
}

async fn report(peer: SocketAddress, echo: impl Future<Output = io::Result<u64>>) {
    match echo.await {
        Ok(count) => println!("{peer}: {count} bytes"),
        Err(error) => println!("{peer}: {error}"),
    }
}

/// Sends back everything until the client says goodbye.
async fn echo(acceptor: TlsAcceptor, socket: Socket) -> io::Result<u64> {
    let stream = timeout(HANDSHAKE, acceptor.accept(socket)).await??;
    let (mut reader, mut writer) = split(stream);
    let count = copy(&mut reader, &mut writer).await?;
    writer.close().await?;
    Ok(count)
}

const BYTES: usize = 4 << 20;

fn show(events: &EventLoop) -> Result<(), Failure> {
    let (handle, ours, theirs) = (events.handle(), Identity::new()?, Identity::new()?);
    let server = ServerSocket::bind(&handle, SocketAddress::ipv4("127.0.0.1", 0)?)?;
    let address = server.local_addr()?;
    let serving = handle.spawn(accept(server, ours.acceptor()?));
    events.block_on(exchange(&handle, &address, &ours))??;
    println!("{BYTES} bytes came back through TLS as they were");
    let refused = events.block_on(exchange(&handle, &address, &theirs))?.unwrap_err();
    println!("and to whom that certificate is strange: {refused}");
    serving.abort();
    Ok(())
}

async fn exchange(
    handle: &LoopHandle,
    address: &SocketAddress,
    trusted: &Identity,
) -> Result<(), Failure> {
    let socket = Socket::connect(handle, address).await?;
    let stream = trusted.connector()?.connect(localhost(), socket).await?;
    let (mut reader, mut writer) = split(stream);
    let sent: Vec<u8> = (0..BYTES).map(|place| (place ^ (place >> 8)) as u8).collect();
    let sending = sent.clone();
    let sender = spawn(async move {
        writer.write_all(&sending).await?;
        writer.close().await
    });
    let mut back = Vec::new();
    reader.read_to_end(&mut back).await?;
    sender.await??;
    assert!(back == sent, "other bytes came back than were sent");
    Ok(())
}
