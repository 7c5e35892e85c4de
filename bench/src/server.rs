//! A server under test: a process of its own, looked at from outside.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// Nothing takes so long, unless something hangs.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The exit code of a contestant that does not do what it was asked for.
pub const NOT_DONE: i32 = 3;

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// Starts `command` with `word` and a port, and waits until it is ready;
    /// `None` if it says that it does not do that.
    ///
    /// # Errors
    ///
    /// If it cannot be started, or ends.
    pub fn start(command: &[String], word: &str) -> io::Result<Option<Self>> {
        let port = free_port()?;
        let (program, words) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut child = Command::new(program)
            .args(words)
            .args([word, &port.to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut line = String::new();
        let read = BufReader::new(output).read_line(&mut line);
        let mut server = Self { child, port };
        match read? {
            0 => server.never_ready(),
            _ => Ok(Some(server)),
        }
    }

    fn never_ready(&mut self) -> io::Result<Option<Self>> {
        let status = self.child.wait()?;
        match status.code() {
            Some(NOT_DONE) => Ok(None),
            _ => Err(io::Error::other(format!("it ended before it was ready: {status}"))),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// A connection that does not wait for ever.
    ///
    /// # Errors
    ///
    /// If it is refused.
    pub fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(self.address())?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(stream)
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    ///
    /// # Errors
    ///
    /// If it is gone.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    /// How many descriptors it has open.
    ///
    /// # Errors
    ///
    /// If `/proc` does not say.
    pub fn descriptors(&self) -> io::Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.pid()))?.count())
    }

    /// Nanoseconds that its threads have spent on CPUs.
    ///
    /// # Errors
    ///
    /// If `/proc` does not say.
    pub fn cpu(&self) -> io::Result<u64> {
        let mut sum = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.pid()))? {
            let text = fs::read_to_string(thread?.path().join("schedstat"))?;
            let nanos = text.split(' ').next().and_then(|word| word.parse::<u64>().ok());
            sum += nanos.ok_or(io::ErrorKind::InvalidData)?;
        }
        Ok(sum)
    }

    /// Kilobytes of memory of its own that are resident.
    ///
    /// # Errors
    ///
    /// If `/proc` does not say.
    pub fn memory_kb(&self) -> io::Result<u64> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let word = line.and_then(|line| line.split_whitespace().next());
        let kilobytes = word.and_then(|word| word.parse().ok());
        Ok(kilobytes.ok_or(io::ErrorKind::InvalidData)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
