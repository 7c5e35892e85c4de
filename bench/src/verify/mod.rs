//! `bench verify`: whether the servers are what they say. A benchmark of an
//! echo server that loses bytes, or the end of a stream, would be of no use.

mod echo;
mod http;

use std::io;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use bench::server::{PATIENCE, Server};

/// What a server must do when started with `word`.
struct Check {
    word: &'static str,
    name: &'static str,
    run: fn(&Server) -> io::Result<()>,
}

const fn check(
    word: &'static str,
    name: &'static str,
    run: fn(&Server) -> io::Result<()>,
) -> Check {
    Check { word, name, run }
}

const CHECKS: &[Check] = &[
    check("echo", "a slow reader gets all of a long stream", echo::slow_reader),
    check("echo", "bytes come back one by one, and in order", echo::byte_by_byte),
    check("echo", "many clients do not mix", echo::many_clients),
    check("echo", "an end that comes with the data", echo::end_with_data),
    check("echo", "an end that comes with more than one read of data", echo::end_with_much_data),
    check("echo", "a reset that comes with the data", echo::reset_with_data),
    check("http", "a request in two segments", http::two_segments),
    check("http", "two requests in one segment", http::pipelined),
    check("http", "a hundred requests on one connection", http::keep_alive),
];

/// Those written by hand know no headers.
const OF_HYPER: &[Check] = &[check("http", "a connection that is to be closed", http::close)];

/// Checks each server, given as a program and what comes before `echo PORT`.
/// Without any, our own layers.
pub(crate) fn main(servers: &[String]) -> ExitCode {
    let own = std::env::current_exe().map(|program| program.display().to_string());
    let own = own.unwrap_or_default();
    let defaults =
        ["async", "shared", "busy", "buffered", "hyper"].map(|layer| format!("{own} {layer}"));
    let servers = if servers.is_empty() { &defaults } else { servers };
    let failures: usize = servers.iter().map(|server| verify(server)).sum();
    println!("{} servers, {failures} failures", servers.len());
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs the checks of all that the server does; how many fail.
fn verify(command: &str) -> usize {
    let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
    let of_hyper = if command.ends_with(" hyper") { OF_HYPER } else { &[] };
    let (mut passed, mut failed) = (0, 0);
    for check in CHECKS.iter().chain(of_hyper) {
        match run(&words, check) {
            Ok(true) => passed += 1,
            Ok(false) => {}
            Err(error) => {
                eprintln!("{command} {}: {}: {error}", check.word, check.name);
                failed += 1;
            }
        }
    }
    println!("{command}: {passed} checks passed, {failed} failed");
    // A server that does nothing of it is none.
    if passed + failed == 0 { 1 } else { failed }
}

/// Whether the check applies; an error if it fails.
fn run(words: &[String], check: &Check) -> io::Result<bool> {
    let Some(server) = Server::start(words, check.word)? else {
        return Ok(false);
    };
    let idle = server.descriptors()?;
    (check.run)(&server)?;
    expect_idle(&server, idle)?;
    Ok(true)
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
