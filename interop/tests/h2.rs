//! The h2 crate on the loop, by tokio's traits: no adapter in between.

use bytes::Bytes;
use event::{JoinHandle, Socket, spawn};
use h2::client::SendRequest;
use h2::{Reason, RecvStream, client, server};
use hyper::{Request, Response};
use interop::support::{connected, noise, on_loop};

type Ended = Result<(), h2::Error>;

/// Sends back every body; what became of each stream.
async fn serve(socket: Socket) -> Result<Vec<JoinHandle<Ended>>, h2::Error> {
    let mut connection = server::handshake(socket).await?;
    let mut streams = Vec::new();
    while let Some(accepted) = connection.accept().await {
        let (request, mut respond) = accepted?;
        streams.push(spawn(async move {
            let body = collect(request.into_body()).await?;
            let mut stream = respond.send_response(Response::new(()), false)?;
            stream.send_data(body.into(), true)
        }));
    }
    Ok(streams)
}

async fn collect(mut body: RecvStream) -> Result<Vec<u8>, h2::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        body.flow_control().release_capacity(chunk.len())?;
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

#[test]
fn handshake_and_an_echo_of_a_megabyte() {
    let sent = noise(1 << 20);
    on_loop(async |handle| {
        let (ours, theirs) = connected(&handle).await;
        let served = spawn(serve(theirs));
        let (sender, connection) = client::handshake(ours).await.unwrap();
        let connection = spawn(connection);
        assert!(echo(sender, sent.clone()).await == sent, "other bytes than were sent");
        connection.await.unwrap().unwrap();
        for stream in served.await.unwrap().unwrap() {
            stream.await.unwrap().unwrap();
        }
    });
}

#[test]
fn a_stream_that_is_reset_ends_alone() {
    let sent = noise(100_000);
    on_loop(async |handle| {
        let (ours, theirs) = connected(&handle).await;
        let served = spawn(serve(theirs));
        let (sender, connection) = client::handshake(ours).await.unwrap();
        let connection = spawn(connection);
        let mut sender = sender.ready().await.unwrap();
        let (response, mut stream) = sender.send_request(post(), false).unwrap();
        stream.send_data(Bytes::from_static(b"the beginning"), false).unwrap();
        stream.send_reset(Reason::CANCEL);
        assert_eq!(response.await.unwrap_err().reason(), Some(Reason::CANCEL));
        assert!(echo(sender, sent.clone()).await == sent, "other bytes than were sent");
        drop(stream);
        connection.await.unwrap().unwrap();

        let mut reasons = Vec::new();
        for stream in served.await.unwrap().unwrap() {
            reasons.push(stream.await.unwrap().map_err(|error| error.reason()));
        }
        assert_eq!(reasons, [Err(Some(Reason::CANCEL)), Ok(())]);
    });
}

fn post() -> Request<()> {
    Request::post("http://localhost/").body(()).unwrap()
}

/// What comes back.
async fn echo(sender: SendRequest<Bytes>, bytes: Vec<u8>) -> Vec<u8> {
    let mut sender = sender.ready().await.unwrap();
    let (response, mut stream) = sender.send_request(post(), false).unwrap();
    stream.send_data(Bytes::from(bytes), true).unwrap();
    collect(response.await.unwrap().into_body()).await.unwrap()
}
