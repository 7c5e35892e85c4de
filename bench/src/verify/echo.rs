//! What an echo server must do.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread::{self, sleep};
use std::time::Duration;

use bench::server::Server;
use contest::chance::Chance;
use rustix::net::sockopt::set_socket_linger;
use rustix::process::Signal;

/// More than the socket buffers of both sides hold.
const LONG: usize = 16 << 20;
/// What a server reads at a time.
const CHUNK: usize = 64 * 1024;

fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut chance = Chance::seeded(seed);
    (0..length).map(|_| chance.draw() as u8).collect()
}

fn expect(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    let mut received = vec![0; bytes.len()];
    stream.read_exact(&mut received)?;
    match received.iter().zip(bytes).position(|(got, sent)| got != sent) {
        None => Ok(()),
        Some(place) => Err(io::Error::other(format!("byte {place} of {} differs", bytes.len()))),
    }
}

fn expect_end(stream: &mut TcpStream) -> io::Result<()> {
    match stream.read(&mut [0; 16])? {
        0 => Ok(()),
        more => Err(io::Error::other(format!("{more} bytes too many"))),
    }
}

pub(super) fn slow_reader(server: &Server) -> io::Result<()> {
    let mut stream = server.connect()?;
    let (mut writer, bytes) = (stream.try_clone()?, noise(1, LONG));
    thread::scope(|scope| {
        let writing = scope.spawn(|| {
            writer.write_all(&bytes)?;
            writer.shutdown(Shutdown::Write)
        });
        // All buffers fill up first, and then the reader takes small bites.
        sleep(Duration::from_millis(300));
        bytes[..100_000].chunks(100).try_for_each(|bite| expect(&mut stream, bite))?;
        expect(&mut stream, &bytes[100_000..])?;
        expect_end(&mut stream)?;
        writing.join().expect("it does not panic")
    })
}

pub(super) fn byte_by_byte(server: &Server) -> io::Result<()> {
    let mut stream = server.connect()?;
    for byte in noise(2, 1000) {
        stream.write_all(&[byte])?;
        expect(&mut stream, &[byte])?;
    }
    Ok(())
}

pub(super) fn many_clients(server: &Server) -> io::Result<()> {
    let mut streams: Vec<_> = (0..200).map(|_| server.connect()).collect::<io::Result<Vec<_>>>()?;
    for round in 0..5 {
        let text = |index: usize| noise(round * 1000 + index as u64 + 3, 10 + 37 * index);
        for (index, stream) in streams.iter_mut().enumerate() {
            stream.write_all(&text(index))?;
        }
        for (index, stream) in streams.iter_mut().enumerate() {
            expect(stream, &text(index))?;
        }
    }
    Ok(())
}

/// Runs `f` while the server stands still, so that all that is sent meanwhile
/// arrives at once.
fn stopped<R>(server: &Server, f: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
    server.signal(Signal::STOP)?;
    let result = f();
    server.signal(Signal::CONT)?;
    result
}

fn end_with(server: &Server, length: usize) -> io::Result<()> {
    let mut stream = server.connect()?;
    // The connection is an old one, whose first edge is long past.
    stream.write_all(b"hello")?;
    expect(&mut stream, b"hello")?;
    let bytes = noise(length as u64, length);
    stopped(server, || {
        stream.write_all(&bytes)?;
        stream.shutdown(Shutdown::Write)?;
        sleep(Duration::from_millis(1));
        Ok(())
    })?;
    expect(&mut stream, &bytes)?;
    expect_end(&mut stream)
}

pub(super) fn end_with_data(server: &Server) -> io::Result<()> {
    (1..50).try_for_each(|length| end_with(server, length))
}

pub(super) fn end_with_much_data(server: &Server) -> io::Result<()> {
    let lengths = [CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 1];
    lengths.iter().try_for_each(|length| end_with(server, *length))
}

pub(super) fn reset_with_data(server: &Server) -> io::Result<()> {
    for length in [1, 100, CHUNK] {
        let mut stream = server.connect()?;
        stream.write_all(b"hello")?;
        expect(&mut stream, b"hello")?;
        stopped(server, || {
            stream.write_all(&noise(4, length))?;
            set_socket_linger(&stream, Some(Duration::ZERO))?;
            drop(stream);
            Ok(())
        })?;
    }
    // It must have survived.
    end_with(server, 100)
}
