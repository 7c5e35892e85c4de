//! A TCP client that finishes: it connects, sends, reads the answer and is
//! done, or says which step failed and why.
//!
//! `cargo run --example echo_client [ADDRESS TEXT…]`
//!
//! With an address it sends each text as a line to a server there, and prints
//! what comes back. Without one it starts a server of the standard library's,
//! and shows what success, a refusal and a silent server look like.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use event::{BufferedReader, Connect, EventLoop, LoopHandle, SocketAddress, SocketError};

const PATIENCE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let done = match &arguments[..] {
        [address, lines @ ..] => ask(address, lines),
        [] => show(),
    };
    done.map_or_else(complain, |()| ExitCode::SUCCESS)
}

fn complain(error: io::Error) -> ExitCode {
    eprintln!("{error}");
    ExitCode::FAILURE
}

fn ask(address: &str, lines: &[String]) -> io::Result<()> {
    let events = EventLoop::new()?;
    let handle = events.handle();
    let answers = events.block_on(talk(&handle, address.parse()?, lines, PATIENCE))??;
    answers.iter().for_each(|answer| println!("{answer}"));
    Ok(())
}

/// Sends lines, one by one, and gathers the answers.
async fn talk(
    handle: &LoopHandle,
    address: SocketAddress,
    lines: &[String],
    patience: Duration,
) -> Result<Vec<String>, SocketError> {
    let socket = Connect::new().nodelay(true).timeout(patience).to(handle, address).await?;
    socket.set_read_timeout(Some(patience));
    let mut reader = BufferedReader::new(&socket);
    let mut answers = Vec::new();
    for line in lines {
        socket.write_all(format!("{line}\n").as_bytes()).await?;
        let answer = reader.line().await?;
        answers.push(answer.ok_or(SocketError::ConnectionClosed)?.to_owned());
    }
    Ok(answers)
}

fn show() -> io::Result<()> {
    let events = EventLoop::new()?;
    let handle = events.handle();
    let lines: Vec<_> = (1..=1000).map(|number| format!("line {number}")).collect();

    let echo = server(echo)?;
    let answers = events.block_on(talk(&handle, echo, &lines, PATIENCE))??;
    assert_eq!(answers, lines);
    println!("{} lines were sent, and came back as they were", answers.len());

    let error = events.block_on(talk(&handle, closed()?, &lines, PATIENCE))?.unwrap_err();
    assert!(matches!(error, SocketError::ConnectionFailed { .. }));
    println!("where nobody listens: {error}");

    let silent = server(|mut stream| stream.read_to_end(&mut Vec::new()).map(drop))?;
    let short = Duration::from_millis(50);
    let error = events.block_on(talk(&handle, silent, &lines, short))?.unwrap_err();
    assert!(matches!(error, SocketError::Timeout));
    println!("where nobody answers: {error}");
    Ok(())
}

/// A thread that serves one client.
fn server(
    serve: impl FnOnce(TcpStream) -> io::Result<()> + Send + 'static,
) -> io::Result<SocketAddress> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || listener.accept().and_then(|(stream, _)| serve(stream)));
    Ok(address.into())
}

fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut bytes = [0; 4096];
    loop {
        match stream.read(&mut bytes)? {
            0 => return Ok(()),
            count => stream.write_all(&bytes[..count])?,
        }
    }
}

/// An address on which nobody listens any more.
fn closed() -> io::Result<SocketAddress> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.into())
}
