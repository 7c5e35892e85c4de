//! Where a socket is, or goes to.
#![forbid(unsafe_code)]

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use rustix::net::SocketAddrAny;
use socket2::{Domain, SockAddr};

use super::error::SocketError;
use crate::sys::interface_index;

/// The address of a socket: IPv4, IPv6 or Unix.
///
/// ```
/// use event::SocketAddress;
///
/// let server = SocketAddress::ipv6("::1", 80)?;
/// assert_eq!(server.to_string(), "[::1]:80");
/// assert_eq!(server.port(), Some(80));
/// assert_eq!("[::1]:80".parse::<SocketAddress>()?, server);
/// assert!(SocketAddress::ipv4("1.2.3.400", 80).is_err());
/// # Ok::<(), event::SocketError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SocketAddress(Place);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Place {
    V4(SocketAddrV4),
    V6(SocketAddrV6),
    Unix(Name),
}

/// What a Unix socket is called.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Name {
    Unnamed,
    Path(PathBuf),
    Abstract(Box<[u8]>),
}

impl SocketAddress {
    /// An IPv4 address from its dotted text.
    ///
    /// # Errors
    ///
    /// [`SocketError::InvalidAddress`] with the text.
    pub fn ipv4(text: &str, port: u16) -> Result<Self, SocketError> {
        let ip: Ipv4Addr =
            text.parse().map_err(|_| SocketError::InvalidAddress(text.to_owned()))?;
        Ok(Self(Place::V4(SocketAddrV4::new(ip, port))))
    }

    /// An IPv6 address from its text, which may end in a scope: `fe80::1%2`,
    /// or by name `fe80::1%eth0`.
    ///
    /// # Errors
    ///
    /// [`SocketError::InvalidAddress`] with the text, also if there is no such
    /// interface.
    pub fn ipv6(text: &str, port: u16) -> Result<Self, SocketError> {
        parse_ipv6(text)
            .map(|(ip, scope)| Self(Place::V6(SocketAddrV6::new(ip, port, 0, scope))))
            .ok_or_else(|| SocketError::InvalidAddress(text.to_owned()))
    }

