//! The loop's timer as hyper has it: `Send` and `Sync` in truth, exact, on the
//! loop's own clock, and leaving nothing behind.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use event::{EventLoop, LoopTimer, spawn};
use hyper::rt::{Sleep, Timer};
use hyper::server::conn::{http1, http2};
use interop::http::Hello;
use interop::support::{GENEROUS, connected};

const HOUR: Duration = Duration::from_secs(3600);

fn virtual_loop() -> EventLoop {
    EventLoop::builder().test_clock().build().unwrap()
}

fn seconds(events: &EventLoop) -> i64 {
    events.handle().now() / 1_000_000_000
}

fn poll(sleep: &mut Pin<Box<dyn Sleep>>, waker: &Waker) -> Poll<()> {
    sleep.as_mut().poll(&mut Context::from_waker(waker))
}

/// A waker that sends word.
struct Bell(Sender<()>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        let _ = self.0.send(());
    }
}

fn bell() -> (Waker, Receiver<()>) {
    let (sender, receiver) = channel();
    (Arc::new(Bell(sender)).into(), receiver)
}

#[test]
fn the_timer_goes_to_other_threads() {
    fn cross<T: Send + Sync + 'static>(_: &T) {}
    let events = EventLoop::new().unwrap();
    let timer = LoopTimer::new(&events.handle());
    cross(&timer);
    cross(&timer.sleep(HOUR));
}

#[test]
fn a_slow_head_is_given_up_by_http1_on_the_loops_clock() {
    let events = virtual_loop();
    let handle = events.handle();
    let served = events.block_on(async {
        let (client, server) = connected(&handle).await;
        let mut builder = http1::Builder::new();
        builder.timer(LoopTimer::new(&handle)).header_read_timeout(HOUR);
        let served = spawn(builder.serve_connection(server, Hello::default()));
        client.write_all(b"GET / HT").await.unwrap();
        served.await.unwrap()
    });
    let error = served.unwrap().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(seconds(&events), 3600);
}

#[test]
fn a_silent_peer_is_given_up_by_http2_on_the_loops_clock() {
    let events = virtual_loop();
    let handle = events.handle();
    let served = events.block_on(async {
        let (client, server) = connected(&handle).await;
        let mut builder = http2::Builder::new(handle.clone());
        let timer = LoopTimer::new(&handle);
        builder.timer(timer).keep_alive_interval(HOUR).keep_alive_timeout(HOUR);
        let served = spawn(builder.serve_connection(server, Hello::default()));
        // The preface and empty settings, and no word more.
        client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
        served.await.unwrap()
    });
    assert!(served.unwrap().is_err());
    assert_eq!(seconds(&events), 7200);
}

#[test]
fn hyper_sees_the_loops_time() {
    let events = virtual_loop();
    let timer = LoopTimer::new(&events.handle());
    events
        .block_on(async {
            let before = timer.now();
            timer.sleep(HOUR).await;
            assert_eq!(timer.now() - before, HOUR);
            timer.sleep_until(before + 2 * HOUR).await;
            assert_eq!(timer.now() - before, 2 * HOUR);
            timer.sleep_until(before).await; // long ago
            assert_eq!(timer.now() - before, 2 * HOUR);
        })
        .unwrap();
}

#[test]
fn a_sleep_is_never_early() {
    let events = EventLoop::new().unwrap();
    let timer = LoopTimer::new(&events.handle());
    for micros in [0, 1, 50, 700, 3000] {
        let duration = Duration::from_micros(micros);
        let start = Instant::now();
        events.block_on(timer.sleep(duration)).unwrap();
        assert!(start.elapsed() >= duration);
        let until = Instant::now() + duration;
        events.block_on(timer.sleep_until(until)).unwrap();
        assert!(Instant::now() >= until);
    }
}

#[test]
fn a_sleep_that_is_overdue_at_its_first_poll_ends() {
    let events = EventLoop::new().unwrap();
    let (handle, timer) = (events.handle(), LoopTimer::new(&events.handle()));
    let until = timer.sleep_until(Instant::now() + Duration::from_millis(1));
    let asked = timer.sleep(Duration::from_millis(1));
    thread::sleep(Duration::from_millis(5));
    for sleep in [until, asked] {
        events.block_on(handle.timeout(GENEROUS, sleep)).unwrap().unwrap();
    }
}

#[test]
fn a_reset_moves_the_one_timer() {
    let events = virtual_loop();
    let timer = LoopTimer::new(&events.handle());
    events
        .block_on(async {
            let mut sleep = timer.sleep(HOUR);
            assert!(poll(&mut sleep, Waker::noop()).is_pending());
            let armed = events.handle().live();
            timer.reset(&mut sleep, timer.now() + 3 * HOUR);
            assert_eq!(events.handle().live(), armed);
            sleep.as_mut().await;
            assert_eq!(seconds(&events), 3 * 3600);
            timer.reset(&mut sleep, timer.now() + HOUR); // done, and begun anew
            sleep.await;
            assert_eq!(seconds(&events), 4 * 3600);
        })
        .unwrap();
}

#[test]
fn a_dropped_sleep_leaves_nothing_on_the_loop() {
    let events = EventLoop::new().unwrap();
    let timer = LoopTimer::new(&events.handle());
    events
        .block_on(async {
            let before = events.handle().live();
            let mut sleep = timer.sleep(HOUR);
            assert!(poll(&mut sleep, Waker::noop()).is_pending());
            assert_eq!(events.handle().live(), before + 1);
            drop(sleep);
            assert_eq!(events.handle().live(), before);
        })
        .unwrap();
}

#[test]
fn another_thread_can_sleep_on_the_loop() {
    let events = EventLoop::new().unwrap();
    let timer = LoopTimer::new(&events.handle());
    let stop = events.remote();
    let other = thread::spawn(move || {
        let (waker, woken) = bell();
        let start = Instant::now();
        let mut sleep = timer.sleep(Duration::from_millis(20));
        assert!(poll(&mut sleep, &waker).is_pending());
        woken.recv_timeout(GENEROUS).unwrap();
        assert!(poll(&mut sleep, &waker).is_ready());
        stop.stop().unwrap();
        start.elapsed()
    });
    events.run_for(2 * GENEROUS).unwrap();
    assert!(other.join().unwrap() >= Duration::from_millis(20));
}

#[test]
fn a_sleep_may_move_to_another_thread_and_be_dropped_there() {
    let events = EventLoop::new().unwrap();
    let timer = LoopTimer::new(&events.handle());
    let mut sleep = timer.sleep(HOUR);
    let mut other = timer.sleep(HOUR);
    let armed = events.block_on(async {
        assert!(poll(&mut sleep, Waker::noop()).is_pending());
        assert!(poll(&mut other, Waker::noop()).is_pending());
    });
    armed.unwrap();
    assert_eq!(events.handle().live(), 2);
    let away = thread::spawn(move || {
        assert!(poll(&mut sleep, Waker::noop()).is_pending());
        drop((sleep, other));
    });
    away.join().unwrap();
    // Returns because neither of the two timers is left.
    let start = Instant::now();
    events.run().unwrap();
    assert!(start.elapsed() < GENEROUS);
    assert_eq!(events.handle().live(), 0);
}

#[test]
fn the_sleeps_of_a_loop_that_is_gone_are_over() {
    let events = EventLoop::new().unwrap();
    let timer = LoopTimer::new(&events.handle());
    let mut sleep = timer.sleep(HOUR);
    drop(events);
    assert!(poll(&mut sleep, Waker::noop()).is_ready());
}
