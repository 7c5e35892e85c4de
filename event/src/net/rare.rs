//! Options that not every system has a name for: there they are as unknown as
//! to a kernel that is too old.
#![forbid(unsafe_code)]

use std::io;
use std::time::Duration;

#[cfg(not(target_os = "openbsd"))]
use rustix::net::sockopt;
use socket2::Socket;

/// The calls of `socket2`, on the systems where it has them.
macro_rules! rare {
    ($(($has:meta) fn $name:ident($socket:ident $(, $value:ident: $type:ty)?) -> $result:ty { $call:expr })*) => { $(
        #[cfg($has)]
        pub(super) fn $name($socket: &Socket $(, $value: $type)?) -> io::Result<$result> {
            $call
        }

        #[cfg(not($has))]
        pub(super) fn $name(_: &Socket $(, _: $type)?) -> io::Result<$result> {
            Err(io::ErrorKind::Unsupported.into())
        }
    )* };
}

rare! {
    (any(target_os = "linux", target_os = "android"))
    fn user_timeout(socket) -> Option<Duration> { socket.tcp_user_timeout() }

    (any(target_os = "linux", target_os = "android"))
    fn set_user_timeout(socket, time: Option<Duration>) -> () { socket.set_tcp_user_timeout(time) }

    (any(target_os = "linux", target_os = "android"))
    fn device(socket) -> Option<Vec<u8>> { socket.device() }

    (any(target_os = "linux", target_os = "android"))
    fn set_device(socket, name: Option<&[u8]>) -> () { socket.bind_device(name) }

    (not(target_os = "openbsd"))
    fn keepalive_idle(socket) -> Duration { socket.tcp_keepalive_time() }

    (not(target_os = "openbsd"))
    fn keepalive_interval(socket) -> Duration { socket.tcp_keepalive_interval() }

    (not(target_os = "openbsd"))
    fn keepalive_count(socket) -> u32 { socket.tcp_keepalive_retries() }

    (not(target_os = "openbsd"))
    fn set_keepalive_idle(socket, time: Duration) -> () { Ok(sockopt::set_tcp_keepidle(socket, time)?) }

    (not(target_os = "openbsd"))
    fn set_keepalive_interval(socket, time: Duration) -> () { Ok(sockopt::set_tcp_keepintvl(socket, time)?) }

    (not(target_os = "openbsd"))
    fn set_keepalive_count(socket, count: u32) -> () { Ok(sockopt::set_tcp_keepcnt(socket, count)?) }
}
