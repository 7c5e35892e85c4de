//! The hot path allocates nothing: not for a dispatched event, not for a timer
//! that ticks or is armed again. Rust's allocations are counted, and libevent's.

// A counting allocator cannot be written without.
#![allow(unsafe_code)]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ffi::c_void;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::Once;
use std::thread::LocalKey;
use std::time::Duration;

use event::{EventLoop, Ready};
use support::peers::{readable, stream_pair};
use support::{look, loop_on, ms};

thread_local! {
    /// Of this thread: other tests run beside.
    static OURS: Cell<u64> = const { Cell::new(0) };
    static LIBEVENTS: Cell<u64> = const { Cell::new(0) };
}

fn count(counter: &'static LocalKey<Cell<u64>>) {
    counter.set(counter.get() + 1);
}

fn allocations() -> u64 {
    OURS.get() + LIBEVENTS.get()
}

struct Counting;

// SAFETY: the system's allocator does the work; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(&OURS);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(&OURS);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

unsafe extern "C" fn counted_malloc(size: usize) -> *mut c_void {
    count(&LIBEVENTS);
    // SAFETY: any size may be asked for.
    unsafe { libc::malloc(size) }
}

unsafe extern "C" fn counted_realloc(place: *mut c_void, size: usize) -> *mut c_void {
    count(&LIBEVENTS);
    // SAFETY: libevent passes what the function above returned.
    unsafe { libc::realloc(place, size) }
}

fn count_libevents_too() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: before libevent has allocated anything in this process.
        unsafe {
            libevent_sys::event_set_mem_functions(
                Some(counted_malloc),
                Some(counted_realloc),
                Some(libc::free),
            );
        }
    });
}

fn new_loop(backend: &str) -> EventLoop {
    count_libevents_too();
    loop_on(backend)
}

/// How many allocations `f` makes once it has been done often enough for
/// every buffer to have the size that it needs.
fn allocations_of(mut f: impl FnMut()) -> u64 {
    (0..200).for_each(|_| f());
    let before = allocations();
    (0..1000).for_each(|_| f());
    allocations() - before
}

#[test]
fn the_counters_count() {
    let before = OURS.get();
    drop(Box::new(1));
    assert_eq!(OURS.get() - before, 1);
    let before = LIBEVENTS.get();
    drop(new_loop("epoll"));
    assert!(LIBEVENTS.get() > before);
}

#[test]
fn hot_path_a_dispatched_event_allocates_nothing() {
    for backend in ["epoll", "poll", "select"] {
        let events = new_loop(backend);
        let (ours, _theirs) = readable();
        let watch = events.handle().watch(ours).on_read(|_| {}).on_write(|_| {});
        let _watcher = watch.on_error(|_| {}).start().unwrap();
        assert_eq!(allocations_of(|| assert_eq!(look(&events), 2)), 0, "on {backend}");
    }
}

#[test]
fn hot_path_a_batch_of_events_allocates_nothing() {
    let events = new_loop("epoll");
    let pairs: Vec<_> = (0..100).map(|_| readable()).collect();
    let watch = |(ours, theirs): (UnixStream, UnixStream)| {
        (events.handle().watch(ours).on_read(|_| {}).start().unwrap(), theirs)
    };
    let _watchers: Vec<_> = pairs.into_iter().map(watch).collect();
    assert_eq!(allocations_of(|| assert!(look(&events) > 0)), 0);
}

#[test]
fn hot_path_an_edge_allocates_nothing() {
    let events = new_loop("epoll");
    let (ours, mut theirs) = stream_pair();
    let read = |ready: Ready<'_, UnixStream>| {
        let _ = ready.io().read(&mut [0; 16]).unwrap();
    };
    let watch = events.handle().watch(ours).edge_triggered().on_read(read);
    let _watcher = watch.start().unwrap();
    let exchange = || {
        theirs.write_all(b"ping").unwrap();
        assert_eq!(look(&events), 1);
    };
    assert_eq!(allocations_of(exchange), 0);
}

#[test]
fn hot_path_a_shared_descriptor_allocates_nothing() {
    let events = new_loop("epoll");
    let (ours, _theirs) = readable();
    let ours = Rc::new(ours);
    let _watcher = events.handle().watch_shared(&ours).on_read(|_| {}).start().unwrap();
    assert_eq!(allocations_of(|| assert_eq!(look(&events), 1)), 0);
}

#[test]
fn hot_path_a_one_shot_and_its_rearming_allocate_nothing() {
    let events = new_loop("epoll");
    let (ours, _theirs) = readable();
    let watcher = events.handle().watch(ours).oneshot().on_read(|_| {}).start().unwrap();
    let shot = || {
        assert_eq!(look(&events), 1);
        watcher.rearm().unwrap();
    };
    assert_eq!(allocations_of(shot), 0);
}

#[test]
fn hot_path_a_change_of_interest_allocates_nothing() {
    let events = new_loop("epoll");
    let (ours, _theirs) = readable();
    let watch = events.handle().watch(ours).on_read(|_| {}).on_write(|_| {});
    let watcher = watch.start().unwrap();
    let change = || {
        watcher.set_interest(event::Interest::READ).unwrap();
        watcher.set_interest(event::Interest::all()).unwrap();
    };
    assert_eq!(allocations_of(change), 0);
}

#[test]
fn hot_path_a_tick_allocates_nothing() {
    count_libevents_too();
    let events = EventLoop::builder().test_clock().build().unwrap();
    let _timer = events.handle().every(ms(1), |_| {}).unwrap();
    assert_eq!(allocations_of(|| assert_eq!(events.run_once(None).unwrap(), 1)), 0);
}

#[test]
fn hot_path_a_tick_of_the_real_clock_allocates_nothing() {
    let events = new_loop("epoll");
    let _timer = events.handle().every(Duration::from_micros(20), |_| {}).unwrap();
    assert_eq!(allocations_of(|| assert_eq!(events.run_once(None).unwrap(), 1)), 0);
}

/// The far ones are in lists, which grow now and then.
#[test]
fn hot_path_among_many_thousands_of_timers_hardly_a_tick_allocates() {
    count_libevents_too();
    let events = EventLoop::builder().test_clock().build().unwrap();
    let handle = events.handle();
    let every = |n: u64| handle.every(Duration::from_micros(n * 997), |_| {}).unwrap();
    let _timers: Vec<_> = (1..=20_000).map(every).collect();
    let before = handle.counters().callbacks;
    let allocations = allocations_of(|| events.run_for(ms(40)).unwrap());
    let ticks = handle.counters().callbacks - before;
    assert!(allocations < ticks / 100, "{allocations} in {ticks}");
}

#[test]
fn hot_path_a_timer_armed_again_allocates_nothing() {
    let events = new_loop("epoll");
    // Among others, as the timeout of a connection is.
    let others: Vec<_> =
        (0..100).map(|n| events.handle().timer_after(ms(60_000 + n), || {}).unwrap()).collect();
    let timer = events.handle().timer_after(ms(60_000), || {}).unwrap();
    let mut n = 0;
    let rearm = || {
        n += 1;
        timer.reset(ms(60_000 + n % 7)).unwrap();
        timer.reset(ms(30_000 + n % 11)).unwrap();
        look(&events);
    };
    assert_eq!(allocations_of(rearm), 0);
    drop(others);
}

#[test]
fn hot_path_a_wake_from_outside_allocates_nothing() {
    let events = new_loop("epoll");
    let remote = events.remote();
    let wake = || {
        remote.wake().unwrap();
        events.run_once(None).unwrap();
    };
    assert_eq!(allocations_of(wake), 0);
}
