//! A signal's number, known to be one.

use std::fmt;
use std::io;

use libc::c_int;

use super::SignalSet;

/// A signal of this system, by number.
///
/// ```
/// use event::Signal;
/// assert_eq!(Signal::new(15), Some(Signal::TERM));
/// assert_eq!(Signal::TERM.to_string(), "SIGTERM");
/// assert_eq!(Signal::new(0), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(c_int);

macro_rules! named {
    ($($(#[$cfg:meta])? $name:ident = $number:ident: $meaning:literal,)*) => {
        impl Signal {
            $($(#[$cfg])? #[doc = concat!("`", stringify!($number), "`: ", $meaning, ".")]
            pub const $name: Self = Self(libc::$number);)*
        }

        const NAMES: &[(c_int, &str)] =
            &[$($(#[$cfg])? (libc::$number, stringify!($number)),)*];
    };
}

named! {
    HUP = SIGHUP: "the terminal is gone; by custom, read the configuration again",
    INT = SIGINT: "Ctrl-C",
    QUIT = SIGQUIT: "Ctrl-\\, with a core dump",
    ILL = SIGILL: "an illegal instruction",
    TRAP = SIGTRAP: "a breakpoint",
    ABRT = SIGABRT: "`abort(3)`",
    BUS = SIGBUS: "a bad memory access",
    FPE = SIGFPE: "an arithmetic fault",
    KILL = SIGKILL: "the end, not to be caught",
    USR1 = SIGUSR1: "for the program's own use",
    SEGV = SIGSEGV: "an invalid memory access",
    USR2 = SIGUSR2: "for the program's own use",
    PIPE = SIGPIPE: "a write that nobody can read",
    ALRM = SIGALRM: "`alarm(2)`",
    TERM = SIGTERM: "the request to end",
    CHLD = SIGCHLD: "a child has ended or stopped",
    CONT = SIGCONT: "go on after a stop",
    STOP = SIGSTOP: "stop, not to be caught",
    TSTP = SIGTSTP: "Ctrl-Z",
    TTIN = SIGTTIN: "a background process reads the terminal",
    TTOU = SIGTTOU: "a background process writes to the terminal",
    URG = SIGURG: "urgent data on a socket",
    XCPU = SIGXCPU: "the limit of processor time",
    XFSZ = SIGXFSZ: "the limit of a file's size",
    VTALRM = SIGVTALRM: "a timer of processor time",
    PROF = SIGPROF: "a profiling timer",
    WINCH = SIGWINCH: "the terminal's size has changed",
    IO = SIGIO: "a descriptor is ready",
    #[cfg(target_os = "linux")] PWR = SIGPWR: "the power is failing",
    SYS = SIGSYS: "a system call that does not exist",
}

impl Signal {
    /// The signal of that number; `None` if it is out of range, or one that
    /// the C library keeps for itself.
    pub fn new(number: i32) -> Option<Self> {
        let reserved = 32..real_time().start;
        let known = (1..real_time().end).contains(&number) && !reserved.contains(&number);
        known.then_some(Self(number))
    }

    /// `SIGRTMIN + n`, a real-time signal: each that is sent is delivered,
    /// while others of the same number that wait are merged into one.
    pub fn real_time(n: u8) -> Option<Self> {
        let number = real_time().start + c_int::from(n);
        real_time().contains(&number).then_some(Self(number))
    }

    /// Its number.
    pub fn number(self) -> i32 {
        self.0
    }

    /// Whether the system lets a program have it: not `SIGKILL` and `SIGSTOP`.
    pub fn is_catchable(self) -> bool {
        self != Self::KILL && self != Self::STOP
    }

    /// Blocks these in the calling thread, and in those that it spawns later.
    ///
    /// A signal that is sent to the process goes to any thread that does not
    /// block it, and there takes its default action, which mostly is death. A
    /// program that watches signals and has threads calls this in `main`, before
    /// it spawns the first. (With one thread there is no need:
    /// [`watch_signal`](crate::LoopHandle::watch_signal) blocks what it watches.)
    ///
    /// ```
    /// use event::Signal;
    /// Signal::block([Signal::INT, Signal::TERM]);
    /// let worker = std::thread::spawn(|| { /* not disturbed by either */ });
    /// # worker.join().unwrap();
    /// ```
    ///
    /// `SIGKILL` and `SIGSTOP` cannot be blocked, and are passed over.
    pub fn block(signals: impl IntoIterator<Item = Self>) {
        SignalSet::new(signals).block();
    }

    /// Sends it to a process (`kill(2)`). A process that may be gone, and its
    /// number reused, is better signalled through its [`Process`](crate::Process)
    /// or [`ChildWatcher`](crate::ChildWatcher).
    ///
    /// # Errors
    ///
    /// `ESRCH` if there is none, `EPERM` if it is another user's.
    pub fn send(self, pid: u32) -> io::Result<()> {
        let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
        let pid = pid.ok_or(rustix::io::Errno::SRCH)?;
        Ok(rustix::process::kill_process(pid, self.to_rustix())?)
    }

    pub(crate) fn to_rustix(self) -> rustix::process::Signal {
        // SAFETY: [CHECKED-SIGNAL] the number was checked when `self` was made.
        unsafe { rustix::process::Signal::from_raw_unchecked(self.0) }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn real_time() -> std::ops::Range<c_int> {
    libc::SIGRTMIN()..libc::SIGRTMAX() + 1
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn real_time() -> std::ops::Range<c_int> {
    32..32
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(number, _)| *number == self.0) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "SIGRTMIN+{}", self.0 - real_time().start),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_a_signal_with_a_name_of_its_own_or_is_refused() {
        let made: Vec<_> = (-1..300).filter_map(Signal::new).collect();
        let names: std::collections::BTreeSet<_> = made.iter().map(Signal::to_string).collect();
        assert_eq!(names.len(), made.len());
        assert!(made.iter().all(|signal| Signal::new(signal.number()) == Some(*signal)));
        assert_eq!(made.first(), Some(&Signal::HUP));
        assert_eq!(Signal::new(32), None, "the C library's own");
    }
}
