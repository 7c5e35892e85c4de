//! rustls on the loop, by way of futures-rustls and the futures traits.

use event::{Socket, spawn};
use futures_lite::{AsyncReadExt, AsyncWriteExt};
use futures_rustls::TlsAcceptor;
use interop::support::{connected, noise, on_loop};
use interop::tls::{Identity, localhost};

/// Sends back everything until the client says that it is done.
async fn echo(acceptor: TlsAcceptor, socket: Socket) -> std::io::Result<u64> {
    let (mut reader, mut writer) = futures_lite::io::split(acceptor.accept(socket).await?);
    let count = futures_lite::io::copy(&mut reader, &mut writer).await?;
    writer.close().await?;
    Ok(count)
}

#[test]
fn an_echo_of_four_megabytes() {
    let sent = noise(4 << 20);
    let identity = Identity::new().unwrap();
    on_loop(async |handle| {
        let (ours, theirs) = connected(&handle).await;
        let served = spawn(echo(identity.acceptor().unwrap(), theirs));
        let stream = identity.connector().unwrap().connect(localhost(), ours).await.unwrap();
        let (mut reader, mut writer) = futures_lite::io::split(stream);
        let sending = sent.clone();
        let writing = spawn(async move {
            writer.write_all(&sending).await?;
            writer.close().await
        });
        let mut back = Vec::new();
        reader.read_to_end(&mut back).await.unwrap();
        writing.await.unwrap().unwrap();
        assert!(back == sent, "{} bytes came back, or others than were sent", back.len());
        assert_eq!(served.await.unwrap().unwrap(), sent.len() as u64);
    });
}

#[test]
fn a_certificate_of_somebody_elses_is_refused() {
    let (ours, theirs) = (Identity::new().unwrap(), Identity::new().unwrap());
    on_loop(async |handle| {
        let (client, server) = connected(&handle).await;
        let served = spawn(echo(theirs.acceptor().unwrap(), server));
        let connecting = ours.connector().unwrap().connect(localhost(), client);
        let error = connecting.await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData, "{error}");
        assert!(served.await.unwrap().is_err());
    });
}

#[test]
fn a_connection_cut_off_is_not_taken_for_its_end() {
    let identity = Identity::new().unwrap();
    on_loop(async |handle| {
        let (client, server) = connected(&handle).await;
        let served = spawn(echo(identity.acceptor().unwrap(), server));
        let mut stream = identity.connector().unwrap().connect(localhost(), client).await.unwrap();
        stream.write_all(b"half a").await.unwrap();
        stream.flush().await.unwrap();
        // The end of the stream below, without a farewell of TLS's.
        stream.get_ref().0.shutdown(std::net::Shutdown::Write).unwrap();
        let error = served.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof, "{error}");
    });
}
