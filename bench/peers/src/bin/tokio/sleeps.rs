//! Timers as futures.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use contest::Outcome;
use contest::clock;
use contest::clock::Phase;
use contest::deadlines::{Timing, micros, picks, print_moves};
use contest::lateness::Lateness;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

const PENDING: Duration = Duration::from_secs(30);

/// Begins to wait: a future that nobody has polled is not registered.
async fn begin(sleep: &mut Pin<Box<Sleep>>) {
    poll_fn(|context| {
        let _ = sleep.as_mut().poll(context);
        Poll::Ready(())
    })
    .await;
}

pub async fn many(count: u32) -> Outcome {
    let mut timing = Timing::begin(count)?;
    let mut sleeps: Vec<Option<Pin<Box<Sleep>>>> = Vec::with_capacity(count as usize);
    for delay in micros(count).map(Duration::from_micros) {
        let mut sleep = Box::pin(sleep(delay));
        begin(&mut sleep).await;
        sleeps.push(Some(sleep));
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

pub async fn rearm(count: u32, moves: u32) -> Outcome {
    let mut sleeps: Vec<_> = (0..count).map(|_| Box::pin(sleep(PENDING))).collect();
    for sleep in &mut sleeps {
        begin(sleep).await;
    }
    let mut phase = Phase::begin();
    for pick in picks(count, moves) {
        sleeps[pick].as_mut().reset(Instant::now() + PENDING);
    }
    print_moves(&mut phase, moves);
    Ok(())
}

pub async fn precision(count: u32, micros: u32) -> Outcome {
    let mut late = Lateness::of(count);
    for _ in 0..count {
        let due = clock::wall() + u64::from(micros) * 1000;
        sleep_until(Instant::now() + Duration::from_micros(micros.into())).await;
        late.fires(due);
    }
    late.print();
    Ok(())
}
