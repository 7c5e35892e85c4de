//! `bench verify`: whether echo servers are echo servers. A benchmark of one
//! that loses bytes, or the end of a stream, would be of no use.

mod checks;

use std::io;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use bench::server::{PATIENCE, Server};

type Check = fn(&Server) -> io::Result<()>;

const CHECKS: [(&str, Check); 6] = [
    ("a slow reader gets all of a long stream", checks::slow_reader),
    ("bytes come back one by one, and in order", checks::byte_by_byte),
    ("many clients do not mix", checks::many_clients),
    ("an end that comes with the data", checks::end_with_data),
    ("an end that comes with more than one read of data", checks::end_with_much_data),
    ("a reset that comes with the data", checks::reset_with_data),
];

/// Checks each server, given as a program and what comes before `echo PORT`.
/// Without any, our own layers.
pub(crate) fn main(servers: &[String]) -> ExitCode {
    let own = std::env::current_exe().map(|program| program.display().to_string());
    let own = own.unwrap_or_default();
    let defaults = ["async", "shared", "busy"].map(|layer| format!("{own} {layer}"));
    let servers = if servers.is_empty() { &defaults } else { servers };
    let failures: usize = servers.iter().map(|server| verify(server)).sum();
    println!("{} servers, {} checks each, {failures} failures", servers.len(), CHECKS.len());
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn verify(command: &str) -> usize {
    let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
    let failed = CHECKS.iter().filter(|(name, check)| {
        let done = run(&words, *check);
        if let Err(error) = &done {
            eprintln!("{command} echo: {name}: {error}");
        }
        done.is_err()
    });
    failed.count()
}

fn run(words: &[String], check: Check) -> io::Result<()> {
    let server = Server::start(words, "echo")?;
    let server = server.ok_or_else(|| io::Error::other("it does not do this one"))?;
    let idle = server.descriptors()?;
    check(&server)?;
    expect_idle(&server, idle)
}

/// All connections are closed, after a moment.
fn expect_idle(server: &Server, idle: usize) -> io::Result<()> {
    let begin = Instant::now();
    loop {
        let open = server.descriptors()?;
        if open <= idle {
            return Ok(());
        }
        if begin.elapsed() > PATIENCE {
            let left = open - idle;
            return Err(io::Error::other(format!("{left} connections are never closed")));
        }
        sleep(Duration::from_millis(1));
    }
}
