//! The tables.

use std::fmt::Write;

use crate::ratio::short;
use crate::samples::Samples;
use crate::targets::{ALL, Target};

/// All of it, for a terminal.
pub(crate) fn print(samples: &Samples) {
    println!("{}", medians(samples));
    println!("{}", targets(samples));
}

/// Each figure of each contestant: the median of the rounds.
fn medians(samples: &Samples) -> String {
    let mut text = String::from("medians (absolute: of this machine, at this hour)\n");
    for (workload, contestant) in samples.keys() {
        let _ = write!(text, "{workload:20} {contestant:14}");
        for figure in samples.figures(workload, contestant) {
            if let Some(spread) = samples.spread(workload, contestant, &figure) {
                let _ = write!(text, " {figure}={}", short(spread.median));
            }
        }
        text.push('\n');
    }
    text
}

/// The targets, as a table in Markdown.
pub(crate) fn targets(samples: &Samples) -> String {
    let mut text = String::from(
        "| workload | figure | of | measured: median (min–max) | must | stretch | |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for target in ALL {
        if let Some(line) = line(target, samples) {
            text.push_str(&line);
        }
    }
    text
}

fn line(target: &Target, samples: &Samples) -> Option<String> {
    let measured = target.measured(samples)?;
    let sign = if target.more_is_better { '≥' } else { '≤' };
    let bound =
        |bound: f64| format!("{sign} {}", if bound == 0.0 { "0".into() } else { short(bound) });
    let of = match target.peer {
        Some(peer) => format!("{} ÷ {peer}", target.ours),
        None => target.ours.to_owned(),
    };
    Some(format!(
        "| {} | {} | {of} | {measured} | {} | {} | {} |\n",
        target.workload,
        target.figure,
        bound(target.must),
        target.stretch.map(bound).unwrap_or_default(),
        target.verdict(measured).text(),
    ))
}

/// What each workload's cost is called.
pub(crate) const COSTS: &[(&str, &str)] = &[
    ("W1 n=100 a=1", "loop_us"),
    ("W1 n=1000 a=10", "loop_us"),
    ("W1 n=5000 a=100", "loop_us"),
    ("W2 C=1", "p50_us"),
    ("W2 C=50", "cpu_ns"),
    ("W2 C=1000", "cpu_ns"),
    ("W2 C=50 P=4", "cpu_ns"),
    ("W2 C=50 P=16", "cpu_ns"),
    ("W2 64 KiB", "cpu_ns"),
    ("W2 C=50 one core", "cpu_ns"),
    ("W2 C=1000 one core", "cpu_ns"),
    ("W3 million", "sum_ns"),
    ("W3 reset", "rearm_ns"),
    ("W3 lateness", "late_p50_us"),
    ("W4 idle", "bytes"),
    ("W5 by hand C=50", "cpu_ns"),
    ("W5 hyper C=1", "cpu_ns"),
    ("W5 hyper C=50", "cpu_ns"),
    ("W5 hyper C=500", "cpu_ns"),
    ("W6 accept", "cpu_ns"),
    ("W7 tasks", "spawn_ns"),
    ("W7 tasks", "yield100_ns"),
    ("W7 wake", "wake_us"),
];

/// Everybody, in multiples of tokio.
pub(crate) fn everybody(samples: &Samples) -> String {
    let names = contestants(samples);
    let mut text = format!("| workload | figure | {} |\n", names.join(" | "));
    let _ = writeln!(text, "|{}", " --- |".repeat(names.len() + 2));
    for (workload, figure) in COSTS {
        let cells: Vec<_> =
            names.iter().map(|name| cell(samples, workload, name, figure)).collect();
        if cells.iter().any(|cell| !cell.is_empty()) {
            let _ = writeln!(text, "| {workload} | {figure} | {} |", cells.join(" | "));
        }
    }
    text
}

fn cell(
    samples: &Samples,
    workload: &'static str,
    contestant: &'static str,
    figure: &str,
) -> String {
    let ratio = samples.ratio(workload, (contestant, base(workload)), figure);
    ratio.map(|ratio| short(ratio.median)).unwrap_or_default()
}

/// Whom the others are measured by.
pub(crate) fn base(workload: &str) -> &'static str {
    match workload {
        "W4 idle" => "tokio shared",
        _ if workload.starts_with("W5 hyper") => "tokio hyper",
        _ => "tokio",
    }
}

pub(crate) fn contestants(samples: &Samples) -> Vec<&'static str> {
    let order = [
        "bare",
        "async",
        "shared",
        "busy",
        "hyper",
        "raw",
        "libevent",
        "mio",
        "tokio",
        "tokio shared",
        "tokio hyper",
    ];
    let ran = |name: &&str| samples.keys().any(|(_, contestant)| contestant == name);
    order.into_iter().filter(ran).collect()
}
