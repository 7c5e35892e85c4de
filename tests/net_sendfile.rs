//! Files to sockets, and sockets to sockets, inside the kernel: every byte,
//! at the receiver's pace, and a peer that is gone is an error and no signal.

mod posix;
mod sockets;
mod support;

use std::fs::File;
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::pin::pin;

use event::{LoopHandle, Signal, Socket, SocketError, Splice, spawn};
use proptest::prelude::*;
use rustix::fs::{MemfdFlags, memfd_create};
use sockets::{assert_closed, assert_pending, assert_timeout, pattern, run, tcp_pair};
use support::alone::{alone, open_descriptors};
use support::ms;
use support::peers::pipe;

/// A file in memory with these bytes.
fn file(bytes: &[u8]) -> File {
    let mut file = File::from(memfd_create("event-test", MemfdFlags::CLOEXEC).unwrap());
    file.write_all(bytes).unwrap();
    file.seek(SeekFrom::Start(7)).unwrap();
    file
}

/// All that comes.
async fn drain(socket: &Socket) -> Vec<u8> {
    let mut all = Vec::new();
    socket.read_to_end(&mut all, usize::MAX / 2).await.unwrap();
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_part_of_a_file_arrives(
        length in 0..200_000_usize,
        offset in 0..250_000_u64,
        count in proptest::option::of(0..250_000_u64),
    ) {
        let bytes = pattern(length);
        let start = length.min(offset as usize);
        let end = count.map_or(length, |count| length.min(start + count as usize));
        run(async |handle| {
            let (client, served) = tcp_pair(handle).await;
            let mut file = file(&bytes);
            let reading = spawn(async move { drain(&served).await });
            let mut at = offset;
            let sent = client.send_file_all(&file, &mut at, count).await.unwrap();
            assert_eq!((sent as usize, at), (end - start, offset + sent));
            client.shutdown(Shutdown::Write).unwrap();
            assert!(reading.await.unwrap() == bytes[start..end]);
            // The file's own position is another's.
            assert_eq!(file.stream_position().unwrap(), 7);
        });
    }
}

#[test]
fn a_slow_reader_gets_all_of_it() {
    run(async |handle| {
        let (client, served) = tcp_pair(handle).await;
        let bytes = pattern(8 << 20);
        let file = file(&bytes);
        let reading = spawn(async move {
            let mut all = Vec::new();
            let mut buffer = vec![0; 50_000];
            loop {
                match served.read(&mut buffer).await.unwrap() {
                    0 => return all,
                    count => all.extend_from_slice(&buffer[..count]),
                }
                event::yield_now().await;
            }
        });
        assert_eq!(client.send_file_all(&file, &mut 0, None).await.unwrap(), 8 << 20);
        drop(client);
        assert!(reading.await.unwrap() == bytes);
    });
}

#[test]
fn what_was_sent_is_known_also_after_a_timeout_and_a_drop() {
    run(async |handle| {
        let (client, served) = tcp_pair(handle).await;
        let bytes = pattern(16 << 20);
        let file = file(&bytes);
        let mut at = 0;
        client.set_write_timeout(Some(ms(20)));
        assert_timeout(client.send_file_all(&file, &mut at, None).await);
        assert!(at > 0 && at < 16 << 20);
        client.set_write_timeout(None);
        {
            let mut sending = pin!(client.send_file_all(&file, &mut at, None));
            assert_pending(sending.as_mut()).await;
        }
        let reading = spawn(async move { drain(&served).await });
        client.send_file_all(&file, &mut at, None).await.unwrap();
        assert_eq!(at, 16 << 20);
        drop(client);
        assert!(reading.await.unwrap() == bytes);
    });
}

#[test]
fn what_is_no_file_says_why() {
    run(async |handle| {
        let (client, _served) = tcp_pair(handle).await;
        let error = client.send_file(pipe().0, 0, 10).await.unwrap_err();
        assert!(matches!(error, SocketError::WriteFailed(_)), "{error}");
        assert_eq!(error.errno(), Some(libc::ESPIPE));
        let folder = File::open("/").unwrap();
        assert!(client.send_file(&folder, 0, 10).await.is_err());
        let file = file(b"0123456789");
        assert_eq!(client.send_file(&file, 10, 5).await.unwrap(), 0, "the end");
        client.close();
        assert_closed(client.send_file(&file, 0, 5).await);
    });
}

#[test]
fn a_peer_that_is_gone_is_an_error_and_no_signal() {
    alone(|| {
        // As in a process that C has started: the signal kills.
        posix::set_ignored(Signal::PIPE, false);
        run(async |handle| {
            let file = file(&pattern(1000));
            let (one, other) = Socket::pair(handle).unwrap();
            drop(other);
            let error = one.send_file(&file, 0, 10).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);

            for mut splice in [Splice::new().unwrap(), Splice::buffered()] {
                let (client, from) = Socket::pair(handle).unwrap();
                client.write_all(b"for nobody").await.unwrap();
                let error = splice.copy(&from, &one).await.unwrap_err();
                assert!(matches!(error, SocketError::WriteFailed(_)), "{error}");
                assert_eq!(error.kind(), ErrorKind::BrokenPipe);
                assert_eq!(splice.held(), 10, "not lost, but not sent");
            }
            // Nor does it wait to be delivered.
            assert_eq!(one.write(b"x").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        });
        posix::assert_default(Signal::PIPE);
    });
}

