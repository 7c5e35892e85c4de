//! tungstenite on the loop, by way of async-tungstenite and the futures traits.

use async_tungstenite::tungstenite::{Error, Message};
use async_tungstenite::{accept_async, client_async};
use event::{Socket, spawn};
use futures_lite::StreamExt;
use interop::support::{connected, noise, on_loop};

/// Sends back every message.
async fn echo(socket: Socket) -> Result<u64, Error> {
    let mut stream = accept_async(socket).await?;
    let mut count = 0;
    while let Some(message) = stream.next().await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            stream.send(message).await?;
            count += 1;
        }
    }
    Ok(count)
}

#[test]
fn messages_of_all_sizes_come_back() {
    on_loop(async |handle| {
        let (client, server) = connected(&handle).await;
        let served = spawn(echo(server));
        let (mut stream, _) = client_async("ws://localhost/", client).await.unwrap();
        for length in [0, 1, 125, 126, 65_535, 65_536, 1 << 20] {
            let sent = Message::binary(noise(length));
            stream.send(sent.clone()).await.unwrap();
            assert!(stream.next().await.unwrap().unwrap() == sent, "{length} bytes");
        }
        stream.send(Message::text("grüße")).await.unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap().into_text().unwrap(), "grüße");
        stream.close(None).await.unwrap();
        while let Some(message) = stream.next().await {
            assert!(message.unwrap().is_close());
        }
        assert_eq!(served.await.unwrap().unwrap(), 8);
    });
}

#[test]
fn a_ping_is_answered() {
    on_loop(async |handle| {
        let (client, server) = connected(&handle).await;
        let served = spawn(echo(server));
        let (mut stream, _) = client_async("ws://localhost/", client).await.unwrap();
        stream.send(Message::Ping("there?".into())).await.unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap(), Message::Pong("there?".into()));
        drop(stream); // without a farewell
        assert!(served.await.unwrap().is_err());
    });
}
