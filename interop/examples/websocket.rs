//! WebSockets on the loop: tungstenite by way of async-tungstenite.
//!
//! `cargo run -p interop --example websocket [serve ADDRESS]`
//!
//! `serve 127.0.0.1:9001` sends back every message until SIGINT; a browser's
//! `new WebSocket("ws://127.0.0.1:9001")` is a client. Without arguments it shows
//! itself.

use async_tungstenite::tungstenite::{Error, Message};
use async_tungstenite::{accept_async, client_async};
use event::{
    Connect, EventLoop, JoinHandle, Listen, LoopHandle, ServerSocket, Socket, SocketAddress, spawn,
};
use futures_lite::StreamExt;
use interop::{Failure, interrupted};

fn main() -> Result<(), Failure> {
    let events = EventLoop::new()?;
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [what, address] if what == "serve" => serve(&events, address.parse()?),
        _ => show(&events),
    }
}

fn serve(events: &EventLoop, address: SocketAddress) -> Result<(), Failure> {
    let handle = events.handle();
    let server = Listen::new().nodelay(true).on(&handle, address)?;
    println!("ws://{}", server.local_addr()?);
    handle.spawn(accept(server));
    Ok(events.block_on(interrupted(&handle))??)
}

async fn accept(server: ServerSocket) {
    loop {
        match server.accept().await {
            Ok((socket, peer)) => drop(spawn(async move {
                match echo(socket).await {
                    Ok(count) => println!("{peer}: {count} messages"),
                    Err(error) => println!("{peer}: {error}"),
                }
            })),
            Err(error) if error.is_exhaustion() => eprintln!("{error}"),
            Err(error) => return eprintln!("{error}"),
        }
    }
}

/// Sends back every message until the client says goodbye.
async fn echo(socket: Socket) -> Result<usize, Error> {
    let mut stream = accept_async(socket).await?;
    let mut count = 0;
    while let Some(message) = stream.next().await.transpose()? {
        if message.is_text() || message.is_binary() {
            stream.send(message).await?;
            count += 1;
        }
    }
    Ok(count)
}

const CLIENTS: usize = 10;
const MESSAGES: usize = 200;

fn show(events: &EventLoop) -> Result<(), Failure> {
    let handle = events.handle();
    let listen = Listen::new().nodelay(true);
    let server = listen.on(&handle, SocketAddress::ipv4("127.0.0.1", 0)?)?;
    let address = server.local_addr()?;
    let serving = handle.spawn(accept(server));
    let clients: Vec<JoinHandle<_>> =
        (0..CLIENTS).map(|_| handle.spawn(client(handle.clone(), address.clone()))).collect();
    events.block_on(async {
        for client in clients {
            client.await??;
        }
        Ok::<_, Failure>(())
    })??;
    serving.abort();
    println!("{CLIENTS} clients sent {MESSAGES} messages each: all came back");
    Ok(())
}

async fn client(handle: LoopHandle, address: SocketAddress) -> Result<(), Failure> {
    let socket = Connect::new().nodelay(true).to(&handle, &address).await?;
    let (mut stream, _response) = client_async("ws://localhost/", socket).await?;
    for number in 0..MESSAGES {
        let message = match number % 2 {
            0 => Message::text(format!("message {number}")),
            _ => Message::binary(vec![number as u8; number * 500]),
        };
        stream.send(message.clone()).await?;
        let back = stream.next().await.ok_or("the server left")??;
        assert!(back == message, "another message came back than was sent");
    }
    stream.close(None).await?;
    while let Some(message) = stream.next().await.transpose()? {
        assert!(message.is_close(), "an unexpected message: {message}");
    }
    Ok(())
}
