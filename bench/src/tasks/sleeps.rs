//! Timers as futures.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use contest::Outcome;
use contest::clock::Phase;
use contest::deadlines::{Timing, micros, picks, print_moves};
use contest::lateness::Lateness;
use event::{LoopHandle, Sleep};

const PENDING: Duration = Duration::from_secs(30);

fn handle() -> LoopHandle {
    LoopHandle::current().expect("a running loop")
}

/// Begins to wait: a future that nobody has polled has no waker.
async fn begin(sleeps: &mut [Sleep]) {
    poll_fn(|context| {
        for sleep in &mut *sleeps {
            let _ = Pin::new(sleep).poll(context);
        }
        Poll::Ready(())
    })
    .await;
}

pub(super) async fn many(count: u32) -> Outcome {
    let handle = handle();
    let mut timing = Timing::begin(count)?;
    let mut sleeps: Vec<Option<Sleep>> = Vec::with_capacity(count as usize);
    for delay in micros(count).map(Duration::from_micros) {
        let mut sleep = [handle.sleep(delay)];
        begin(&mut sleep).await;
        sleeps.extend(sleep.map(Some));
    }
    timing.added()?;
    sleeps.iter_mut().step_by(2).for_each(|sleep| *sleep = None);
    timing.cancelled();
    let mut fired = 0;
    for sleep in sleeps.iter_mut().flatten() {
        sleep.await;
        fired += 1;
    }
    timing.fired(fired)
}

pub(super) async fn rearm(count: u32, moves: u32) -> Outcome {
    let handle = handle();
    let mut sleeps: Vec<Sleep> = (0..count).map(|_| handle.sleep(PENDING)).collect();
    begin(&mut sleeps).await;
    let mut phase = Phase::begin();
    for pick in picks(count, moves) {
        sleeps[pick].reset(PENDING);
    }
    print_moves(&mut phase, moves);
    Ok(())
}

pub(super) async fn precision(count: u32, micros: u32) -> Outcome {
    let handle = handle();
    let mut late = Lateness::of(count);
    for _ in 0..count {
        let due = handle.now() + i64::from(micros) * 1000;
        handle.sleep_until(due).await;
        late.fires(due.unsigned_abs());
    }
    late.print();
    Ok(())
}
