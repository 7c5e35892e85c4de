//! The targets, one line each.

use crate::ratio::Spread;
use crate::samples::Samples;

/// A bound for one figure of ours, as a ratio to a peer's or as it is.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) workload: &'static str,
    pub(crate) figure: &'static str,
    pub(crate) ours: &'static str,
    /// `None`: the figure itself is bounded.
    pub(crate) peer: Option<&'static str>,
    pub(crate) must: f64,
    pub(crate) stretch: Option<f64>,
    /// Allowed above the bound for noise.
    noise: f64,
    pub(crate) more_is_better: bool,
}

/// How a target was met.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    Stretch,
    Met,
    Missed,
}

impl Verdict {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Stretch => "met, stretch too",
            Self::Met => "met",
            Self::Missed => "NOT MET",
        }
    }
}

const NOISE: f64 = 0.02;
const NOISE_OF_MANY: f64 = 0.05;

const fn target(
    workload: &'static str,
    figure: &'static str,
    ours: &'static str,
    peer: &'static str,
    must: f64,
    stretch: f64,
) -> Target {
    let stretch = if stretch > 0.0 { Some(stretch) } else { None };
    let (peer, noise) = (Some(peer), NOISE);
    Target { workload, figure, ours, peer, must, stretch, noise, more_is_better: false }
}

impl Target {
    const fn many(mut self) -> Self {
        self.noise = NOISE_OF_MANY;
        self
    }

    const fn more(mut self) -> Self {
        self.more_is_better = true;
        self
    }

    /// The figure itself, exactly.
    const fn exact(mut self) -> Self {
        self.peer = None;
        self.noise = 0.0;
        self
    }

    /// What was measured of it.
    pub(crate) fn measured(&self, samples: &Samples) -> Option<Spread> {
        match self.peer {
            Some(peer) => samples.ratio(self.workload, (self.ours, peer), self.figure),
            None => samples.spread(self.workload, self.ours, self.figure),
        }
    }

    pub(crate) fn verdict(&self, measured: Spread) -> Verdict {
        let within = |bound: f64| match self.more_is_better {
            true => measured.median >= bound * (1.0 - self.noise),
            false => measured.median <= bound * (1.0 + self.noise),
        };
        match self.stretch {
            Some(stretch) if within(stretch) => Verdict::Stretch,
            _ if within(self.must) => Verdict::Met,
            _ => Verdict::Missed,
        }
    }
}

/// Where there is no stretch goal.
const NONE: f64 = 0.0;

pub(crate) const ALL: &[Target] = &[
    target("W1 n=100 a=1", "loop_us", "bare", "libevent", 1.03, 1.00),
    target("W1 n=1000 a=10", "loop_us", "bare", "libevent", 1.03, 1.00),
    target("W1 n=5000 a=100", "loop_us", "bare", "libevent", 1.03, 1.00).many(),
    target("W1 n=100 a=1", "loop_us", "async", "libevent", 1.05, 1.00),
    target("W1 n=1000 a=10", "loop_us", "async", "libevent", 1.05, 1.00),
    target("W1 n=5000 a=100", "loop_us", "async", "libevent", 1.05, 1.00).many(),
    target("W1 n=100 a=1", "loop_us", "async", "tokio", 0.92, 0.87),
    target("W1 n=1000 a=10", "loop_us", "async", "tokio", 0.97, 0.94),
    target("W1 n=5000 a=100", "loop_us", "async", "tokio", 1.00, 0.95).many(),
    target("W1 n=100 a=1", "loop_us", "async", "raw", 1.17, 1.12),
    target("W1 n=1000 a=10", "loop_us", "async", "raw", 1.10, 1.06),
    target("W2 calls", "total", "async", "", 2.1, NONE).exact(),
    target("W2 calls", "epoll_ctl", "async", "", 0.0, NONE).exact(),
    target("W2 C=50", "cpu_ns", "async", "raw", 1.03, 1.00),
    target("W2 C=1000", "cpu_ns", "async", "raw", 1.03, 1.00),
    target("W2 C=50 P=16", "cpu_ns", "async", "raw", 1.03, 1.00),
    target("W2 C=50", "cpu_ns", "async", "tokio", 1.00, NONE),
    target("W2 C=1000", "cpu_ns", "async", "tokio", 1.00, 0.97),
    target("W2 C=50 P=16", "cpu_ns", "async", "tokio", 1.00, NONE),
    target("W2 64 KiB", "cpu_ns", "shared", "raw", 1.02, 0.98),
    target("W2 64 KiB", "cpu_ns", "shared", "tokio", 0.93, 0.90),
    target("W2 C=50", "cpu_ns", "buffered", "raw", 1.10, 1.05),
    target("W2 64 KiB", "cpu_ns", "buffered", "bufferevent", 0.15, 0.10),
    target("W2 C=1", "p50_us", "async", "tokio", 1.02, NONE),
    target("W2 C=1", "rate", "busy", "tokio", 2.4, 2.6).more(),
    target("W2 C=50 P=4", "rate", "async", "raw", 0.97, 1.00).more(),
    target("W3 million", "sum_ns", "async", "tokio", 0.50, 0.20),
    target("W3 million", "sum_ns", "async", "libevent", 0.33, 0.12),
    target("W3 million", "sum_ns", "bare", "libevent", 1.05, 1.00),
    target("W3 reset", "rearm_ns", "async", "tokio", 0.60, 0.20),
    target("W3 lateness", "late_p50_us", "async", "raw", 1.15, 1.00),
    target("W3 lateness", "late_p50_us", "async", "tokio", 0.05, NONE),
    target("W3 lateness", "late_p99_us", "async", "raw", 1.30, 1.00),
    target("W3 million", "bytes", "async", "", 120.0, 64.0).exact(),
    target("W4 idle", "bytes", "shared", "", 550.0, 400.0).exact(),
    target("W4 idle", "bytes", "shared", "tokio shared", 0.55, 0.40),
    target("W5 hyper C=1", "cpu_ns", "hyper", "tokio hyper", 1.00, 0.97),
    target("W5 hyper C=50", "cpu_ns", "hyper", "tokio hyper", 1.00, 0.97),
    target("W5 hyper C=500", "cpu_ns", "hyper", "tokio hyper", 1.00, 0.97),
    target("W6 accept", "cpu_ns", "async", "raw", 1.05, 1.00),
    target("W6 accept", "cpu_ns", "async", "tokio", 0.95, 0.90),
    target("W7 tasks", "spawn_ns", "async", "tokio", 0.60, 0.40),
    target("W7 tasks", "yield100_ns", "async", "tokio", 0.60, 0.45),
    target("W7 wake", "wake_us", "async", "tokio", 1.00, NONE),
    target("W7 wake", "wake_us", "busy", "tokio", 1.00, 0.60),
];
