//! The public structures, read through their Rust fields, hold what the library
//! says of them. Offsets one by one are systest's.

use libevent_sys::*;
use std::collections::BTreeMap;
use std::ffi::{CStr, c_short, c_void};
use std::ptr::{null, null_mut};

unsafe extern "C" fn nothing(_: evutil_socket_t, _: c_short, _: *mut c_void) {}

#[test]
fn an_event_has_the_librarys_size_and_fields() {
    assert_eq!(unsafe { event_get_struct_event_size() }, size_of::<event>());
    unsafe {
        let base = event_base_new();
        let what = EV_READ | EV_PERSIST;
        let event = event_new(base, 5, what, Some(nothing), base.cast());
        assert_eq!((*event).ev_base, base);
        assert_eq!((*event).ev_fd, 5);
        assert_eq!((*event).ev_events, what);
        assert_eq!((*event).ev_evcallback.evcb_arg, base.cast());
        let callback = (*event).ev_evcallback.evcb_cb_union.evcb_callback;
        assert_eq!(callback.map(|f| f as usize), event_get_callback(event).map(|f| f as usize));
        assert_eq!((*event).ev_evcallback.evcb_flags, EVLIST_INIT);
        event_free(event);
        event_base_free(base);
    }
}

#[test]
fn a_bufferevent_has_the_librarys_fields() {
    unsafe {
        let base = event_base_new();
        let bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
        bufferevent_setwatermark(bev, EV_WRITE, 3, 4);
        assert_eq!((*bev).ev_base, base);
        assert_eq!((*bev).input, bufferevent_get_input(bev));
        assert_eq!((*bev).output, bufferevent_get_output(bev));
        assert_eq!((*bev).enabled, bufferevent_get_enabled(bev));
        assert_eq!(((*bev).wm_write.low, (*bev).wm_write.high), (3, 4));
        bufferevent_free(bev);
        event_base_free(base);
    }
}

#[test]
fn a_list_of_headers_can_be_walked() {
    let mut headers: evkeyvalq = unsafe { std::mem::zeroed() };
    headers.tqh_last = &raw mut headers.tqh_first;
    unsafe {
        assert_eq!(evhttp_add_header(&mut headers, c"Host".as_ptr(), c"a".as_ptr()), 0);
        assert_eq!(evhttp_add_header(&mut headers, c"Age".as_ptr(), c"0".as_ptr()), 0);
    }
    let mut walked = BTreeMap::new();
    let mut entry = headers.tqh_first;
    while let Some(pair) = unsafe { entry.as_ref() } {
        let text = |pointer| unsafe { CStr::from_ptr(pointer) };
        walked.insert(text(pair.key).to_owned(), text(pair.value).to_owned());
        entry = pair.next.tqe_next;
    }
    assert_eq!(
        walked,
        BTreeMap::from([(c"Host".into(), c"a".into()), (c"Age".into(), c"0".into())])
    );
    unsafe { evhttp_clear_headers(&mut headers) };
}

#[test]
fn an_extent_is_the_systems_iovec() {
    unsafe {
        let buffer = evbuffer_new();
        assert_eq!(evbuffer_add(buffer, c"hello".as_ptr().cast(), 5), 0);
        let mut extent = libc::iovec { iov_base: null_mut(), iov_len: 0 };
        assert_eq!(evbuffer_peek(buffer, -1, null_mut(), &mut extent, 1), 1);
        assert_eq!(
            std::slice::from_raw_parts(extent.iov_base.cast::<u8>(), extent.iov_len),
            b"hello"
        );
        let mut middle: evbuffer_ptr = std::mem::zeroed();
        assert_eq!(evbuffer_ptr_set(buffer, &mut middle, 2, EVBUFFER_PTR_SET), 0);
        assert_eq!(middle.pos, 2);
        evbuffer_free(buffer);
    }
}

/// A reply in chunks: its end clears the first field and sets the second.
unsafe extern "C" fn reply(request: *mut evhttp_request, bits: *mut c_void) {
    let bits = unsafe { &mut *bits.cast::<Vec<(bool, bool)>>() };
    let mut note = || bits.push(unsafe { ((*request).chunked(), (*request).userdone()) });
    note();
    unsafe { evhttp_send_reply_start(request, HTTP_OK, null()) };
    note();
    unsafe { evhttp_send_reply_end(request) };
    note();
}

unsafe extern "C" fn stop(request: *mut evhttp_request, base: *mut c_void) {
    assert!(!request.is_null(), "the reply has come");
    unsafe { event_base_loopbreak(base.cast()) };
}

#[test]
fn the_two_bit_fields_of_a_request_are_read() {
    let mut bits: Vec<(bool, bool)> = Vec::new();
    unsafe {
        let base = event_base_new();
        let server = evhttp_new(base);
        let host = c"127.0.0.1".as_ptr();
        let socket = evhttp_bind_socket_with_handle(server, host, 0);
        evhttp_set_gencb(server, Some(reply), (&raw mut bits).cast());
        let port = bound_port(evhttp_bound_socket_get_fd(socket));
        let client = evhttp_connection_base_new(base, null_mut(), host, port);
        let request = evhttp_request_new(Some(stop), base.cast());
        assert_eq!(evhttp_make_request(client, request, EVHTTP_REQ_GET, c"/".as_ptr()), 0);
        assert_eq!(event_base_dispatch(base), 0);
        evhttp_connection_free(client);
        evhttp_free(server);
        event_base_free(base);
    }
    assert_eq!(bits, [(false, false), (true, false), (false, true)]);
}

fn bound_port(fd: evutil_socket_t) -> u16 {
    let mut address: libc::sockaddr_in = unsafe { std::mem::zeroed() };
    let mut length = size_of_val(&address) as ev_socklen_t;
    assert_eq!(unsafe { libc::getsockname(fd, (&raw mut address).cast(), &mut length) }, 0);
    u16::from_be(address.sin_port)
}

/// A system's library is of another release than the bindings.
#[cfg(libevent_vendored)]
#[test]
fn the_bindings_name_the_release_that_they_are_linked_with() {
    let version = unsafe { CStr::from_ptr(event_get_version()) };
    assert_eq!(version, LIBEVENT_VERSION);
    assert_eq!(unsafe { event_get_version_number() }, LIBEVENT_VERSION_NUMBER);
}