#[test]
fn it_was_the_signal_that_killed() {
    let this = std::env::current_exe().unwrap();
    let mut command = std::process::Command::new(this);
    command.args(["dies_of_the_signal", "--exact", "--ignored", "--test-threads=1"]);
    let status = command.output().unwrap().status;
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    assert_eq!(signal, Some(libc::SIGPIPE), "{status}");
}

/// What the guard is against: without it the test above has proved nothing.
#[test]
#[ignore = "started by the one above"]
fn dies_of_the_signal() {
    posix::set_ignored(Signal::PIPE, false);
    let (one, other) = std::os::unix::net::UnixStream::pair().unwrap();
    drop(other);
    let _ = rustix::fs::sendfile(one, file(b"x"), Some(&mut 0), 1);
}

/// Two connections, and a way from the one to the other through us.
struct Way {
    client: Socket,
    from: Socket,
    to: Socket,
    server: Socket,
}

impl Way {
    async fn new(handle: &LoopHandle, unix: bool) -> Self {
        if unix {
            let ((client, from), (to, server)) =
                (Socket::pair(handle).unwrap(), Socket::pair(handle).unwrap());
            return Self { client, from, to, server };
        }
        let ((client, from), (to, server)) = (tcp_pair(handle).await, tcp_pair(handle).await);
        Self { client, from, to, server }
    }
}

fn splices() -> [Splice; 2] {
    let all = [Splice::new().unwrap(), Splice::buffered()];
    assert!(all[0].is_spliced() && !all[1].is_spliced());
    all
}

#[test]
fn a_stream_is_copied_to_its_end_at_the_pace_of_its_reader() {
    const LENGTH: usize = 3_000_000;
    run(async |handle| {
        for unix in [false, true] {
            for mut splice in splices() {
                let Way { client, from, to, server } = Way::new(handle, unix).await;
                let writing =
                    spawn(async move { client.write_all(&pattern(LENGTH)).await.unwrap() });
                let reading = spawn(async move { drain(&server).await });
                assert_eq!(splice.copy(&from, &to).await.unwrap(), LENGTH as u64);
                assert_eq!(splice.held(), 0);
                // The end is not passed on by itself.
                to.shutdown(Shutdown::Write).unwrap();
                assert!(reading.await.unwrap() == pattern(LENGTH));
                writing.await.unwrap();
            }
        }
    });
}

#[test]
fn a_copy_that_was_dropped_goes_on_and_loses_nothing() {
    const LENGTH: usize = 6 << 20;
    run(async |handle| {
        for mut splice in splices() {
            let Way { client, from, to, server } = Way::new(handle, false).await;
            let writing = spawn(async move { client.write_all(&pattern(LENGTH)).await.unwrap() });
            // Nobody reads: after some time it holds what has no place to go.
            to.set_write_timeout(Some(ms(20)));
            assert_timeout(splice.copy(&from, &to).await);
            assert!(splice.held() > 0);
            to.set_write_timeout(None);
            {
                let mut copying = pin!(splice.copy(&from, &to));
                assert_pending(copying.as_mut()).await;
            }
            assert!(splice.held() > 0);
            let reading = spawn(async move { drain(&server).await });
            assert!(splice.copy(&from, &to).await.unwrap() > 0);
            drop(to);
            assert!(reading.await.unwrap() == pattern(LENGTH));
            writing.await.unwrap();
        }
    });
}

#[test]
fn a_reader_that_fails_is_told_from_a_writer_that_does() {
    run(async |handle| {
        for mut splice in splices() {
            let Way { client, from, to, server } = Way::new(handle, false).await;
            client.options().set_linger(Some(std::time::Duration::ZERO)).unwrap();
            drop(client);
            let error = splice.copy(&from, &to).await.unwrap_err();
            assert!(matches!(error, SocketError::ReadFailed(_)), "{error}");
            assert_eq!(error.kind(), ErrorKind::ConnectionReset);
            to.close();
            assert_closed(splice.copy(&to, &server).await);
        }
    });
}

#[test]
fn nothing_is_left_open() {
    alone(|| {
        let before = open_descriptors();
        run(async |handle| {
            for _ in 0..20 {
                let Way { client, from, to, .. } = Way::new(handle, true).await;
                client.write_all(b"x").await.unwrap();
                let mut splice = Splice::new().unwrap();
                to.close();
                assert_closed(splice.copy(&from, &to).await);
                let file = OwnedFd::from(file(b"text"));
                assert_closed(to.send_file(&file, 0, 1).await);
            }
        });
        assert_eq!(open_descriptors(), before);
    });
}
