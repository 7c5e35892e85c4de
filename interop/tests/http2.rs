//! hyper's HTTP/2 server and client on the loop: an executor that asks for no
//! `Send`, so the service may hold an `Rc`.

use event::{LoopHandle, spawn, yield_now};
use http_body_util::BodyExt;
use hyper::Method;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper::server::conn::http2;
use interop::http::{Body, GREETING, Hello, full, request};
use interop::support::{connected, noise, on_loop};

async fn session(handle: &LoopHandle, hello: &Hello) -> SendRequest<Body> {
    let (client, server) = connected(handle).await;
    let builder = http2::Builder::new(handle.clone());
    spawn(builder.serve_connection(server, hello.clone()));
    let (sender, connection) = handshake(handle.clone(), client).await.unwrap();
    spawn(connection);
    sender
}

#[test]
fn a_hundred_requests_share_one_connection() {
    let hello = Hello::default();
    on_loop(async |handle| {
        let sender = session(&handle, &hello).await;
        let asked: Vec<_> = (0..100).map(|_| spawn(greeting(sender.clone()))).collect();
        for task in asked {
            assert_eq!(task.await.unwrap(), GREETING);
        }
    });
    assert_eq!(hello.served.get(), 100);
}

async fn greeting(mut sender: SendRequest<Body>) -> String {
    let get = request(Method::GET, "http://localhost/", full(""));
    let response = sender.send_request(get).await.unwrap();
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().into()).unwrap()
}

#[test]
fn large_bodies_cross_each_other() {
    let sent = noise(2 << 20);
    on_loop(async |handle| {
        let sender = session(&handle, &Hello::default()).await;
        let echoes: Vec<_> = (0..4).map(|_| spawn(echo(sender.clone(), sent.clone()))).collect();
        for task in echoes {
            assert!(task.await.unwrap() == sent, "other bytes than were sent");
        }
    });
}

#[test]
fn requests_that_are_cancelled_disturb_no_other() {
    let hello = Hello::default();
    let sent = noise(1 << 20);
    on_loop(async |handle| {
        let sender = session(&handle, &hello).await;
        for _ in 0..20 {
            let asked = spawn(echo(sender.clone(), sent.clone()));
            // Under way, and not done: a body is larger than a stream's window.
            yield_now().await;
            asked.abort();
            assert!(asked.await.unwrap_err().is_cancelled());
            assert_eq!(greeting(sender.clone()).await, GREETING);
        }
    });
    assert!(hello.served.get() >= 20);
}

async fn echo(mut sender: SendRequest<Body>, bytes: Vec<u8>) -> Vec<u8> {
    let post = request(Method::POST, "http://localhost/echo", full(bytes));
    let response = sender.send_request(post).await.unwrap();
    response.into_body().collect().await.unwrap().to_bytes().into()
}
