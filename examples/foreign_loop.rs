//! Our loop as a guest in another one: a plain `poll(2)` loop, as a toolkit or
//! a game has it, waits for a descriptor of its own and for the loop's. When
//! the latter is readable it takes one turn, which does not wait.
//!
//! ```text
//! cargo run --example foreign_loop
//! ```

use std::cell::Cell;
use std::error::Error;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use event::{AsyncFd, EventLoop, LoopHandle};
use rustix::event::{PollFd, PollFlags, poll};

const FRAME: Duration = Duration::from_millis(10);

/// What the guest does: a task that talks to a peer, and a timer.
fn register(handle: &LoopHandle, stream: UnixStream, done: Rc<Cell<bool>>) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    let stream = AsyncFd::new(handle, stream)?;
    let ticks = handle.every(FRAME * 2, |_| println!("guest: tick"))?;
    drop(handle.spawn(async move {
        if let Err(error) = converse(stream).await {
            println!("guest: {error}");
        }
        drop(ticks);
        done.set(true);
    }));
    Ok(())
}

async fn converse(stream: AsyncFd<UnixStream>) -> io::Result<()> {
    for word in ["one", "two", "three"] {
        stream.write_with(|mut io| io.write_all(word.as_bytes())).await?;
        let mut echo = [0; 16];
        let count = stream.read_with(|mut io| io.read(&mut echo)).await?;
        println!("guest: the peer says {:?}", String::from_utf8_lossy(&echo[..count]));
        event::sleep(FRAME).await;
    }
    Ok(())
}

/// Somebody else's thread: answers each message after a while.
fn echo(mut peer: UnixStream) -> io::Result<()> {
    let mut text = [0; 16];
    loop {
        let count = peer.read(&mut text)?;
        if count == 0 {
            return Ok(());
        }
        thread::sleep(FRAME);
        peer.write_all(&text[..count])?;
    }
}

/// The host's own source of events: a frame every 10 ms.
fn frames(mut screen: UnixStream) -> io::Result<()> {
    loop {
        thread::sleep(FRAME);
        // Fails when the host has gone.
        screen.write_all(b"#")?;
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let events = EventLoop::new()?;
    let done = Rc::new(Cell::new(false));
    let (ours, peer) = UnixStream::pair()?;
    let (mut display, screen) = UnixStream::pair()?;
    thread::spawn(move || echo(peer));
    thread::spawn(move || frames(screen));
    register(&events.handle(), ours, done.clone())?;

    let (mut shown, mut turns) = (0, 0);
    let guest = events.pollable()?;
    while !done.get() {
        let mut waiting =
            [PollFd::new(&display, PollFlags::IN), PollFd::from_borrowed_fd(guest, PollFlags::IN)];
        poll(&mut waiting, None)?;
        let ready = waiting.map(|one| !one.revents().is_empty());
        if ready[0] {
            display.read_exact(&mut [0])?;
            shown += 1;
        }
        if ready[1] {
            events.run_once(Some(Duration::ZERO))?;
            turns += 1;
        }
    }
    println!("host:  showed {shown} frames, and gave the guest {turns} turns");
    assert!(shown > 0 && turns < 200, "neither starves the other, and none spins");
    Ok(())
}