    /// All IPv4 addresses of this machine (`0.0.0.0`), to bind to.
    pub fn any_ipv4(port: u16) -> Self {
        Self(Place::V4(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port)))
    }

    /// All IPv6 addresses of this machine (`::`), to bind to. Unless
    /// [`v6_only`](crate::Listen::v6_only) is set that is IPv4 also.
    pub fn any_ipv6(port: u16) -> Self {
        Self(Place::V6(SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, port, 0, 0)))
    }

    /// A Unix socket in the file system.
    ///
    /// # Errors
    ///
    /// [`SocketError::InvalidAddress`] if the path is empty, has a zero byte,
    /// or is longer than the system takes (107 bytes on Linux).
    pub fn unix(path: impl AsRef<Path>) -> Result<Self, SocketError> {
        let path = path.as_ref();
        let bytes = path.as_os_str().as_bytes();
        if bytes.is_empty() || bytes.contains(&0) {
            return Err(SocketError::InvalidAddress(path.display().to_string()));
        }
        Self(Place::Unix(Name::Path(path.to_owned()))).checked()
    }

    /// A Unix socket in Linux's abstract namespace: no file, gone with its
    /// last descriptor. Any bytes will do.
    ///
    /// # Errors
    ///
    /// [`SocketError::InvalidAddress`] if the name is longer than the system
    /// takes (107 bytes); [`SocketError::Unsupported`] elsewhere than on Linux.
    pub fn unix_abstract(name: impl AsRef<[u8]>) -> Result<Self, SocketError> {
        if cfg!(not(any(target_os = "linux", target_os = "android"))) {
            return Err(SocketError::Unsupported("abstract Unix addresses"));
        }
        Self(Place::Unix(Name::Abstract(name.as_ref().into()))).checked()
    }

    fn checked(self) -> Result<Self, SocketError> {
        match self.to_system() {
            Ok(_) => Ok(self),
            Err(_) => Err(SocketError::InvalidAddress(self.to_string())),
        }
    }

    /// The port; `None` for a Unix address.
    pub fn port(&self) -> Option<u16> {
        self.as_socket().map(|address| address.port())
    }

    /// The IP address; `None` for a Unix address.
    pub fn ip(&self) -> Option<IpAddr> {
        self.as_socket().map(|address| address.ip())
    }

    /// The scope of an IPv6 address: the number of an interface, or 0.
    pub fn scope_id(&self) -> Option<u32> {
        if let Place::V6(address) = &self.0 { Some(address.scope_id()) } else { None }
    }

    /// The path of a Unix address that has one.
    pub fn path(&self) -> Option<&Path> {
        if let Place::Unix(Name::Path(path)) = &self.0 { Some(path) } else { None }
    }

    /// The name of an abstract Unix address.
    pub fn abstract_name(&self) -> Option<&[u8]> {
        if let Place::Unix(Name::Abstract(name)) = &self.0 { Some(name) } else { None }
    }

    /// Whether this is an IPv4 address.
    pub fn is_ipv4(&self) -> bool {
        matches!(self.0, Place::V4(_))
    }

    /// Whether this is an IPv6 address (an IPv4-mapped one is).
    pub fn is_ipv6(&self) -> bool {
        matches!(self.0, Place::V6(_))
    }

    /// Whether this is a Unix address; a client's has no name, as a rule.
    pub fn is_unix(&self) -> bool {
        matches!(self.0, Place::Unix(_))
    }

    /// As the standard library says it; `None` for a Unix address.
    pub fn as_socket(&self) -> Option<SocketAddr> {
        match self.0 {
            Place::V4(address) => Some(SocketAddr::V4(address)),
            Place::V6(address) => Some(SocketAddr::V6(address)),
            Place::Unix(_) => None,
        }
    }

    /// The same with another port; a Unix address as it is.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        match &mut self.0 {
            Place::V4(address) => address.set_port(port),
            Place::V6(address) => address.set_port(port),
            Place::Unix(_) => {}
        }
        self
    }

    /// An IPv4 address as IPv6 writes it (`::ffff:1.2.3.4`), for a socket of
    /// that family; any other as it is.
    #[must_use]
    pub fn to_mapped(&self) -> Self {
        match &self.0 {
            Place::V4(v4) => SocketAddrV6::new(v4.ip().to_ipv6_mapped(), v4.port(), 0, 0).into(),
            _ => self.clone(),
        }
    }

    /// An IPv4-mapped IPv6 address as IPv4; any other as it is. This is how
    /// the clients of a server on `::` are told apart.
    #[must_use]
    pub fn to_canonical(&self) -> Self {
        match &self.0 {
            Place::V6(v6) => match v6.ip().to_ipv4_mapped() {
                Some(ip) => SocketAddrV4::new(ip, v6.port()).into(),
                None => self.clone(),
            },
            _ => self.clone(),
        }
    }

    /// A Unix socket that was not bound.
    pub(crate) fn unnamed() -> Self {
        Self(Place::Unix(Name::Unnamed))
    }

    pub(crate) fn domain(&self) -> Domain {
        match self.0 {
            Place::V4(_) => Domain::IPV4,
            Place::V6(_) => Domain::IPV6,
            Place::Unix(_) => Domain::UNIX,
        }
    }

    /// As the system's calls take it.
    pub(crate) fn to_system(&self) -> io::Result<SockAddr> {
        match &self.0 {
            Place::V4(address) => Ok(SockAddr::from(*address)),
            Place::V6(address) => Ok(SockAddr::from(*address)),
            Place::Unix(Name::Unnamed) => SockAddr::unix(""),
            Place::Unix(Name::Path(path)) => SockAddr::unix(path),
            Place::Unix(Name::Abstract(name)) => {
                let name = [&[0], &**name].concat();
                SockAddr::unix(OsStr::from_bytes(&name))
            }
        }
    }

    /// As the system's calls give it.
    pub(crate) fn from_system(address: &SockAddr) -> Self {
        if let Some(address) = address.as_socket() {
            return address.into();
        }
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Some(name) = address.as_abstract_namespace() {
            return Self(Place::Unix(Name::Abstract(name.into())));
        }
        let path = address.as_pathname().map(Path::to_owned);
        Self(Place::Unix(path.map_or(Name::Unnamed, Name::Path)))
    }

    #[allow(dead_code, reason = "datagrams bring their addresses like this")]
    /// As `rustix` gives it; of other families nothing is known.
    pub(crate) fn from_any(address: SocketAddrAny) -> Self {
        if let Ok(address) = SocketAddr::try_from(address.clone()) {
            return address.into();
        }
        let Ok(unix) = rustix::net::SocketAddrUnix::try_from(address) else {
            return Self(Place::Unix(Name::Unnamed));
        };
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Some(name) = unix.abstract_name() {
            return Self(Place::Unix(Name::Abstract(name.into())));
        }
        let path = unix.path().map(|path| PathBuf::from(OsStr::from_bytes(path.to_bytes())));
        Self(Place::Unix(path.map_or(Name::Unnamed, Name::Path)))
    }
}

