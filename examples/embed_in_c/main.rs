//! Rust in a C program that has an event loop of its own. `main` is C's, and
//! so are the `event_base` and the loop (`host.c`); what is below adopts that
//! base, and registers a watcher, a timer and a task that run while C drives.
//!
//! ```text
//! cargo run --example embed_in_c
//! ```

#![no_main]
// What C calls, and the promises about what it hands over.
#![allow(unsafe_code)]

use std::cell::Cell;
use std::ffi::{c_int, c_uint};
use std::io::{self, Read, Write};
use std::os::fd::FromRawFd;
use std::os::unix::net::UnixStream;
use std::ptr;
use std::rc::Rc;
use std::time::Duration;

use event::{AsyncFd, EventLoop, ForeignBase, LoopHandle, OnPanic, Ready, Timer, Watcher, ffi};

/// What C holds of us. The loop is the last to go.
pub struct Monitor {
    _control: Watcher<UnixStream>,
    ticks: Rc<Cell<c_uint>>,
    _events: EventLoop,
}

impl Monitor {
    fn start(base: ForeignBase, readings: UnixStream, control: UnixStream) -> io::Result<Self> {
        // A panic has no Rust caller to go to: it ends the program.
        let events = EventLoop::adopt(base, OnPanic::Abort)?;
        let handle = events.handle();
        readings.set_nonblocking(true)?;
        control.set_nonblocking(true)?;

        let control = handle.watch(control).on_read(obey).start()?;
        let ticks = Rc::new(Cell::new(0));
        let counted = ticks.clone();
        let timer = handle.every(Duration::from_millis(15), move |_| {
            counted.set(counted.get() + 1);
            println!("Rust: still here");
        })?;
        drop(handle.spawn(answer(readings, timer)));
        Ok(Self { _control: control, ticks, _events: events })
    }
}

/// The watcher.
fn obey(ready: Ready<'_, UnixStream>) {
    let mut text = [0; 64];
    match ready.io().read(&mut text) {
        Ok(0) | Err(_) => drop(ready.unwatch()),
        Ok(n) => println!("Rust: C says {:?}", String::from_utf8_lossy(&text[..n])),
    }
}

/// The task: hears all readings, answers, and ends with the timer.
async fn answer(readings: UnixStream, _timer: Timer) {
    if let Err(error) = answer_mean(readings).await {
        println!("Rust: {error}");
    }
}

async fn answer_mean(readings: UnixStream) -> io::Result<()> {
    let here = LoopHandle::current().expect("the loop that polls us");
    let stream = AsyncFd::new(&here, readings)?;
    let mut text = Vec::new();
    // In non-blocking mode: it keeps what it has read, and is called again when
    // there is more.
    stream.read_with(|mut io| io.read_to_end(&mut text)).await?;
    let text = String::from_utf8_lossy(&text);
    let readings: Vec<f64> = text.lines().filter_map(|line| line.parse().ok()).collect();
    let mean = readings.iter().sum::<f64>() / readings.len() as f64;
    event::sleep(Duration::from_millis(5)).await;
    stream.write_with(|mut io| io.write_all(format!("mean {mean}\n").as_bytes())).await
}

/// # Safety
///
/// As `monitor.h` says: the base is live until after `monitor_free`, and the
/// descriptors are given away.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn monitor_start(
    base: *mut ffi::event_base,
    readings: c_int,
    control: c_int,
) -> *mut Monitor {
    // SAFETY: the caller's promise.
    let base = unsafe { ForeignBase::borrow(base) };
    // SAFETY: the caller's promise.
    let readings = unsafe { UnixStream::from_raw_fd(readings) };
    // SAFETY: the caller's promise.
    let control = unsafe { UnixStream::from_raw_fd(control) };
    let base = base.ok_or(io::ErrorKind::InvalidInput.into());
    match base.and_then(|base| Monitor::start(base, readings, control)) {
        Ok(monitor) => Box::into_raw(Box::new(monitor)),
        Err(error) => {
            eprintln!("monitor_start: {error}");
            ptr::null_mut()
        }
    }
}

/// # Safety
///
/// The monitor is one of `monitor_start`'s, not freed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn monitor_ticks(monitor: *const Monitor) -> c_uint {
    // SAFETY: the caller's promise.
    unsafe { &*monitor }.ticks.get()
}

/// # Safety
///
/// As for `monitor_ticks`; it is not used again, and no loop is running.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn monitor_free(monitor: *mut Monitor) {
    // SAFETY: the caller's promise.
    drop(unsafe { Box::from_raw(monitor) });
}
