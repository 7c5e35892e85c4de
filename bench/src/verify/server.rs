//! A server under test: a process of its own.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// No check takes so long, unless something hangs.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Server {
    child: Child,
    port: u16,
    /// Descriptors that it has open without clients.
    descriptors: usize,
}

impl Server {
    pub(super) fn start(command: &str) -> io::Result<Self> {
        let port = free_port()?;
        let mut words = command.split(' ');
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).arg("echo").arg(port.to_string()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let mut line = String::new();
        let output = child.stdout.take().expect("it is a pipe");
        let read = BufReader::new(output).read_line(&mut line);
        let mut server = Self { child, port, descriptors: 0 };
        match read? {
            0 => Err(io::Error::other("it ended before it was ready")),
            _ => {
                server.descriptors = server.count_descriptors()?;
                Ok(server)
            }
        }
    }

    pub(super) fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(stream)
    }

    /// Runs `f` while the server stands still, so that all that is sent
    /// meanwhile arrives at once.
    pub(super) fn stopped<R>(&self, f: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        self.signal(Signal::STOP)?;
        let result = f();
        self.signal(Signal::CONT)?;
        result
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    fn count_descriptors(&self) -> io::Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.child.id()))?.count())
    }

    /// All connections are closed, after a moment.
    pub(super) fn expect_idle(&self) -> io::Result<()> {
        let begin = Instant::now();
        loop {
            let open = self.count_descriptors()?;
            if open <= self.descriptors {
                return Ok(());
            }
            if begin.elapsed() > PATIENCE {
                let left = open - self.descriptors;
                return Err(io::Error::other(format!("{left} connections are never closed")));
            }
            sleep(Duration::from_millis(1));
        }
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
