//! hyper's HTTP/1 server and client on the loop.

use event::{LoopHandle, LoopTimer, Socket, spawn};
use http_body_util::BodyExt;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::server::conn::http1;
use hyper::{Method, StatusCode};
use interop::http::{Body, GREETING, Hello, full, request};
use interop::support::{connected, noise, on_loop};

async fn session(handle: &LoopHandle, hello: &Hello) -> SendRequest<Body> {
    let (client, server) = connected(handle).await;
    let mut builder = http1::Builder::new();
    builder.timer(LoopTimer::new(handle));
    spawn(builder.serve_connection(server, hello.clone()));
    dial(client).await
}

async fn dial(socket: Socket) -> SendRequest<Body> {
    let (sender, connection) = handshake(socket).await.unwrap();
    spawn(connection);
    sender
}

#[test]
fn requests_follow_each_other_on_one_connection() {
    let hello = Hello::default();
    on_loop(async |handle| {
        let mut sender = session(&handle, &hello).await;
        for _ in 0..100 {
            sender.ready().await.unwrap();
            let response = sender.send_request(request(Method::GET, "/", full(""))).await.unwrap();
            assert_eq!(response.status(), StatusCode::OK);
            let text = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(text, GREETING);
        }
    });
    assert_eq!(hello.served.get(), 100);
}

#[test]
fn a_large_body_goes_there_and_back_in_chunks() {
    let sent = noise(8 << 20);
    let back = on_loop(async |handle| {
        let mut sender = session(&handle, &Hello::default()).await;
        let post = request(Method::POST, "/echo", full(sent.clone()));
        let response = sender.send_request(post).await.unwrap();
        response.into_body().collect().await.unwrap().to_bytes()
    });
    assert!(back == sent, "{} bytes came back, or others than were sent", back.len());
}

#[test]
fn an_unknown_path_is_not_found() {
    on_loop(async |handle| {
        let mut sender = session(&handle, &Hello::default()).await;
        let response = sender.send_request(request(Method::GET, "/no", full(""))).await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
    });
}

#[test]
fn a_peer_that_leaves_is_an_error_of_its_connection_only() {
    on_loop(async |handle| {
        let (client, server) = connected(&handle).await;
        let hello = Hello::default();
        let served = spawn(http1::Builder::new().serve_connection(server, hello.clone()));
        client
            .write_all(b"POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf")
            .await
            .unwrap();
        client.close();
        assert!(served.await.unwrap().is_err());
        let mut sender = session(&handle, &hello).await;
        assert!(sender.send_request(request(Method::GET, "/", full(""))).await.is_ok());
    });
}
