//! Tasks and other threads: wakers go anywhere, futures stay where they are
//! (contract, section 2, "Futures").

mod support;

use std::cell::Cell;
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Instant;

use event::{EventLoop, LoopClosed, sleep, spawn, yield_now};
use support::{Calls, GENEROUS, OnDrop, hold_up, look, ms};

fn new_loop() -> EventLoop {
    EventLoop::new().unwrap()
}

/// Fails instead of hanging.
fn block_on<F: Future>(events: &EventLoop, future: F) -> F::Output {
    events.block_on(events.handle().timeout(GENEROUS, future)).unwrap().expect("a lost wake-up")
}

/// A bell that any thread rings and one task hears.
#[derive(Default)]
struct Bell {
    rings: AtomicUsize,
    waker: Mutex<Option<Waker>>,
}

impl Bell {
    fn ring(&self) {
        self.rings.fetch_add(1, Ordering::Release);
        let waker = self.waker.lock().unwrap().take();
        waker.into_iter().for_each(Waker::wake);
    }

    /// Waits until it has rung more often than `heard`; how often it has.
    async fn hear(&self, heard: usize) -> usize {
        poll_fn(|cx| {
            *self.waker.lock().unwrap() = Some(cx.waker().clone());
            match self.rings.load(Ordering::Acquire) {
                rings if rings > heard => Poll::Ready(rings),
                _ => Poll::Pending,
            }
        })
        .await
    }
}

/// Sends the task's own waker out.
struct SendWaker(Sender<Waker>);

impl Future for SendWaker {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let _ = self.0.send(cx.waker().clone());
        Poll::Pending
    }
}

#[test]
fn no_wake_up_is_lost_of_eight_threads_with_ten_thousand_each() {
    let events = new_loop();
    let bell = Arc::new(Bell::default());
    let heard = Arc::new(AtomicUsize::new(0));
    let ringers: Vec<_> = (0..8)
        .map(|_| {
            let (bell, heard) = (bell.clone(), heard.clone());
            thread::spawn(move || {
                for _ in 0..10_000 {
                    bell.ring();
                }
                // The last of each thread has nobody behind it to make up for it.
                while heard.load(Ordering::Acquire) < 80_000 {
                    thread::yield_now();
                }
            })
        })
        .collect();
    let count = heard.clone();
    let task = events.handle().spawn(async move {
        let mut rings = 0;
        while rings < 80_000 {
            rings = bell.hear(rings).await;
            count.store(rings, Ordering::Release);
        }
        rings
    });
    assert_eq!(block_on(&events, task).unwrap(), 80_000);
    ringers.into_iter().for_each(|ringer| ringer.join().unwrap());
}

#[test]
fn every_single_wake_up_of_eight_threads_reaches_its_own_task() {
    const ROUNDS: usize = 2_000;
    let events = new_loop();
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (bell, (answer, question)) = (Arc::new(Bell::default()), channel());
            let ours = bell.clone();
            let thread = thread::spawn(move || {
                for round in 1..=ROUNDS {
                    ours.ring();
                    // Each is waited for: one that is lost is never made up for.
                    assert_eq!(question.recv_timeout(GENEROUS), Ok(round));
                }
            });
            let task = events.handle().spawn(async move {
                for round in 0..ROUNDS {
                    answer.send(bell.hear(round).await).unwrap();
                }
            });
            (thread, task)
        })
        .collect();
    for (thread, task) in threads {
        block_on(&events, task).unwrap();
        thread.join().unwrap();
    }
}

#[test]
fn the_future_of_block_on_is_woken_from_other_threads() {
    let events = new_loop();
    let bell = Arc::new(Bell::default());
    let (question, answer) = channel();
    let ours = bell.clone();
    let ringer = thread::spawn(move || {
        for round in 1..=2_000 {
            ours.ring();
            assert_eq!(answer.recv_timeout(GENEROUS), Ok(round));
        }
    });
    block_on(&events, async {
        for round in 0..2_000 {
            question.send(bell.hear(round).await).unwrap();
        }
    });
    ringer.join().unwrap();
}

