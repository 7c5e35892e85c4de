//! Addresses: from text and back, and through the system and back.

mod sockets;

use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
use std::str::FromStr;

use event::{ServerSocket, SocketAddress, SocketError};
use proptest::prelude::*;
use sockets::{Place, run};

#[track_caller]
fn assert_invalid(result: Result<SocketAddress, SocketError>, text: &str) {
    match result {
        Err(SocketError::InvalidAddress(told)) => assert_eq!(told, text),
        other => panic!("{text:?} was taken: {other:?}"),
    }
}

#[test]
fn text_that_is_no_address_is_told() {
    for text in ["", "localhost", "1.2.3", "1.2.3.256", "::1", " 1.2.3.4"] {
        assert_invalid(SocketAddress::ipv4(text, 80), text);
    }
    for text in ["", "1.2.3.4", ":::1", "[::1]", "::1%", "fe80::1%no-such-interface"] {
        assert_invalid(SocketAddress::ipv6(text, 80), text);
    }
    for text in ["", "1.2.3.4", "1.2.3.4:99999", "::1:80", "host:80", "[::1]", "[1.2.3.4]:80"] {
        assert_invalid(SocketAddress::from_str(text), text);
    }
}

#[test]
fn an_ipv4_address_says_what_it_is() {
    let address = SocketAddress::ipv4("1.2.3.4", 80).unwrap();
    assert_eq!(address.to_string(), "1.2.3.4:80");
    assert_eq!(address.port(), Some(80));
    assert_eq!(address.ip(), Some([1, 2, 3, 4].into()));
    assert!(address.is_ipv4() && !address.is_ipv6() && !address.is_unix());
    assert_eq!(address.with_port(81).port(), Some(81));
    assert_eq!(SocketAddress::any_ipv4(7).to_string(), "0.0.0.0:7");
}

#[test]
fn an_ipv6_address_keeps_its_scope() {
    let numbered = SocketAddress::ipv6("fe80::1%7", 80).unwrap();
    assert_eq!(numbered.scope_id(), Some(7));
    assert_eq!(numbered.to_string(), "[fe80::1%7]:80");
    let named = SocketAddress::ipv6("fe80::1%lo", 80).unwrap();
    assert_eq!(named.scope_id(), Some(1), "the loopback interface is the first");
    assert_eq!(SocketAddress::any_ipv6(7).to_string(), "[::]:7");
}

#[test]
fn a_mapped_address_is_ipv6_and_can_be_told_as_ipv4() {
    let mapped = SocketAddress::ipv6("::ffff:1.2.3.4", 80).unwrap();
    let plain = SocketAddress::ipv4("1.2.3.4", 80).unwrap();
    assert!(mapped.is_ipv6());
    assert_ne!(mapped, plain);
    assert_eq!(mapped.to_canonical(), plain);
    assert_eq!(plain.to_mapped(), mapped);
    let other = SocketAddress::ipv6("::1", 80).unwrap();
    assert_eq!(other.to_canonical(), other);
}

#[test]
fn a_unix_address_has_a_path_or_a_name_and_no_port() {
    let path = SocketAddress::unix("/run/a.socket").unwrap();
    assert_eq!(path.path().unwrap().to_str(), Some("/run/a.socket"));
    assert_eq!((path.port(), path.ip(), path.abstract_name()), (None, None, None));
    assert_eq!(path.to_string(), "unix:/run/a.socket");
    let name = SocketAddress::unix_abstract("a\0b").unwrap();
    assert_eq!(name.abstract_name(), Some(&b"a\0b"[..]));
    assert_eq!(name.to_string(), "unix:@a\\x00b");
    assert!(SocketAddr::try_from(&path).is_err());
}

#[test]
fn a_unix_address_that_the_system_cannot_take_is_refused() {
    assert_invalid(SocketAddress::unix(""), "");
    assert_invalid(SocketAddress::unix("a\0b"), "a\0b");
    let long = "x".repeat(108);
    assert_invalid(SocketAddress::unix(&long), &format!("unix:{long}"));
    assert!(SocketAddress::unix(&long[1..]).is_ok());
    assert_invalid(SocketAddress::unix_abstract(&long), &format!("unix:@{long}"));
    assert!(SocketAddress::unix_abstract(&long[1..]).is_ok());
}

#[test]
fn the_system_gives_back_what_it_was_given() {
    let place = Place::new("address");
    let name = format!("event-test-{}\0\u{1}", std::process::id());
    run(async |handle| {
        for address in [place.address(), SocketAddress::unix_abstract(name).unwrap()] {
            let server = ServerSocket::bind(handle, &address).unwrap();
            assert_eq!(server.local_addr().unwrap(), address);
        }
    });
}

#[test]
fn the_standard_library_s_unix_addresses_are_taken() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::SocketAddr;
    let path = SocketAddress::from(&SocketAddr::from_pathname("/run/a").unwrap());
    assert_eq!(path, SocketAddress::unix("/run/a").unwrap());
    let name = SocketAddress::from(&SocketAddr::from_abstract_name(b"a\0").unwrap());
    assert_eq!(name, SocketAddress::unix_abstract(b"a\0").unwrap());
}

proptest! {
    #[test]
    fn every_ip_address_survives_text_and_the_standard_library(
        ip: std::net::IpAddr, port: u16, scope: u32,
    ) {
        let std = match ip {
            std::net::IpAddr::V4(ip) => SocketAddr::V4(SocketAddrV4::new(ip, port)),
            std::net::IpAddr::V6(ip) => SocketAddr::V6(SocketAddrV6::new(ip, port, 0, scope)),
        };
        let address = SocketAddress::from(std);
        prop_assert_eq!(SocketAddr::try_from(&address).unwrap(), std);
        prop_assert_eq!(address.to_string().parse::<SocketAddress>().unwrap(), address);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text: String) {
        let _ = SocketAddress::from_str(&text);
        let _ = SocketAddress::ipv6(&text, 1);
        let _ = SocketAddress::unix(&text);
    }
}
