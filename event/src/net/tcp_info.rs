//! How a TCP connection is doing.
#![forbid(unsafe_code)]

use std::time::Duration;

/// The states of TCP's automaton.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "their names are RFC 9293's")]
pub enum TcpState {
    Established,
    SynSent,
    SynReceived,
    FinWait1,
    FinWait2,
    TimeWait,
    Closed,
    CloseWait,
    LastAck,
    Listen,
    Closing,
    /// One that is unknown here.
    Other,
}

/// A snapshot of a connection, from
/// [`SocketOptions::tcp_info`](crate::SocketOptions::tcp_info).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcpInfo {
    /// Where it stands.
    pub state: TcpState,
    /// The round trip, smoothed.
    pub rtt: Duration,
    /// How much it varies.
    pub rtt_variance: Duration,
    /// When an unanswered segment is sent again.
    pub retransmission_timeout: Duration,
    /// Unanswered attempts of the segment that is being sent.
    pub retransmits: u32,
    /// Segments that were sent again, in all.
    pub total_retransmits: u32,
    /// Segments that were sent and not acknowledged yet.
    pub unacknowledged: u32,
    /// Segments that are taken to be lost.
    pub lost: u32,
    /// Segments that may be under way.
    pub congestion_window: u32,
    /// The largest segment that is sent, in bytes.
    pub send_mss: u32,
    /// The largest segment that is received, in bytes.
    pub receive_mss: u32,
    /// The largest packet of the path, in bytes.
    pub path_mtu: u32,
}

const STATES: [TcpState; 11] = [
    TcpState::Established,
    TcpState::SynSent,
    TcpState::SynReceived,
    TcpState::FinWait1,
    TcpState::FinWait2,
    TcpState::TimeWait,
    TcpState::Closed,
    TcpState::CloseWait,
    TcpState::LastAck,
    TcpState::Listen,
    TcpState::Closing,
];

impl TcpInfo {
    pub(super) fn new(system: &libc::tcp_info) -> Self {
        let micros = |count: u32| Duration::from_micros(count.into());
        // The kernel counts the states from one.
        let state = STATES.get(usize::from(system.tcpi_state).wrapping_sub(1));
        Self {
            state: state.copied().unwrap_or(TcpState::Other),
            rtt: micros(system.tcpi_rtt),
            rtt_variance: micros(system.tcpi_rttvar),
            retransmission_timeout: micros(system.tcpi_rto),
            retransmits: system.tcpi_retransmits.into(),
            total_retransmits: system.tcpi_total_retrans,
            unacknowledged: system.tcpi_unacked,
            lost: system.tcpi_lost,
            congestion_window: system.tcpi_snd_cwnd,
            send_mss: system.tcpi_snd_mss,
            receive_mss: system.tcpi_rcv_mss,
            path_mtu: system.tcpi_pmtu,
        }
    }
}
