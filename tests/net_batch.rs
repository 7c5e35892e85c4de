//! Many datagrams at once, and datagrams that the kernel cuts and puts
//! together: at the receiver all of it looks as if they had been sent singly.

mod sockets;

use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;

use event::{Bind, Capabilities};
use event::{LoopHandle, Outgoing, ReceiveBatch, SocketAddress, SocketError, UdpSocket, spawn};
use proptest::prelude::*;
use sockets::{ECONNREFUSED, assert_closed, local, local_v6, pattern, run};

/// Two that have each other for a peer, with room for all that is sent here.
fn peers(handle: &LoopHandle, any: SocketAddress) -> (UdpSocket, UdpSocket) {
    let bind = Bind::new().receive_buffer(4 << 20);
    let one = bind.udp(handle, &any).unwrap();
    let other = bind.udp(handle, any).unwrap();
    one.connect(other.local_addr().unwrap()).unwrap();
    other.connect(one.local_addr().unwrap()).unwrap();
    (one, other)
}

/// The next `count` datagrams, by batches.
async fn collect(socket: &UdpSocket, batch: &mut ReceiveBatch, count: usize) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while all.len() < count {
        let received = socket.recv_batch(batch).await.unwrap();
        assert_eq!((received, batch.is_empty()), (batch.len(), false));
        for datagram in batch.iter() {
            assert!(!datagram.is_truncated());
            all.push(datagram.bytes.to_vec());
        }
    }
    all
}

