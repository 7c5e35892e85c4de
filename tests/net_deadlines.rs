//! Deadlines: of one wait, of one operation, of a whole exchange; and the
//! socket goes on after each.

mod sockets;
mod support;

use std::net::Shutdown;
use std::pin::{Pin, pin};
use std::time::{Duration, Instant};

use event::{Connect, EventLoop, ServerSocket, Socket, SocketError, sleep, spawn, timeout};
use futures_io::AsyncRead;
use sockets::{
    GENEROUS, assert_timeout, begin_and_drop, connected, local, run, run_on, silent, tcp_pair,
};
use support::ms;

/// Runs a future; how long it took.
async fn timed<T>(future: impl Future<Output = T>) -> (T, Duration) {
    let start = Instant::now();
    (future.await, start.elapsed())
}

#[test]
fn a_read_that_finds_nothing_times_out_and_the_socket_goes_on() {
    run(async |handle| {
        let (ours, theirs) = tcp_pair(handle).await;
        ours.set_read_timeout(Some(ms(20)));
        assert_eq!(ours.read_timeout(), Some(ms(20)));
        for round in 0..3 {
            let (result, took) = timed(ours.read(&mut [0])).await;
            assert_timeout(result);
            assert!(took >= ms(20), "early: {took:?}");
            theirs.write_all(&[round]).await.unwrap();
            let mut byte = [9];
            ours.read_exact(&mut byte).await.unwrap();
            assert_eq!(byte, [round]);
        }
        ours.set_read_timeout(None);
        begin_and_drop(ours.read(&mut [0])).await;
    });
}

#[test]
fn progress_starts_the_time_anew() {
    run(async |handle| {
        let (ours, theirs) = tcp_pair(handle).await;
        ours.set_read_timeout(Some(ms(200)));
        let sending = spawn(async move {
            for byte in 0..10 {
                sleep(ms(50)).await;
                theirs.write_all(&[byte]).await.unwrap();
            }
            theirs
        });
        let (result, took) = timed(ours.read_exact(&mut [0; 10])).await;
        result.unwrap();
        assert!(took >= ms(500), "longer than the limit of one read: {took:?}");
        drop(sending.await.unwrap());
    });
}

#[test]
fn a_write_without_room_times_out_and_the_socket_goes_on() {
    run(async |handle| {
        let (ours, theirs) = tcp_pair(handle).await;
        ours.set_write_timeout(Some(ms(20)));
        assert_eq!(ours.write_timeout(), Some(ms(20)));
        let chunk = vec![0; 1 << 20];
        let mut sum = 0;
        loop {
            match ours.write(&chunk).await {
                Ok(count) => sum += count,
                Err(error) => break assert_timeout::<()>(Err(error)),
            }
        }
        let reading = spawn(async move {
            let mut all = Vec::new();
            theirs.read_to_end(&mut all, usize::MAX).await.unwrap();
            all.len()
        });
        // The kernel may take its time to notice that there is room again.
        ours.set_write_timeout(Some(GENEROUS));
        ours.write_all(&chunk).await.unwrap();
        ours.shutdown(Shutdown::Write).unwrap();
        assert_eq!(reading.await.unwrap(), sum + chunk.len());
    });
}

#[test]
fn a_connect_that_is_not_answered_times_out() {
    run(async |handle| {
        let (server, _clients) = silent(handle).await;
        let address = server.local_addr().unwrap();
        let connect = Connect::new().timeout(ms(30));
        let (result, took) = timed(connect.to(handle, &address)).await;
        assert_timeout(result);
        assert!(took >= ms(30), "early: {took:?}");
        assert_timeout(Connect::new().timeout(Duration::ZERO).to(handle, &address).await);
        // Dropped instead: nothing is left of the attempt, as `run` will see.
        begin_and_drop(Socket::connect(handle, &address)).await;
    });
}

#[test]
fn an_accept_without_clients_times_out_and_the_server_goes_on() {
    run(async |handle| {
        let server = ServerSocket::bind(handle, local()).unwrap();
        server.set_accept_timeout(Some(ms(20)));
        assert_eq!(server.accept_timeout(), Some(ms(20)));
        let (result, took) = timed(server.accept()).await;
        assert_timeout(result);
        assert!(took >= ms(20), "early: {took:?}");
        connected(&server).await;
    });
}

#[test]
fn one_operation_and_a_whole_exchange_have_their_time() {
    run(async |handle| {
        let (ours, theirs) = tcp_pair(handle).await;
        let one: Result<usize, SocketError> =
            async { timeout(ms(10), ours.read(&mut [0])).await? }.await;
        assert_timeout(one);
        // Each read is in time, all of them together are not.
        let exchange = timeout(ms(60), async {
            loop {
                theirs.write_all(b"x").await?;
                ours.read_exact(&mut [0]).await?;
                sleep(ms(5)).await;
            }
            #[expect(unreachable_code, reason = "says what the errors are")]
            Ok::<(), SocketError>(())
        });
        let whole: Result<(), SocketError> = async { exchange.await? }.await;
        assert_timeout(whole);
        theirs.write_all(b"y").await.unwrap();
        assert_ne!(ours.read(&mut [0; 2]).await.unwrap(), 0);
    });
}

#[test]
fn time_limits_run_on_the_test_clock() {
    let events = EventLoop::builder().test_clock().build().unwrap();
    let start = Instant::now();
    // `run_on` limits itself by that clock too.
    let handle = events.handle();
    let (ours, _theirs) = Socket::pair(&handle).unwrap();
    ours.set_read_timeout(Some(Duration::from_secs(3600)));
    let result = events.block_on(async { ours.read(&mut [0]).await }).unwrap();
    assert_timeout(result);
    assert_eq!(handle.now(), 3_600_000_000_000);
    assert!(start.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_limit_costs_no_timer_once_the_operation_is_done() {
    let events = EventLoop::new().unwrap();
    run_on(&events, async |handle| {
        let (ours, theirs) = Socket::pair(handle).unwrap();
        ours.set_read_timeout(Some(Duration::from_secs(1000)));
        let before = handle.live();
        for _ in 0..100 {
            let mut byte = [0];
            let mut reading = pin!(ours.read(&mut byte));
            sockets::assert_pending(reading.as_mut()).await;
            theirs.write_all(b"x").await.unwrap();
            reading.await.unwrap();
            assert!(handle.live() <= before + 1, "what is registered grows");
        }
    });
}

#[test]
fn the_traits_keep_the_limits_too() {
    run(async |handle| {
        let (ours, theirs) = tcp_pair(handle).await;
        ours.set_read_timeout(Some(ms(20)));
        let mut reader = &ours;
        let mut read = async |buffer: &mut [u8]| {
            std::future::poll_fn(|context| Pin::new(&mut reader).poll_read(context, buffer)).await
        };
        let (result, took) = timed(read(&mut [0])).await;
        assert_eq!(result.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
        assert!(took >= ms(20), "early: {took:?}");
        theirs.write_all(b"x").await.unwrap();
        assert_eq!(read(&mut [0; 9]).await.unwrap(), 1);
    });
}
