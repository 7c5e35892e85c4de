//! Child processes: one is talked to through its pipes, one was started
//! elsewhere and is only watched, and one is killed at a deadline.
//!
//! ```text
//! cargo run --example child
//! ```

use std::cell::RefCell;
use std::error::Error;
use std::io;
use std::process::{Command, ExitStatus};
use std::rc::Rc;
use std::time::Duration;

use event::{EventLoop, LoopHandle, Process};

fn report(name: &'static str) -> impl FnOnce(io::Result<ExitStatus>) {
    move |status| println!("{name}: {}", status.expect("nobody else reaps our children"))
}

/// Has `sort` sort some words.
fn talk(events: &LoopHandle) -> Result<Process, Box<dyn Error>> {
    let sorted = Rc::new(RefCell::new(String::new()));
    let output = sorted.clone();
    let sort = events
        .process(Command::new("sort"))
        .on_stdin(|result| println!("sort has read what it did not take at once: {result:?}"))
        .on_stdout(move |bytes| output.borrow_mut().push_str(&String::from_utf8_lossy(bytes)))
        .on_exit(move |status| {
            let words: Vec<_> = sorted.borrow().split_whitespace().map(str::to_owned).collect();
            let status = status.expect("nobody else reaps our children");
            println!("sort: {status}; {} words, {:?} … ", words.len(), &words[..3]);
            assert!(words.is_sorted());
        })
        .start()?;
    let words: String = (0..100_000).map(|n| format!("word{}\n", n * 7919 % 100_000)).collect();
    sort.write_stdin(words.as_bytes())?;
    println!("sort: {} of {} bytes wait for it", sort.pending_stdin(), words.len());
    sort.close_stdin();
    Ok(sort)
}

/// Watches a child that std has started.
fn watch(events: &LoopHandle) -> Result<(), Box<dyn Error>> {
    let child = Command::new("sh").args(["-c", "exit 7"]).spawn()?;
    events.watch_child(child.id(), report("a child of std's"))?.detach();
    Ok(())
}

/// Gives a child 100 ms.
fn limit(events: &LoopHandle) -> Result<(), Box<dyn Error>> {
    let mut command = Command::new("sleep");
    command.arg("60");
    let sleeper = events.process(command).on_exit(report("sleep, after its deadline")).start()?;
    let kill = move || {
        sleeper.kill().expect("it sleeps");
        sleeper.detach();
    };
    events.timer_after(Duration::from_millis(100), kill)?.detach();
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let events = EventLoop::new()?;
    let _sort = talk(&events.handle())?;
    watch(&events.handle())?;
    limit(&events.handle())?;
    if let Err(error) = events.handle().process(Command::new("no-such-program")).start() {
        println!("{error}");
    }
    events.run()?;
    Ok(())
}
