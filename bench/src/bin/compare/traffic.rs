//! Servers under load.

use std::io;
use std::time::Duration;

use bench::server::Server;

use crate::contestant::Contestant;
use crate::cpus::Place;
use crate::load::{self, Exchanged, Load, Shape, Until};
use crate::ratio::Spread;
use crate::samples::Figures;

const WARM_UP: Duration = Duration::from_millis(100);
const VISITS_WARM_UP: Duration = Duration::from_millis(50);

pub(crate) fn run(contestant: &Contestant, shape: &Shape) -> io::Result<Option<Figures>> {
    let Some(server) = Server::start(&contestant.command, shape.word)? else {
        return Ok(None);
    };
    let _place = Place::take(shape.beside)?;
    let mut load = Load::connect(server.address(), shape)?;
    load.begin(shape.depth)?;
    load.run(&Until::Time(WARM_UP))?;
    measure(&server, || load.run(&Until::Time(shape.time))).map(Some)
}

/// Server CPU time and rate of what `exchange` does.
fn measure(
    server: &Server,
    exchange: impl FnOnce() -> io::Result<Exchanged>,
) -> io::Result<Figures> {
    let before = server.cpu()?;
    let done = exchange()?;
    let cpu = server.cpu()? - before;
    let messages = done.messages.max(1) as f64;
    let mut figures = Figures::new();
    figures.insert("cpu_ns".into(), cpu as f64 / messages);
    figures.insert("rate".into(), messages / (done.nanos as f64 / 1e9));
    if let Some(delay) = Spread::of(done.delays.into_iter()) {
        figures.insert("p50_us".into(), delay.median / 1e3);
    }
    Ok(figures)
}

pub(crate) fn visits(contestant: &Contestant, time: Duration) -> io::Result<Option<Figures>> {
    let Some(server) = Server::start(&contestant.command, "accept")? else {
        return Ok(None);
    };
    let _place = Place::take(false)?;
    load::visit(server.address(), VISITS_WARM_UP)?;
    measure(&server, || load::visit(server.address(), time)).map(Some)
}

/// Memory of connections that have exchanged one message each.
pub(crate) fn idle(contestant: &Contestant, connections: usize) -> io::Result<Option<Figures>> {
    let Some(server) = Server::start(&contestant.command, "echo")? else {
        return Ok(None);
    };
    let _place = Place::take(false)?;
    // What the first connections cause to be made is not theirs.
    drop(Load::connect(server.address(), &Shape::echo(10, 1, 64))?);
    let before = server.memory_kb()?;
    let _load = Load::connect(server.address(), &Shape::echo(connections, 1, 64))?;
    let grown = server.memory_kb()?.saturating_sub(before);
    Ok(Some(Figures::from([("bytes".into(), grown as f64 * 1024.0 / connections as f64)])))
}