/// An IPv6 address and its scope.
fn parse_ipv6(text: &str) -> Option<(Ipv6Addr, u32)> {
    match text.split_once('%') {
        None => Some((text.parse().ok()?, 0)),
        Some((ip, scope)) => Some((ip.parse().ok()?, scope_number(scope)?)),
    }
}

/// A scope by number or by the name of its interface.
fn scope_number(scope: &str) -> Option<u32> {
    if scope.bytes().all(|byte| byte.is_ascii_digit()) {
        return scope.parse().ok();
    }
    interface_index(scope).ok()
}

/// `1.2.3.4:80`, `[::1]:80`, `[fe80::1%2]:80`, `unix:/run/a`, `unix:@abstract`.
impl FromStr for SocketAddress {
    type Err = SocketError;

    fn from_str(text: &str) -> Result<Self, SocketError> {
        let invalid = || SocketError::InvalidAddress(text.to_owned());
        if let Some(name) = text.strip_prefix("unix:") {
            return match name.strip_prefix('@') {
                Some(name) => Self::unix_abstract(name),
                None => Self::unix(name),
            };
        }
        let (ip, port) = text.rsplit_once(':').ok_or_else(invalid)?;
        let port = port.parse().map_err(|_| invalid())?;
        let bare = ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']'));
        let parsed = bare.map_or_else(|| Self::ipv4(ip, port), |ip| Self::ipv6(ip, port));
        parsed.map_err(|_| invalid())
    }
}

impl fmt::Display for SocketAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::V4(address) => address.fmt(f),
            Place::V6(address) => address.fmt(f),
            Place::Unix(Name::Unnamed) => f.write_str("unix:(unnamed)"),
            Place::Unix(Name::Path(path)) => write!(f, "unix:{}", path.display()),
            Place::Unix(Name::Abstract(name)) => write!(f, "unix:@{}", name.escape_ascii()),
        }
    }
}

impl fmt::Debug for SocketAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SocketAddress({self})")
    }
}

impl From<SocketAddrV4> for SocketAddress {
    fn from(address: SocketAddrV4) -> Self {
        Self(Place::V4(address))
    }
}

impl From<SocketAddrV6> for SocketAddress {
    fn from(address: SocketAddrV6) -> Self {
        Self(Place::V6(address))
    }
}

impl From<SocketAddr> for SocketAddress {
    fn from(address: SocketAddr) -> Self {
        match address {
            SocketAddr::V4(address) => address.into(),
            SocketAddr::V6(address) => address.into(),
        }
    }
}

impl<I: Into<IpAddr>> From<(I, u16)> for SocketAddress {
    fn from((ip, port): (I, u16)) -> Self {
        SocketAddr::new(ip.into(), port).into()
    }
}

impl From<&SocketAddress> for SocketAddress {
    fn from(address: &SocketAddress) -> Self {
        address.clone()
    }
}

impl From<&std::os::unix::net::SocketAddr> for SocketAddress {
    fn from(address: &std::os::unix::net::SocketAddr) -> Self {
        #[cfg(target_os = "linux")]
        if let Some(name) = std::os::linux::net::SocketAddrExt::as_abstract_name(address) {
            return Self(Place::Unix(Name::Abstract(name.into())));
        }
        let path = address.as_pathname().map(Path::to_owned);
        Self(Place::Unix(path.map_or(Name::Unnamed, Name::Path)))
    }
}

impl TryFrom<&SocketAddress> for SocketAddr {
    type Error = SocketError;

    fn try_from(address: &SocketAddress) -> Result<Self, SocketError> {
        address.as_socket().ok_or_else(|| SocketError::InvalidAddress(address.to_string()))
    }
}

impl TryFrom<SocketAddress> for SocketAddr {
    type Error = SocketError;

    fn try_from(address: SocketAddress) -> Result<Self, SocketError> {
        Self::try_from(&address)
    }
}
