//! What tasks cost.

use std::io;

use contest::Outcome;
use contest::clock::Phase;
use tokio::spawn;
use tokio::task::{JoinHandle, yield_now};

const CROWD: u32 = 100;

pub async fn measure(count: u32) -> Outcome {
    let mut phase = Phase::begin();
    join((0..count).map(|_| spawn(async {}))).await?;
    let spawned = phase.end(count);
    spawn(yields(count)).await.map_err(io::Error::from)?;
    let alone = phase.end(count);
    join((0..CROWD).map(|_| spawn(yields(count / CROWD)))).await?;
    let crowded = phase.end(count / CROWD * CROWD);
    println!("spawn_ns={spawned:.1} yield_ns={alone:.1} yield100_ns={crowded:.1}");
    Ok(())
}

async fn yields(count: u32) {
    for _ in 0..count {
        yield_now().await;
    }
}

/// All are spawned before the first is awaited.
async fn join(tasks: impl Iterator<Item = JoinHandle<()>>) -> Outcome {
    for task in tasks.collect::<Vec<_>>() {
        task.await.map_err(io::Error::from)?;
    }
    Ok(())
}
