//! Unix sockets: a server that hands open files to its clients, by descriptor,
//! to those whom it may; and the two kinds that keep messages apart.
//!
//! ```text
//! cargo run --example unix_socket
//! ```

use std::error::Error;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;

use event::{EventLoop, LoopHandle, SeqpacketServer, SeqpacketSocket, ServerSocket, Socket};
use event::{Listen, SocketAddress, SocketError, UnixDatagram};

/// A folder of our own, gone at the end.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> std::io::Result<Self> {
        let path = std::env::temp_dir().join(format!("unix-socket-{}", std::process::id()));
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }

    fn address(&self, name: &str) -> Result<SocketAddress, SocketError> {
        SocketAddress::unix(self.0.join(name))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Reads a name, and answers with the open file.
async fn serve(client: Socket, folder: std::path::PathBuf) -> Result<(), Box<dyn Error>> {
    let who = client.peer_credentials()?;
    println!("server: user {} is at the other end, process {:?}", who.uid, who.pid);
    assert_eq!(who.pid, Some(std::process::id()));
    let mut name = [0; 8];
    client.read_exact(&mut name).await?;
    let file = File::open(folder.join(std::str::from_utf8(&name)?))?;
    client.send_with_fds(b"here", &[file.as_fd()]).await?;
    Ok(())
}

/// A stream by a path.
async fn files(handle: &LoopHandle, folder: &Folder) -> Result<(), Box<dyn Error>> {
    File::create(folder.0.join("file.txt"))?.write_all(b"text of the server's")?;
    let address = folder.address("files")?;
    let server: ServerSocket = Listen::new().remove_stale(true).on(handle, &address)?;
    let client = Socket::connect(handle, &address).await?;
    let (served, _) = server.accept().await?;
    let path = folder.0.clone();
    let serving = handle.spawn(async move { serve(served, path).await.map_err(|e| e.to_string()) });

    client.write_all(b"file.txt").await?;
    let mut answer = [0; 16];
    let parcel = client.recv_with_fds(&mut answer, 1).await?;
    assert_eq!(&answer[..parcel.len()], b"here");
    let mut text = String::new();
    for fd in parcel.into_fds()? {
        File::from(fd).read_to_string(&mut text)?;
    }
    println!("client: read {text:?} from a file that the server has opened");
    assert_eq!(text, "text of the server's");
    serving.await??;
    Ok(())
}

/// Datagrams between two places.
async fn datagrams(handle: &LoopHandle, folder: &Folder) -> Result<(), Box<dyn Error>> {
    let clock = UnixDatagram::bind(handle, folder.address("clock")?)?;
    let asker = UnixDatagram::bind(handle, folder.address("asker")?)?;
    asker.send_to(b"what time is it?", clock.local_addr()?).await?;
    let (question, from) = clock.recv_from(&mut [0; 100]).await?;
    let now = handle.now().to_string();
    clock.send_to(now.as_bytes(), &from).await?;
    let mut answer = [0; 100];
    let datagram = asker.recv(&mut answer).await?;
    println!("a question of {} bytes from {from}, and an answer", question.len);
    assert_eq!(&answer[..datagram.len], now.as_bytes());
    Ok(())
}

/// A connection of packets, by a name without a file.
async fn packets(handle: &LoopHandle) -> Result<(), Box<dyn Error>> {
    let name = format!("unix-socket-{}", std::process::id());
    let server = SeqpacketServer::bind(handle, SocketAddress::unix_abstract(name)?)?;
    let client = SeqpacketSocket::connect(handle, server.local_addr()?).await?;
    let served = server.accept().await?;
    for word in ["these", "stay", "apart"] {
        client.send(word.as_bytes()).await?;
    }
    drop(client);
    let (mut buffer, mut words) = ([0; 100], Vec::new());
    while let Some(packet) = served.recv(&mut buffer).await? {
        words.push(String::from_utf8_lossy(&buffer[..packet.len]).into_owned());
    }
    println!("three packets, and then the end of the connection: {words:?}");
    assert_eq!(words, ["these", "stay", "apart"]);
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Folder::new()?;
    let events = EventLoop::new()?;
    let handle = events.handle();
    events.block_on(async {
        files(&handle, &folder).await?;
        datagrams(&handle, &folder).await?;
        packets(&handle).await
    })?
}
