//! The plain thread at the other end of `xwake`.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use crate::clock;
use crate::contestant::Outcome;
use crate::oneshot::{Completer, oneshot};
use crate::seat::Seat;

/// The task's part, to be spawned on the loop.
pub type Trips = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs `count` round trips between a task and a thread, and prints what they
/// took. `run` runs the task on a loop, to its end.
///
/// # Errors
///
/// What `run` says, and if the thread could not be placed.
pub fn xwake(count: u32, seat: &Seat, run: impl FnOnce(Trips) -> Outcome) -> Outcome {
    let (to, thread) = start(*seat);
    let (wall, cpu) = (clock::wall(), clock::cpu());
    run(Box::pin(trips(count, to)))?;
    let (wall, cpu) = (clock::wall() - wall, clock::cpu() - cpu);
    thread.join().map_err(|_| io::Error::other("the partner panicked"))??;
    let each = |nanos: u64| nanos as f64 / 1000.0 / f64::from(count.max(1));
    println!("wake_us={:.3} cpu_us={:.3}", each(wall), each(cpu));
    Ok(())
}

/// A thread that completes every future that it is handed.
fn start(seat: Seat) -> (Sender<Completer>, JoinHandle<io::Result<()>>) {
    let (to, from) = channel();
    let thread = thread::spawn(move || {
        seat.make_room()?;
        complete_all(&from);
        Ok(())
    });
    (to, thread)
}

fn complete_all(from: &Receiver<Completer>) {
    from.iter().for_each(Completer::complete);
}

async fn trips(count: u32, to: Sender<Completer>) {
    for _ in 0..count {
        let (completer, completion) = oneshot();
        if to.send(completer).is_err() {
            return;
        }
        completion.await;
    }
}
