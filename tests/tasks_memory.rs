//! What tasks cost in memory: one allocation each, and none for a wake-up, a
//! poll, a sleep or a tick (contract, section 2, "Loop": hot path).

// A counting allocator is an unsafe trait.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::mpsc::channel;
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use event::{EventLoop, sleep, spawn, timeout, yield_now};

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

impl Counting {
    fn count() {
        // A thread that ends may allocate after its counter is gone.
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
    }
}

// SAFETY: the system's allocator, with each call counted.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::count();
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Self::count();
        // SAFETY: the caller's promise.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The allocations of this thread while a future runs, after a few times that
/// let tables and queues grow.
async fn allocations_of<F: Future>(mut make: impl FnMut() -> F) -> usize {
    for _ in 0..3 {
        make().await;
    }
    let before = COUNT.get();
    make().await;
    COUNT.get() - before
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    EventLoop::new().unwrap().block_on(future).unwrap()
}

#[test]
fn the_counter_counts() {
    let count = block_on(allocations_of(|| async { drop(Box::new(7)) }));
    assert_eq!(count, 1);
}

#[test]
fn a_spawned_task_is_one_allocation() {
    let count = block_on(allocations_of(|| async {
        for _ in 0..100 {
            let text = [7_u8; 100];
            spawn(async move { text.len() }).await.unwrap();
        }
    }));
    assert_eq!(count, 100);
}

#[test]
fn a_hundred_tasks_that_take_turns_allocate_nothing_more() {
    let count = block_on(allocations_of(|| async {
        for _ in 0..100 {
            drop(spawn(async { turns(50).await }));
        }
        turns(60).await;
    }));
    assert_eq!(count, 100);
}

async fn turns(count: usize) {
    for _ in 0..count {
        yield_now().await;
    }
}

#[test]
fn sleeps_timeouts_and_resets_allocate_nothing() {
    let count = block_on(allocations_of(|| async {
        let mut nap = pin!(sleep(Duration::ZERO));
        for _ in 0..100 {
            sleep(Duration::from_micros(1)).await;
            assert!(timeout(Duration::from_secs(1), yield_now()).await.is_ok());
            nap.reset(Duration::from_micros(1));
            nap.as_mut().await;
        }
    }));
    assert_eq!(count, 0);
}

#[test]
fn ticks_allocate_nothing() {
    let events = EventLoop::new().unwrap();
    let mut ticks = events.handle().interval(Duration::from_micros(100)).unwrap();
    let before = events.block_on(async {
        for _ in 0..4 {
            ticks.tick().await;
        }
        let before = COUNT.get();
        for _ in 0..20 {
            ticks.tick().await;
        }
        before
    });
    assert_eq!(COUNT.get() - before.unwrap(), 0);
}

#[test]
fn wake_ups_from_another_thread_allocate_nothing_here() {
    let (send, wakers) = channel::<Waker>();
    let waker = thread::spawn(move || wakers.into_iter().for_each(Waker::wake));
    let rounds = async move {
        let mut count = 0;
        for round in 0..200 {
            let (mut sent, mut before) = (false, 0);
            poll_fn(|cx| {
                if std::mem::replace(&mut sent, true) {
                    return Poll::Ready(());
                }
                // The channel's own allocations come before the count.
                send.send(cx.waker().clone()).unwrap();
                before = COUNT.get();
                Poll::Pending
            })
            .await;
            // The first rounds let the queue grow.
            count += if round < 3 { 0 } else { COUNT.get() - before };
        }
        count
    };
    let count = block_on(async { spawn(rounds).await.unwrap() });
    assert_eq!(count, 0);
    waker.join().unwrap();
}
