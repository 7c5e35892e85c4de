//! The h2 crate on the loop, by tokio's traits: no adapter in between.

use bytes::Bytes;
use event::{Socket, spawn};
use h2::{RecvStream, client, server};
use hyper::{Request, Response};
use interop::support::{connected, noise, on_loop};

/// Sends back every body.
async fn serve(socket: Socket) -> Result<(), h2::Error> {
    let mut connection = server::handshake(socket).await?;
    while let Some(accepted) = connection.accept().await {
        let (request, mut respond) = accepted?;
        spawn(async move {
            let body = collect(request.into_body()).await?;
            let mut stream = respond.send_response(Response::new(()), false)?;
            stream.send_data(body.into(), true)
        });
    }
    Ok(())
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
        let mut sender = sender.ready().await.unwrap();
        let request = Request::post("http://localhost/").body(()).unwrap();
        let (response, mut stream) = sender.send_request(request, false).unwrap();
        stream.send_data(Bytes::from(sent.clone()), true).unwrap();
        let body = collect(response.await.unwrap().into_body()).await.unwrap();
        assert!(body == sent, "other bytes than were sent");
        drop((sender, stream));
        connection.await.unwrap().unwrap();
        served.await.unwrap().unwrap();
    });
}
