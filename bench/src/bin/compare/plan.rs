//! The workloads.

use std::time::Duration;

use crate::batch::Batch;
use crate::load::Shape;
use crate::samples::Figures;

/// One workload, and who runs it.
#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) contestants: &'static [&'static str],
}

/// How it is run.
#[derive(Debug)]
pub(crate) enum Kind {
    Batch(Batch),
    Traffic(Shape),
    /// Connections that come and go, for so long.
    Visits(Duration),
    /// So many connections that do nothing.
    Idle(usize),
    /// System calls for so many messages.
    Calls(u64),
}

const LOOPS: &[&str] = &["bare", "async", "raw", "libevent", "mio", "tokio"];
const SERVERS: &[&str] = &["async", "raw", "libevent", "mio", "tokio"];
const BUFFERS: &[&str] = &["async", "shared", "raw", "libevent", "mio", "tokio", "tokio shared"];
const STREAMS: &[&str] = &[
    "async",
    "shared",
    "buffered",
    "raw",
    "libevent",
    "bufferevent",
    "mio",
    "tokio",
    "tokio shared",
];
const LATENCY: &[&str] = &["async", "busy", "raw", "libevent", "tokio"];
const TIMERS: &[&str] = &["bare", "async", "libevent", "tokio"];
const PRECISION: &[&str] = &["bare", "async", "raw", "libevent", "tokio"];
const TASKS: &[&str] = &["async", "busy", "tokio"];
const HYPERS: &[&str] = &["hyper", "tokio hyper"];

const KILO: usize = 1024;
const MILLION: u32 = 1_000_000;

pub(crate) fn all(quick: bool) -> Vec<Workload> {
    [pipes(), echoes(quick), calls(), timers(quick), requests(quick), connections(quick), tasks()]
        .into_iter()
        .flatten()
        .collect()
}

fn batch(name: &'static str, words: &str, contestants: &'static [&'static str]) -> Workload {
    let kind = Kind::Batch(Batch { words: words.into(), derive: |_| {} });
    Workload { name, kind, contestants }
}

fn pipes() -> Vec<Workload> {
    vec![
        batch("W1 n=100 a=1", "pipe 100 1 20000 5", LOOPS),
        batch("W1 n=1000 a=10", "pipe 1000 10 20000 5", LOOPS),
        batch("W1 n=5000 a=100", "pipe 5000 100 20000 5", LOOPS),
    ]
}

fn echoes(quick: bool) -> Vec<Workload> {
    let time = Duration::from_millis(if quick { 300 } else { 800 });
    let echo = |name, contestants, connections, depth, size, beside| {
        let shape = Shape::echo(connections, depth, size).lasting(time).beside(beside);
        Workload { name, kind: Kind::Traffic(shape), contestants }
    };
    vec![
        echo("W2 C=1", LATENCY, 1, 1, 64, false),
        echo("W2 C=50", STREAMS, 50, 1, 64, false),
        echo("W2 C=1000", BUFFERS, 1000, 1, 64, false),
        echo("W2 C=50 P=4", SERVERS, 50, 4, 64, false),
        echo("W2 C=50 P=16", SERVERS, 50, 16, 64, false),
        echo("W2 64 KiB", STREAMS, 10, 1, 64 * KILO, false),
        echo("W2 C=50 one core", SERVERS, 50, 1, 64, true),
        echo("W2 C=1000 one core", BUFFERS, 1000, 1, 64, true),
    ]
}

fn calls() -> Vec<Workload> {
    vec![Workload {
        name: "W2 calls",
        kind: Kind::Calls(20_000),
        contestants: &["async", "shared", "raw", "libevent", "mio", "tokio"],
    }]
}

fn timers(quick: bool) -> Vec<Workload> {
    let count = if quick { 200 } else { 1000 };
    let million = Batch { words: format!("timers {MILLION}"), derive: sum };
    vec![
        Workload { name: "W3 million", kind: Kind::Batch(million), contestants: TIMERS },
        batch("W3 reset", "rearm 10000 2000000", TIMERS),
        batch("W3 lateness", &format!("precision {count} 1300"), PRECISION),
    ]
}

/// What one timer of the million costs: all are added, one half is cancelled,
/// the other fires.
fn sum(figures: &mut Figures) {
    let of = |name: &str| figures.get(name).copied().unwrap_or(f64::NAN);
    let sum = of("add_ns") + of("cancel_ns") / 2.0 + of("fire_ns") / 2.0;
    let bytes = of("rss_kb") * 1024.0 / f64::from(MILLION);
    figures.insert("sum_ns".into(), sum);
    figures.insert("bytes".into(), bytes);
}

fn requests(quick: bool) -> Vec<Workload> {
    let time = Duration::from_millis(if quick { 300 } else { 800 });
    let http = |name, contestants, connections| {
        let shape = Shape::http(connections).lasting(time);
        Workload { name, kind: Kind::Traffic(shape), contestants }
    };
    vec![
        http("W5 by hand C=50", &["async", "raw", "tokio"], 50),
        http("W5 hyper C=1", HYPERS, 1),
        http("W5 hyper C=50", HYPERS, 50),
        http("W5 hyper C=500", HYPERS, 500),
    ]
}

fn connections(quick: bool) -> Vec<Workload> {
    let time = Duration::from_millis(if quick { 300 } else { 800 });
    vec![
        Workload {
            name: "W4 idle",
            kind: Kind::Idle(9_000),
            contestants: &["shared", "raw", "libevent", "mio", "tokio shared"],
        },
        Workload { name: "W6 accept", kind: Kind::Visits(time), contestants: SERVERS },
    ]
}

fn tasks() -> Vec<Workload> {
    vec![
        batch("W7 tasks", "tasks 500000", &["async", "tokio"]),
        batch("W7 wake", "xwake 20000", TASKS),
    ]
}
