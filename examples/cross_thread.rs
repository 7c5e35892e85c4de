//! Other threads and one loop: they compute, hand results over through a
//! channel and wake the loop, which alone touches its state. Jobs for the
//! loop itself, and the end, come through its `Remote`.
//!
//! ```text
//! cargo run --example cross_thread
//! ```

use std::cell::RefCell;
use std::error::Error;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;

use event::EventLoop;

const THREADS: u64 = 4;
const SHARE: u64 = 20_000;

fn is_prime(n: u64) -> bool {
    n > 1 && (2..).take_while(|d| d * d <= n).all(|d| n % d != 0)
}

/// Of one loop, on one thread: no lock, no atomic.
#[derive(Default)]
struct Tally {
    primes: Vec<u64>,
    wakes: u64,
    calls: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let events = EventLoop::new()?;
    let tally = Rc::new(RefCell::new(Tally::default()));
    let (sender, results) = mpsc::channel();

    let counting = tally.clone();
    let wakes = events.handle().watch_wakes(move |count| {
        let mut tally = counting.borrow_mut();
        tally.calls += 1;
        tally.wakes += count;
        tally.primes.extend(results.try_iter());
    })?;

    let workers: Vec<_> = (0..THREADS)
        .map(|n| {
            let (sender, waker, remote) = (sender.clone(), wakes.waker(), events.remote());
            thread::spawn(move || {
                let mut found = 0;
                for prime in (n * SHARE..(n + 1) * SHARE).filter(|n| is_prime(*n)) {
                    found += 1;
                    // First the value, then the wake: who is woken finds it.
                    sender.send(prime).expect("the loop waits for us");
                    waker.wake().expect("the loop waits for us");
                }
                let report = move || println!("worker {n} has found {found} primes");
                remote.spawn(report).expect("the loop waits for us");
            })
        })
        .collect();
    // Somebody has to know when all are done; the loop must not wait for it.
    let remote = events.remote();
    let waiter = thread::spawn(move || {
        let panicked = workers.into_iter().filter_map(|worker| worker.join().err()).count();
        remote.stop().expect("the loop waits for us");
        panicked
    });

    events.run()?;
    assert_eq!(waiter.join().map_err(|_| "the waiter panicked")?, 0);
    // The stop may have come first.
    while events.run_once(Some(std::time::Duration::ZERO))? > 0 {}
    let tally = tally.borrow();
    println!("{} primes below {}", tally.primes.len(), THREADS * SHARE);
    println!("{} wakes in {} calls", tally.wakes, tally.calls);
    assert_eq!(tally.primes.len() as u64, tally.wakes);
    Ok(())
}
