//! An HTTP server: hyper, for HTTP/1 and HTTP/2, on one loop. Its service keeps
//! a count in an `Rc`, which no other thread could touch.
//!
//! `cargo run -p interop --example hyper_server [serve ADDRESS]`
//!
//! `serve 127.0.0.1:8080` serves until SIGINT, and then lets requests end.
//! Without arguments it shows itself, with clients of both kinds.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use event::{
    Connect, EventLoop, Listen, LoopHandle, LoopTimer, ServerSocket, Socket, SocketAddress,
    SocketError, spawn, timeout,
};
use futures_lite::future::or;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::{Method, Response, Version};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use interop::http::{GREETING, Hello, full, request};
use interop::{Failure, interrupted};

const PATIENCE: Duration = Duration::from_secs(10);

fn main() -> Result<(), Failure> {
    let events = EventLoop::new()?;
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [what, address] if what == "serve" => serve(&events, address.parse()?),
        _ => show(&events),
    }
}

fn serve(events: &EventLoop, address: SocketAddress) -> Result<(), Failure> {
    let (handle, hello) = (events.handle(), Hello::default());
    let server = open(&handle, address)?;
    println!("http://{}", server.local_addr()?);
    let stop = async { interrupted(&handle).await.unwrap_or_else(|error| eprintln!("{error}")) };
    events.block_on(serve_until(&server, &hello, stop))?;
    println!("{} requests", hello.served.get());
    Ok(())
}

/// HTTP answers in small pieces, which must not wait for each other.
fn open(handle: &LoopHandle, address: SocketAddress) -> Result<ServerSocket, SocketError> {
    Listen::new().nodelay(true).on(handle, address)
}

/// Serves until `stop`; then lets requests end.
async fn serve_until(server: &ServerSocket, hello: &Hello, stop: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let mut stop = pin!(async {
        stop.await;
        None
    });
    while let Some(accepted) = or(stop.as_mut(), async { Some(server.accept().await) }).await {
        match accepted {
            Ok((socket, _peer)) => answer(&graceful, socket, hello),
            // It goes on by itself when descriptors are free again.
            Err(error) => eprintln!("{error}"),
        }
    }
    server.close();
    if timeout(PATIENCE, graceful.shutdown()).await.is_err() {
        eprintln!("some requests did not end");
    }
}

/// A task for one connection, of whichever HTTP.
fn answer(graceful: &GracefulShutdown, socket: Socket, hello: &Hello) {
    let handle = socket.handle().clone();
    let timer = LoopTimer::new(&handle);
    let mut builder = Builder::new(handle);
    builder.http1().timer(timer.clone()).header_read_timeout(PATIENCE);
    builder.http2().timer(timer).keep_alive_interval(PATIENCE);
    let connection = builder.serve_connection(socket, hello.clone()).into_owned();
    let connection = graceful.watch(connection);
    spawn(async move {
        if let Err(error) = connection.await {
            eprintln!("a connection is lost: {error}");
        }
    });
}

const REQUESTS: u64 = 1000;

fn show(events: &EventLoop) -> Result<(), Failure> {
    let (handle, hello) = (events.handle(), Hello::default());
    let server = open(&handle, SocketAddress::ipv4("127.0.0.1", 0)?)?;
    let clients = handle.spawn(ask(handle.clone(), server.local_addr()?));
    let mut outcome = None;
    let stop = async { outcome = Some(clients.await) };
    events.block_on(serve_until(&server, &hello, stop))?;
    outcome.ok_or("the clients did not end")???;
    assert_eq!(hello.served.get(), 2 * REQUESTS);
    println!("{REQUESTS} requests by HTTP/1 and as many by HTTP/2, on one thread");
    Ok(())
}

/// A client of each kind; the second is still there, for the server to take its
/// leave of.
async fn ask(handle: LoopHandle, address: SocketAddress) -> Result<impl Sized, Failure> {
    let connect = Connect::new().nodelay(true);
    let socket = connect.to(&handle, &address).await?;
    let (mut one, connection) = http1::handshake(socket).await?;
    spawn(connection);
    for _ in 0..REQUESTS {
        let answer = one.send_request(request(Method::GET, "/", full(""))).await?;
        check(answer, Version::HTTP_11).await?;
    }
    let socket = connect.to(&handle, &address).await?;
    let (mut two, connection) = http2::handshake(handle, socket).await?;
    spawn(connection);
    for _ in 0..REQUESTS {
        let answer = two.send_request(request(Method::GET, "http://localhost/", full(""))).await?;
        check(answer, Version::HTTP_2).await?;
    }
    Ok(two)
}

async fn check(answer: Response<Incoming>, version: Version) -> Result<(), Failure> {
    assert_eq!(answer.version(), version);
    assert_eq!(answer.into_body().collect().await?.to_bytes(), GREETING);
    Ok(())
}
