//! The programs that are compared.

use crate::options::Options;

/// One program, with the words that come before those of the contract.
#[derive(Debug)]
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    pub(crate) command: Vec<String>,
}

/// Our layers.
const OURS: [&str; 6] = ["bare", "async", "shared", "busy", "buffered", "hyper"];

const PEERS: [(&str, &[&str]); 7] = [
    ("raw", &["raw"]),
    ("libevent", &["libevent"]),
    ("bufferevent", &["libevent", "bufferevent"]),
    ("mio", &["mio"]),
    ("tokio", &["tokio"]),
    ("tokio shared", &["tokio", "shared"]),
    ("tokio hyper", &["tokio", "hyper"]),
];

pub(crate) fn all(options: &Options) -> Vec<Contestant> {
    let bench = options.ours.join("bench").display().to_string();
    let ours = OURS
        .iter()
        .map(|layer| Contestant { name: layer, command: vec![bench.clone(), (*layer).to_owned()] });
    let peers = PEERS.iter().map(|(name, words)| {
        let mut command: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        command[0] = options.peers.join(words[0]).display().to_string();
        Contestant { name, command }
    });
    ours.chain(peers).filter(|one| options.admits(one.name)).collect()
}
