//! hyper-util where it fits: one server for both HTTPs, graceful shutdown, and
//! its bridges between hyper's traits and tokio's, both ways.

use event::{LoopHandle, Socket, spawn};
use http_body_util::BodyExt;
use hyper::Method;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use interop::http::{GREETING, Hello, full, request};
use interop::support::{connected, on_loop};

async fn session(handle: &LoopHandle, hello: &Hello) -> Socket {
    let (client, server) = connected(handle).await;
    let (handle, hello) = (handle.clone(), hello.clone());
    spawn(async move { auto::Builder::new(handle).serve_connection(server, hello).await });
    client
}

#[test]
fn one_server_speaks_both() {
    let hello = Hello::default();
    on_loop(async |handle| {
        let (mut one, connection) = http1::handshake(session(&handle, &hello).await).await.unwrap();
        spawn(connection);
        let answer = one.send_request(request(Method::GET, "/", full(""))).await.unwrap();
        assert_eq!(answer.version(), hyper::Version::HTTP_11);

        let socket = session(&handle, &hello).await;
        let (mut two, connection) = http2::handshake(handle.clone(), socket).await.unwrap();
        spawn(connection);
        let get = request(Method::GET, "http://localhost/", full(""));
        let answer = two.send_request(get).await.unwrap();
        assert_eq!(answer.version(), hyper::Version::HTTP_2);
    });
    assert_eq!(hello.served.get(), 2);
}

#[test]
fn the_bridge_from_tokios_traits_works() {
    on_loop(async |handle| {
        let socket = session(&handle, &Hello::default()).await;
        // `Socket` has tokio's traits; `TokioIo` makes hyper's of them.
        let (mut sender, connection) = http1::handshake(TokioIo::new(socket)).await.unwrap();
        spawn(connection);
        let answer = sender.send_request(request(Method::GET, "/", full(""))).await.unwrap();
        let text = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(text, GREETING);
    });
}

#[test]
fn the_bridge_to_tokios_traits_works() {
    on_loop(async |handle| {
        let (ours, theirs) = connected(&handle).await;
        // And the other way round: of hyper's traits it makes tokio's, for h2.
        let served = spawn(h2::server::handshake(TokioIo::new(theirs)));
        assert!(h2::client::handshake(TokioIo::new(ours)).await.is_ok());
        assert!(served.await.unwrap().is_ok());
    });
}

#[test]
fn graceful_shutdown_lets_a_request_end() {
    on_loop(async |handle| {
        let (client, server) = connected(&handle).await;
        let graceful = GracefulShutdown::new();
        let builder = hyper::server::conn::http1::Builder::new();
        let served = spawn(graceful.watch(builder.serve_connection(server, Hello::default())));
        let head = b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 8\r\n\r\nhalf";
        client.write_all(head).await.unwrap();
        let mut answer = [0; 15];
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200 OK");

        let shutdown = spawn(graceful.shutdown());
        event::yield_now().await;
        assert!(!shutdown.is_finished(), "it did not wait for the request");
        client.write_all(b"half").await.unwrap();
        let mut rest = Vec::new();
        client.read_to_end(&mut rest, 1000).await.unwrap();
        assert!(rest.ends_with(b"halfhalf"));
        shutdown.await.unwrap();
        served.await.unwrap().unwrap();
    });
}
