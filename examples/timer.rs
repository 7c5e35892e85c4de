//! Timers: one-shot, periodic, moved, cancelled; and an hour of them in no time
//! on the test clock.
//!
//! `cargo run --example timer`

use std::cell::Cell;
use std::error::Error;
use std::rc::Rc;
use std::time::{Duration, Instant};

use event::EventLoop;

const MS: Duration = Duration::from_millis(1);

fn main() -> Result<(), Box<dyn Error>> {
    on_the_wall()?;
    on_virtual_time()
}

/// Real time: each says how late it came.
fn on_the_wall() -> Result<(), Box<dyn Error>> {
    let events = EventLoop::new()?;
    let handle = events.handle();

    let due = handle.now() + 20_000_000;
    let clock = handle.clone();
    let once = handle.timer_at(due, move || {
        println!("once, {} us after its deadline", (clock.now() - due) / 1000);
    })?;

    let ticks = Rc::new(Cell::new(0));
    let stop = handle.clone();
    let seen = ticks.clone();
    let every = handle.every(10 * MS, move |count| {
        seen.set(seen.get() + count);
        println!("tick {}", seen.get());
        if seen.get() >= 5 {
            stop.stop();
        }
    })?;

    let moved = handle.timer_after(5 * MS, || println!("moved to 35 ms, and fired"))?;
    assert!(moved.reset(35 * MS)?, "it was pending");
    let cancelled = handle.timer_after(15 * MS, || unreachable!("it was cancelled"))?;
    assert!(cancelled.cancel(), "it was pending");
    assert!(!cancelled.cancel(), "and is not any more");

    events.run()?;
    assert!(!once.is_pending() && !moved.is_pending(), "both have fired");
    assert!(every.is_pending(), "a periodic timer goes on until it is dropped");
    Ok(())
}

/// Virtual time stands still while anything happens, and jumps to the next
/// deadline when nothing does: this is how to test timeouts.
fn on_virtual_time() -> Result<(), Box<dyn Error>> {
    let begin = Instant::now();
    let events = EventLoop::builder().test_clock().build()?;
    let minutes = Rc::new(Cell::new(0));
    let (stop, seen) = (events.handle(), minutes.clone());
    let _every = events.handle().every(60_000 * MS, move |_| {
        seen.set(seen.get() + 1);
        if seen.get() == 60 {
            stop.stop();
        }
    })?;
    events.run()?;
    assert_eq!(events.handle().now(), 3_600_000_000_000, "an hour, to the nanosecond");
    println!("{} minutes of virtual time took {:?}", minutes.get(), begin.elapsed());
    Ok(())
}
