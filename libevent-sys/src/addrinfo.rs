//! `EVUTIL_AI_*` and `EVUTIL_EAI_*`: the system's own `AI_*` and `EAI_*`, or
//! libevent's number where the system has no such name.

use libc::c_int;

macro_rules! constants {
    ($($(#[$meta:meta])* $name:ident = $value:expr;)*) => {
        $($(#[$meta])* #[allow(missing_docs)] pub const $name: c_int = $value;)*
    };
}

/// libevent's own failure: the request was cancelled.
pub const EVUTIL_EAI_CANCEL: c_int = -90001;

#[cfg(unix)]
constants! {
    EVUTIL_AI_PASSIVE = libc::AI_PASSIVE;
    EVUTIL_AI_CANONNAME = libc::AI_CANONNAME;
    EVUTIL_AI_NUMERICHOST = libc::AI_NUMERICHOST;
    EVUTIL_AI_NUMERICSERV = libc::AI_NUMERICSERV;
    EVUTIL_AI_ADDRCONFIG = libc::AI_ADDRCONFIG;
    #[cfg(not(any(target_os = "netbsd", target_os = "openbsd")))]
    EVUTIL_AI_V4MAPPED = libc::AI_V4MAPPED;
    #[cfg(not(any(target_os = "netbsd", target_os = "openbsd")))]
    EVUTIL_AI_ALL = libc::AI_ALL;
    #[cfg(any(target_os = "netbsd", target_os = "openbsd"))]
    EVUTIL_AI_V4MAPPED = 0x10000;
    #[cfg(any(target_os = "netbsd", target_os = "openbsd"))]
    EVUTIL_AI_ALL = 0x20000;

    EVUTIL_EAI_AGAIN = libc::EAI_AGAIN;
    EVUTIL_EAI_BADFLAGS = libc::EAI_BADFLAGS;
    EVUTIL_EAI_FAIL = libc::EAI_FAIL;
    EVUTIL_EAI_FAMILY = libc::EAI_FAMILY;
    EVUTIL_EAI_MEMORY = libc::EAI_MEMORY;
    EVUTIL_EAI_NONAME = libc::EAI_NONAME;
    EVUTIL_EAI_SERVICE = libc::EAI_SERVICE;
    EVUTIL_EAI_SOCKTYPE = libc::EAI_SOCKTYPE;
    EVUTIL_EAI_SYSTEM = libc::EAI_SYSTEM;
}

// Two that the standard dropped: FreeBSD's headers took them away and brought
// them back, so that there only the C compiler knows the value.
#[cfg(any(target_os = "linux", target_os = "openbsd"))]
constants! {
    EVUTIL_EAI_NODATA = -5;
    EVUTIL_EAI_ADDRFAMILY = -9;
}
#[cfg(any(target_os = "android", target_vendor = "apple", target_os = "netbsd"))]
constants! {
    EVUTIL_EAI_NODATA = 7;
    EVUTIL_EAI_ADDRFAMILY = 1;
}

// Winsock's error numbers, of which the EAI names are aliases there.
#[cfg(windows)]
constants! {
    EVUTIL_AI_PASSIVE = 0x1;
    EVUTIL_AI_CANONNAME = 0x2;
    EVUTIL_AI_NUMERICHOST = 0x4;
    EVUTIL_AI_NUMERICSERV = 0x8;
    EVUTIL_AI_ALL = 0x100;
    EVUTIL_AI_ADDRCONFIG = 0x400;
    EVUTIL_AI_V4MAPPED = 0x800;

    EVUTIL_EAI_MEMORY = 8;
    EVUTIL_EAI_BADFLAGS = 10022;
    EVUTIL_EAI_SOCKTYPE = 10044;
    EVUTIL_EAI_FAMILY = 10047;
    EVUTIL_EAI_SERVICE = 10109;
    EVUTIL_EAI_NONAME = 11001;
    EVUTIL_EAI_AGAIN = 11002;
    EVUTIL_EAI_FAIL = 11003;
    EVUTIL_EAI_ADDRFAMILY = -901;
    EVUTIL_EAI_SYSTEM = -911;
}
