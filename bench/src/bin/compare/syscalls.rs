//! How many system calls a message costs, counted by `strace`.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use bench::server::Server;
use rustix::process::{Pid, Signal, kill_process};

use crate::contestant::Contestant;
use crate::cpus::Place;
use crate::load::{Load, Shape, Until};
use crate::samples::Figures;

const CONNECTIONS: usize = 50;

/// The calls that are told one by one.
const NAMED: [(&str, &[&str]); 4] = [
    ("recv", &["recvfrom", "recvmsg", "read", "readv"]),
    ("send", &["sendto", "sendmsg", "write", "writev"]),
    ("epoll_wait", &["epoll_wait", "epoll_pwait", "epoll_pwait2"]),
    ("epoll_ctl", &["epoll_ctl"]),
];

pub(crate) fn run(contestant: &Contestant, messages: u64) -> io::Result<Option<Figures>> {
    let Some(server) = Server::start(&contestant.command, "echo")? else {
        return Ok(None);
    };
    let _place = Place::take(false)?;
    let mut load = Load::connect(server.address(), &Shape::echo(CONNECTIONS, 1, 64))?;
    let strace = Strace::attach(server.pid())?;
    load.begin(1)?;
    let done = load.run(&Until::Messages(messages))?;
    let counts = strace.end()?;
    let mut figures = Figures::new();
    let each = |count: u64| count as f64 / done.messages as f64;
    for (name, calls) in NAMED {
        let of = counts.iter().filter(|(call, _)| calls.contains(&call.as_str()));
        figures.insert(name.into(), each(of.map(|(_, count)| count).sum()));
    }
    figures.insert("total".into(), each(counts.iter().map(|(_, count)| count).sum()));
    Ok(Some(figures))
}

struct Strace {
    child: Child,
    file: std::path::PathBuf,
}

impl Strace {
    /// Begins to count; returns when it does.
    fn attach(pid: u32) -> io::Result<Self> {
        let file = std::env::temp_dir().join(format!("event-bench-strace-{pid}"));
        let mut child = Command::new("strace")
            .args(["-c", "-f", "-U", "name,calls", "-p", &pid.to_string(), "-o"])
            .arg(&file)
            .stderr(Stdio::piped())
            .spawn()?;
        let said = child.stderr.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut line = String::new();
        BufReader::new(said).read_line(&mut line)?;
        match line.contains("attached") {
            true => Ok(Self { child, file }),
            false => Err(io::Error::other(format!("strace: {}", line.trim()))),
        }
    }

    fn end(mut self) -> io::Result<Vec<(String, u64)>> {
        kill_process(Pid::from_child(&self.child), Signal::INT)?;
        self.child.wait()?;
        let text = fs::read_to_string(&self.file)?;
        fs::remove_file(&self.file)?;
        Ok(text.lines().filter_map(count).collect())
    }
}

/// A line of strace's table.
fn count(line: &str) -> Option<(String, u64)> {
    let mut words = line.split_whitespace();
    let (name, count) = (words.next()?, words.next()?.parse().ok()?);
    (name != "total").then(|| (name.to_owned(), count))
}