#[test]
fn a_wake_up_before_the_first_wait_is_not_lost() {
    let events = new_loop();
    let bell = Arc::new(Bell::default());
    let ours = bell.clone();
    let task = events.handle().spawn(async move { ours.hear(0).await });
    look(&events);
    let ringer = bell.clone();
    thread::spawn(move || ringer.ring()).join().unwrap();
    assert_eq!(block_on(&events, task).unwrap(), 1);
}

#[test]
fn a_blocked_loop_is_woken_at_once_and_sleeps_again() {
    let events = new_loop();
    let bell = Arc::new(Bell::default());
    let ours = bell.clone();
    let ringer = thread::spawn(move || {
        thread::sleep(ms(20));
        let rung = Instant::now();
        ours.ring();
        rung
    });
    block_on(&events, bell.hear(0));
    let woken = Instant::now();
    assert!(woken - ringer.join().unwrap() < ms(500));
    support::assert_sleeps(&events);
}

#[test]
fn a_burst_of_wake_ups_rings_the_kernel_once() {
    let events = new_loop();
    let (send, wakers) = channel();
    for _ in 0..1000 {
        drop(events.handle().spawn(SendWaker(send.clone())));
    }
    while events.handle().counters().callbacks < 1000 {
        look(&events);
    }
    let burst = thread::spawn(move || wakers.iter().take(1000).for_each(Waker::wake));
    burst.join().unwrap();
    let before = events.handle().counters();
    while events.handle().counters().callbacks < before.callbacks + 1000 {
        look(&events);
    }
    // The share of a turn is bounded, and no wake-up cost a turn of its own.
    assert!(events.handle().counters().turns - before.turns < 10);
    support::assert_sleeps(&events);
}

#[test]
fn a_waker_kept_beyond_the_life_of_its_loop_is_harmless() {
    let events = new_loop();
    let (send, wakers) = channel();
    let home = thread::current().id();
    let drops = Arc::new(AtomicUsize::new(0));
    for _ in 0..10 {
        let (send, drops) = (send.clone(), drops.clone());
        drop(events.handle().spawn(async move {
            let not_send = Rc::new(Cell::new(0));
            let _guard = OnDrop(move || {
                assert_eq!(thread::current().id(), home);
                not_send.set(1);
                drops.fetch_add(1, Ordering::Relaxed);
            });
            SendWaker(send).await;
        }));
    }
    look(&events);
    let wakers: Vec<Waker> = wakers.iter().take(10).collect();
    let (over, gone) = channel();
    let keeper = thread::spawn(move || {
        gone.recv().unwrap();
        for waker in wakers {
            let another = waker.clone();
            waker.wake_by_ref();
            waker.wake();
            drop(another);
        }
    });
    drop(events);
    assert_eq!(drops.load(Ordering::Relaxed), 10);
    over.send(()).unwrap();
    keeper.join().unwrap();
    assert_eq!(drops.load(Ordering::Relaxed), 10);
}

#[test]
fn a_loop_that_ends_under_fire_drops_every_future_on_its_own_thread() {
    let dropped = Arc::new(AtomicUsize::new(0));
    for round in 0..300 {
        let events = new_loop();
        let (send, wakers) = channel();
        let home = thread::current().id();
        for _ in 0..16 {
            let (send, dropped) = (send.clone(), dropped.clone());
            drop(events.handle().spawn(async move {
                let _guard = OnDrop(move || {
                    assert_eq!(thread::current().id(), home);
                    dropped.fetch_add(1, Ordering::Relaxed);
                });
                SendWaker(send).await;
            }));
        }
        look(&events);
        let wakers: Vec<Waker> = wakers.iter().take(16).collect();
        let (start, end) = (Arc::new(Barrier::new(5)), Arc::new(AtomicBool::new(false)));
        let fire = (0..4).map(|_| {
            let (wakers, start, end) = (wakers.clone(), start.clone(), end.clone());
            thread::spawn(move || {
                start.wait();
                while !end.load(Ordering::Relaxed) {
                    wakers.iter().for_each(Waker::wake_by_ref);
                }
            })
        });
        let fire: Vec<_> = fire.collect();
        drop(wakers);
        start.wait();
        for _ in 0..round % 4 {
            look(&events);
        }
        let began = Instant::now();
        drop(events);
        assert!(began.elapsed() < ms(900), "it waited for nobody");
        end.store(true, Ordering::Relaxed);
        fire.into_iter().for_each(|thread| thread.join().unwrap());
    }
    assert_eq!(dropped.load(Ordering::Relaxed), 300 * 16);
}