async fn send_all(socket: &UdpSocket, all: &[Outgoing<'_>]) {
    let mut rest = all;
    while !rest.is_empty() {
        let sent = socket.send_batch(rest).await.unwrap();
        assert!(sent > 0);
        rest = &rest[sent..];
    }
}

#[test]
fn a_batch_arrives_whole_and_in_order_over_both_families() {
    run(async |handle| {
        for any in [local(), local_v6()] {
            let (one, other) = peers(handle, any);
            let texts: Vec<_> = (0..100).map(pattern).collect();
            let all: Vec<_> = texts.iter().map(|text| Outgoing::new(text)).collect();
            send_all(&one, &all).await;
            let mut batch = ReceiveBatch::new(16, 2000);
            assert_eq!(collect(&other, &mut batch, texts.len()).await, texts);
            let last = batch.iter().last().unwrap();
            assert_eq!(*last.from, one.local_addr().unwrap());
        }
    });
}

#[test]
fn each_of_a_batch_goes_to_its_own_address() {
    run(async |handle| {
        let sender = UdpSocket::bind(handle, local()).unwrap();
        let receivers: Vec<_> = (0..5).map(|_| UdpSocket::bind(handle, local()).unwrap()).collect();
        let places: Vec<_> = receivers.iter().map(|one| one.local_addr().unwrap()).collect();
        let texts: Vec<_> = (0..5_u8).map(|number| [number; 3]).collect();
        let all: Vec<_> =
            texts.iter().zip(&places).map(|(text, to)| Outgoing::to(text, to)).collect();
        send_all(&sender, &all).await;
        for (receiver, text) in receivers.iter().zip(&texts) {
            let mut buffer = [0; 9];
            let got = receiver.recv(&mut buffer).await.unwrap();
            assert_eq!(&buffer[..got.len], text);
        }
    });
}

#[test]
fn what_is_there_is_received_with_one_call() {
    if !Capabilities::get().unwrap().batches {
        return;
    }
    run(async |handle| {
        let (one, other) = peers(handle, local());
        for number in 0..10 {
            one.send(&[number]).await.unwrap();
        }
        let mut batch = ReceiveBatch::new(8, 9);
        assert_eq!(other.recv_batch(&mut batch).await.unwrap(), 8);
        assert!(batch.iter().map(|one| one.bytes[0]).eq(0..8));
        assert_eq!(other.recv_batch(&mut batch).await.unwrap(), 2);
        assert!(batch.iter().map(|one| one.bytes[0]).eq(8..10));
    });
}

#[test]
fn a_batch_is_waited_for_and_an_empty_one_is_not_sent() {
    run(async |handle| {
        let (one, other) = peers(handle, local());
        let waiting = spawn(async move {
            let mut batch = ReceiveBatch::new(4, 9);
            other.recv_batch(&mut batch).await.unwrap();
            batch.iter().map(|one| one.bytes.to_vec()).collect::<Vec<_>>()
        });
        event::yield_now().await;
        assert_eq!(one.send_batch(&[]).await.unwrap(), 0);
        assert_eq!(one.send_batch(&[Outgoing::new(b"")]).await.unwrap(), 1);
        assert_eq!(waiting.await.unwrap(), [b""]);
    });
}

#[test]
fn what_does_not_fit_is_told_of_for_each() {
    run(async |handle| {
        let (one, other) = peers(handle, local());
        one.send(b"0123456789").await.unwrap();
        one.send(b"abc").await.unwrap();
        let mut batch = ReceiveBatch::new(4, 4);
        let mut seen = Vec::new();
        while seen.len() < 2 {
            other.recv_batch(&mut batch).await.unwrap();
            seen.extend(batch.iter().map(|one| (one.bytes.to_vec(), one.full_len)));
        }
        assert_eq!(seen, [(b"0123".to_vec(), 10), (b"abc".to_vec(), 3)]);
    });
}

#[test]
fn an_error_is_the_first_ones_and_those_before_it_were_sent() {
    run(async |handle| {
        let (one, other) = peers(handle, local());
        let long = vec![0; 70_000];
        let all = [b"first", &long[..], b"third"].map(Outgoing::new);
        assert_eq!(one.send_batch(&all).await.unwrap(), 1);
        let error = one.send_batch(&all[1..]).await.unwrap_err();
        assert!(matches!(error, SocketError::WriteFailed(_)), "{error}");
        assert_eq!(error.errno(), Some(libc::EMSGSIZE));
        assert_eq!(one.send_batch(&all[2..]).await.unwrap(), 1);
        let mut batch = ReceiveBatch::new(9, 99);
        assert_eq!(collect(&other, &mut batch, 2).await, [b"first", b"third"]);
        other.close();
        assert_closed(other.recv_batch(&mut batch).await);
        assert_closed(other.send_batch(&all[..1]).await);
    });
}

#[test]
fn a_refusal_reaches_a_batch_once() {
    run(async |handle| {
        let (one, other) = peers(handle, local());
        other.close();
        one.send(b"x").await.unwrap();
        let mut batch = ReceiveBatch::new(4, 9);
        let error = one.recv_batch(&mut batch).await.unwrap_err();
        assert_eq!(error.errno(), Some(ECONNREFUSED));
        one.set_read_timeout(Some(std::time::Duration::from_millis(10)));
        sockets::assert_timeout(one.recv_batch(&mut batch).await);
    });
}

/// The datagrams that `bytes` should be cut into.
fn cut(bytes: &[u8], size: usize) -> Vec<Vec<u8>> {
    bytes.chunks(size).map(<[u8]>::to_vec).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn segments_are_the_same_whoever_cuts_and_whoever_takes_apart(
        length in 0..150_000_usize,
        size in prop_oneof![1..20_usize, 20..3000_usize, 3000..65_507_usize],
        gso: bool,
        gro: bool,
        v6: bool,
        addressed: bool,
    ) {
        let gro = gro && Capabilities::get().unwrap().udp_gro;
        // The receiver's buffer has an end.
        let bytes = pattern(length.min(size * 100));
        run(async |handle| {
            let any = if v6 { local_v6() } else { local() };
            let (one, other) = peers(handle, any);
            one.set_gso(gso);
            if gro {
                other.enable_gro().unwrap();
            }
            let expected = cut(&bytes, size);
            let sending = async {
                match addressed {
                    false => one.send_segments(&bytes, size).await.unwrap(),
                    true => {
                        let to = other.local_addr().unwrap();
                        one.send_segments_to(&bytes, size, to).await.unwrap()
                    }
                }
            };
            assert_eq!(sending.await, expected.len());
            let mut batch = ReceiveBatch::new(32, 65_536);
            assert!(collect(&other, &mut batch, expected.len()).await == expected);
        });
    }
}

#[test]
fn what_the_kernel_puts_together_comes_with_fewer_calls() {
    let able = Capabilities::get().unwrap();
    if !able.udp_gso || !able.udp_gro {
        return;
    }
    run(async |handle| {
        let (one, other) = peers(handle, local());
        other.enable_gro().unwrap();
        assert!(other.gro().unwrap() && one.gso());
        assert_eq!(one.send_segments(&pattern(40 * 1000), 1000).await.unwrap(), 40);
        // One place is enough for all of them.
        let mut batch = ReceiveBatch::new(1, 65_536);
        assert_eq!(other.recv_batch(&mut batch).await.unwrap(), 40);
        assert!(batch.iter().all(|one| one.bytes.len() == 1000));
        // In too small a place the rest of them is told of by its length.
        one.send_segments(&pattern(4 * 1000), 1000).await.unwrap();
        let mut batch = ReceiveBatch::new(1, 2500);
        assert_eq!(other.recv_batch(&mut batch).await.unwrap(), 4);
        let seen: Vec<_> = batch.iter().map(|one| (one.bytes.len(), one.full_len)).collect();
        assert_eq!(seen, [(1000, 1000), (1000, 1000), (500, 1000), (0, 1000)]);
    });
}

#[test]
fn single_receives_are_refused_where_datagrams_are_put_together() {
    if !Capabilities::get().unwrap().udp_gro {
        return;
    }
    run(async |handle| {
        let (_one, other) = peers(handle, local());
        other.enable_gro().unwrap();
        let refused = |error: SocketError| matches!(error, SocketError::Unsupported(_));
        assert!(refused(other.recv(&mut [0]).await.unwrap_err()));
        assert!(refused(other.try_recv(&mut [0]).unwrap_err()));
        assert!(refused(other.peek(&mut [0]).await.unwrap_err()));
        // Also if somebody else has asked for it.
        let again = UdpSocket::adopt(handle, other.into_fd().unwrap()).unwrap();
        assert!(refused(again.recv_from(&mut [0]).await.unwrap_err()));
    });
}

/// Without checksums the kernel refuses to cut (`EINVAL`).
#[allow(unsafe_code)]
fn no_checksums(socket: &UdpSocket) {
    let on = 1_i32;
    let (place, size) = ((&raw const on).cast(), size_of::<i32>() as libc::socklen_t);
    let number = socket.with_fd(|fd| fd.as_raw_fd()).unwrap();
    // SAFETY: an open socket, and a number with its size.
    let set = unsafe { libc::setsockopt(number, libc::SOL_SOCKET, libc::SO_NO_CHECK, place, size) };
    assert_eq!(set, 0);
}

#[test]
fn what_the_kernel_will_not_cut_is_cut_here() {
    run(async |handle| {
        let (one, other) = peers(handle, local());
        no_checksums(&one);
        let bytes = pattern(12_345);
        assert_eq!(one.send_segments(&bytes, 1000).await.unwrap(), 13);
        let mut batch = ReceiveBatch::new(4, 2000);
        assert!(collect(&other, &mut batch, 13).await == cut(&bytes, 1000));
    });
}

#[test]
fn segments_that_cannot_be_sent_say_why() {
    run(async |handle| {
        let socket = UdpSocket::bind(handle, local()).unwrap();
        let errno = |sent: Result<usize, SocketError>| sent.unwrap_err().errno();
        assert_eq!(errno(socket.send_segments(b"abc", 0).await), Some(libc::EINVAL));
        assert_eq!(errno(socket.send_segments(b"abc", 2).await), Some(libc::EDESTADDRREQ));
        let to = (Ipv4Addr::LOCALHOST, 9);
        let sent = socket.send_segments_to(&[0; 140_000], 70_000, to).await;
        assert_eq!(errno(sent), Some(libc::EMSGSIZE));
        assert_eq!(socket.send_segments_to(b"", 2, to).await.unwrap(), 0);
    });
}
