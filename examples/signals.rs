//! A graceful stop: SIGTERM or Ctrl-C ends the intake of work, what is under
//! way is finished, and then the loop runs out by itself. SIGHUP has the
//! configuration read again.
//!
//! Left alone it sends itself both signals, and ends within a second.
//!
//! ```text
//! cargo run --example signals
//! ```

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use event::{EventLoop, LoopHandle, Signal, SignalWatcher, Timer};

const INTAKE: Duration = Duration::from_millis(50);
const WORK: Duration = Duration::from_millis(120);

/// A service that takes in a job every so often.
struct Service {
    events: LoopHandle,
    intake: RefCell<Option<Timer>>,
    started: Cell<u32>,
    finished: Cell<u32>,
    /// Dropped with the stop: a second Ctrl-C then ends the process at once.
    signals: RefCell<Vec<SignalWatcher>>,
}

impl Service {
    fn start(events: LoopHandle) -> io::Result<Rc<Self>> {
        let service = Rc::new(Self {
            events: events.clone(),
            intake: RefCell::new(None),
            started: Cell::new(0),
            finished: Cell::new(0),
            signals: RefCell::default(),
        });
        let taking = Rc::downgrade(&service);
        let intake = events.every(INTAKE, move |_| {
            if let Some(service) = taking.upgrade() {
                service.take_job();
            }
        })?;
        service.intake.replace(Some(intake));
        service.listen()?;
        Ok(service)
    }

    fn listen(self: &Rc<Self>) -> io::Result<()> {
        for signal in [Signal::TERM, Signal::INT] {
            let service = Rc::downgrade(self);
            let watcher = self.events.watch_signal(signal, move |arrived| {
                println!("{} from process {}", arrived.signal, arrived.sender);
                if let Some(service) = service.upgrade() {
                    service.stop();
                }
            })?;
            self.signals.borrow_mut().push(watcher);
        }
        let reload = |_| println!("SIGHUP: the configuration is read again");
        self.signals.borrow_mut().push(self.events.watch_signal(Signal::HUP, reload)?);
        Ok(())
    }

    fn take_job(self: &Rc<Self>) {
        self.started.set(self.started.get() + 1);
        let service = self.clone();
        let done = move || service.finished.set(service.finished.get() + 1);
        // Detached: whoever has started is to finish.
        self.events.timer_after(WORK, done).expect("120 ms are in range").detach();
    }

    fn stop(&self) {
        let under_way = self.started.get() - self.finished.get();
        println!("no more intake; {under_way} jobs are under way");
        drop(self.intake.take());
        drop(self.signals.take());
    }
}

fn main() -> io::Result<()> {
    let events = EventLoop::new()?;
    let service = Service::start(events.handle())?;

    // In the place of the administrator.
    let own = std::process::id();
    let send = move |signal: Signal| signal.send(own).expect("we are there");
    let _reload = events.handle().timer_after(4 * INTAKE, move || send(Signal::HUP))?;
    let _stop = events.handle().timer_after(9 * INTAKE, move || send(Signal::TERM))?;

    events.run()?;
    println!("{} jobs started, {} finished", service.started.get(), service.finished.get());
    assert_eq!(service.started.get(), service.finished.get());
    Ok(())
}
