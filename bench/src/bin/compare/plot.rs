//! The plot: a row for each workload, a dot for each contestant.

use std::fmt::Write;

use crate::report::{COSTS, base, contestants};
use crate::samples::Samples;

const WIDTH: f64 = 900.0;
const LEFT: f64 = 220.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 70.0;
const ROW: f64 = 26.0;

/// The ends of the axis, which is logarithmic.
const LEAST: f64 = 0.02;
const MOST: f64 = 6.0;
const MARKS: [f64; 8] = [0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];

/// Colours that can be told apart by everybody; ours are the strong ones.
const COLOURS: [(&str, &str); 13] = [
    ("bare", "#0072b2"),
    ("async", "#d55e00"),
    ("shared", "#cc79a7"),
    ("busy", "#009e73"),
    ("hyper", "#882255"),
    ("buffered", "#332288"),
    ("raw", "#000000"),
    ("libevent", "#56b4e9"),
    ("bufferevent", "#88ccee"),
    ("mio", "#e69f00"),
    ("tokio", "#888888"),
    ("tokio shared", "#bbbbbb"),
    ("tokio hyper", "#a89a7a"),
];

pub(crate) fn svg(samples: &Samples) -> String {
    let rows: Vec<_> = COSTS.iter().filter(|(workload, _)| ran(samples, workload)).collect();
    let height = TOP + ROW * (rows.len() as f64 + 1.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"10\" y=\"20\">cost in multiples of tokio's (median of rounds, bars from least \
         to most; left is better)</text>\n",
    );
    legend(&mut svg, samples);
    axis(&mut svg, height);
    for (index, (workload, figure)) in rows.into_iter().enumerate() {
        let y = TOP + ROW * (index as f64 + 0.7);
        row(&mut svg, samples, workload, figure, y);
    }
    svg.push_str("</svg>\n");
    svg
}

fn ran(samples: &Samples, workload: &str) -> bool {
    samples.keys().any(|(name, _)| *name == workload)
}

fn colour(contestant: &str) -> &'static str {
    let found = COLOURS.iter().find(|(name, _)| *name == contestant);
    found.map_or("#000000", |(_, colour)| colour)
}

fn legend(svg: &mut String, samples: &Samples) {
    for (index, name) in contestants(samples).into_iter().enumerate() {
        let x = 15.0 + 80.0 * index as f64;
        let fill = colour(name);
        let _ = writeln!(
            svg,
            "<circle cx=\"{x}\" cy=\"38\" r=\"5\" fill=\"{fill}\"/>\
             <text x=\"{}\" y=\"42\">{name}</text>",
            x + 9.0
        );
    }
}

fn axis(svg: &mut String, height: f64) {
    for mark in MARKS {
        let x = place(mark);
        let colour = if mark == 1.0 { "#888888" } else { "#dddddd" };
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{:.1}\" stroke=\"{colour}\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{mark}</text>",
            height - 10.0,
            TOP - 6.0,
        );
    }
}

/// Where a ratio is on the axis.
fn place(ratio: f64) -> f64 {
    let share = (ratio.clamp(LEAST, MOST) / LEAST).ln() / (MOST / LEAST).ln();
    LEFT + share * (WIDTH - LEFT - RIGHT)
}

fn row(svg: &mut String, samples: &Samples, workload: &'static str, figure: &str, y: f64) {
    let _ = writeln!(svg, "<text x=\"10\" y=\"{:.1}\">{workload}: {figure}</text>", y + 4.0);
    for name in contestants(samples) {
        let Some(ratio) = samples.ratio(workload, (name, base(workload)), figure) else {
            continue;
        };
        let (x, from, to) = (place(ratio.median), place(ratio.min), place(ratio.max));
        let fill = colour(name);
        let _ = writeln!(
            svg,
            "<line x1=\"{from:.1}\" y1=\"{y:.1}\" x2=\"{to:.1}\" y2=\"{y:.1}\" stroke=\"{fill}\"/>\
             <circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\" fill=\"{fill}\" fill-opacity=\"0.8\">\
             <title>{name}: {ratio}</title></circle>",
        );
    }
}
