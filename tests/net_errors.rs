//! Errors: which operation, on what, why; and as the standard library's.

mod sockets;

use std::error::Error;
use std::io::{self, ErrorKind};

use event::{Listen, ServerSocket, Socket, SocketAddress, SocketError};
use sockets::{ECONNREFUSED, closed_port, local, run};

fn refused() -> io::Error {
    io::Error::from_raw_os_error(ECONNREFUSED)
}

#[test]
fn each_operation_is_named_and_keeps_its_number() {
    let address = SocketAddress::ipv4("1.2.3.4", 80).unwrap();
    let bind = SocketError::BindFailed { address: address.clone(), error: refused() };
    let connect = SocketError::ConnectionFailed { address, error: refused() };
    let all = [
        (SocketError::CreationFailed(refused()), "cannot create a socket"),
        (bind, "cannot bind to 1.2.3.4:80"),
        (SocketError::ListenFailed(refused()), "cannot listen"),
        (SocketError::AcceptFailed(refused()), "cannot accept a connection"),
        (connect, "cannot connect to 1.2.3.4:80"),
        (SocketError::ReadFailed(refused()), "cannot read"),
        (SocketError::WriteFailed(refused()), "cannot write"),
        (SocketError::ShutdownFailed(refused()), "cannot shut down"),
        (SocketError::OptionFailed { option: "TCP_NODELAY", error: refused() }, "TCP_NODELAY"),
        (SocketError::AdoptionFailed(refused()), "cannot adopt the descriptor"),
    ];
    for (error, operation) in all {
        assert_eq!(error.to_string(), format!("{operation}: {}", refused()));
        assert_eq!(error.errno(), Some(ECONNREFUSED));
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        assert!(error.source().is_some());
    }
}

#[test]
fn it_becomes_an_io_error_of_the_right_kind_and_can_be_had_back() {
    let kinds = [
        (SocketError::InvalidAddress("x".to_owned()), ErrorKind::InvalidInput),
        (SocketError::ConnectionClosed, ErrorKind::UnexpectedEof),
        (SocketError::Timeout, ErrorKind::TimedOut),
        (SocketError::Closed, ErrorKind::NotConnected),
        (SocketError::LimitExceeded { limit: 7 }, ErrorKind::InvalidData),
        (SocketError::Unsupported("x"), ErrorKind::Unsupported),
        (SocketError::ReadFailed(refused()), ErrorKind::ConnectionRefused),
    ];
    for (error, kind) in kinds {
        let text = error.to_string();
        let io = io::Error::from(error);
        assert_eq!(io.kind(), kind);
        assert_eq!(io.to_string(), text);
        assert!(io.get_ref().unwrap().is::<SocketError>());
    }
}

#[test]
fn it_crosses_threads() {
    fn crosses<T: Send + Sync + 'static>() {}
    crosses::<SocketError>();
    crosses::<SocketAddress>();
}

#[test]
fn a_refused_connect_says_whom_and_why() {
    run(async |handle| {
        let address = closed_port(local());
        let error = Socket::connect(handle, &address).await.unwrap_err();
        assert_eq!(error.errno(), Some(ECONNREFUSED));
        let text = format!("cannot connect to {address}: Connection refused (os error 111)");
        assert_eq!(error.to_string(), text);
    });
}

#[test]
fn a_bind_to_an_address_in_use_says_which() {
    run(async |handle| {
        let first = ServerSocket::bind(handle, local()).unwrap();
        let address = first.local_addr().unwrap();
        let error = Listen::new().on(handle, &address).unwrap_err();
        assert!(
            matches!(&error, SocketError::BindFailed { address: told, .. } if *told == address)
        );
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
    });
}

#[test]
fn a_timed_out_future_is_a_timed_out_socket() {
    let convert = || -> Result<(), SocketError> { Err(event::Elapsed)? };
    assert!(matches!(convert(), Err(SocketError::Timeout)));
}