#[test]
fn the_last_reference_to_a_task_may_go_on_any_thread() {
    let events = new_loop();
    for _ in 0..200 {
        let (send, wakers) = channel();
        let task = events.handle().spawn(async move {
            let mut polled = false;
            poll_fn(|cx| {
                let _ = send.send(cx.waker().clone());
                if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            Rc::new(())
        });
        look(&events);
        let other = thread::spawn(move || wakers.iter().for_each(Waker::wake));
        block_on(&events, task).unwrap();
        other.join().unwrap();
    }
    assert_eq!(events.handle().live(), 0);
}

#[test]
fn an_awaiter_of_another_runtime_is_woken_when_the_loop_ends() {
    /// The waker of a runtime of somebody else's.
    struct Flag(AtomicBool);

    impl Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Release);
        }
    }

    let events = new_loop();
    let mut task = events.handle().spawn(pending::<()>());
    let flag = Arc::new(Flag(AtomicBool::new(false)));
    let waker = Waker::from(flag.clone());
    let mut cx = Context::from_waker(&waker);
    assert!(Pin::new(&mut task).poll(&mut cx).is_pending());
    drop(events);
    assert!(flag.0.load(Ordering::Acquire));
    let Poll::Ready(Err(error)) = Pin::new(&mut task).poll(&mut cx) else {
        panic!("the task is not cancelled");
    };
    assert!(error.is_cancelled());
}

#[test]
fn another_thread_starts_tasks_that_are_not_send() {
    let events = new_loop();
    let remote = events.remote();
    let (send, receive) = channel();
    let other = thread::spawn(move || {
        for number in 0..100 {
            let send = send.clone();
            let make = move || {
                let local = Rc::new(Cell::new(number));
                async move {
                    yield_now().await;
                    let nested = local.clone();
                    spawn(async move { nested.set(nested.get() * 2) }).await.unwrap();
                    send.send((local.get(), thread::current().id())).unwrap();
                }
            };
            remote.spawn_task(make).unwrap();
        }
        remote
    });
    let remote = other.join().unwrap();
    events.run().unwrap();
    let results: Vec<_> = receive.iter().collect();
    let here = thread::current().id();
    assert_eq!(results, (0..100).map(|number| (number * 2, here)).collect::<Vec<_>>());
    drop(events);
    assert_eq!(remote.spawn_task(|| async {}), Err(LoopClosed));
}

#[test]
fn a_busy_loop_serves_other_threads_and_its_own_tasks_alike() {
    let events = new_loop();
    let bell = Arc::new(Bell::default());
    let calls = Calls::new();
    drop(events.handle().spawn(async {
        loop {
            hold_up(ms(1) / 100);
            yield_now().await;
        }
    }));
    let ours = bell.clone();
    let ringer = thread::spawn(move || (0..100).for_each(|_| ours.ring()));
    let noted = calls.clone();
    block_on(&events, async move {
        let mut rings = 0;
        while rings < 100 {
            rings = bell.hear(rings).await;
            noted.note(rings);
            sleep(ms(1)).await;
        }
    });
    ringer.join().unwrap();
    assert_eq!(calls.take().last(), Some(&100));
}
