//! Each function that stands for one of libevent's macros does what the macro
//! does, seen through the library.

use libevent_sys::*;
use std::cmp::Ordering;
use std::ffi::{CStr, c_int, c_short, c_void};
use std::mem::zeroed;
use std::ptr::{null, null_mut};

/// What a callback was told, and how often.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    calls: u32,
    fd: evutil_socket_t,
    what: c_short,
}

impl Seen {
    fn arg(&mut self) -> *mut c_void {
        (&raw mut *self).cast()
    }
}

unsafe extern "C" fn note(fd: evutil_socket_t, what: c_short, seen: *mut c_void) {
    let seen = unsafe { &mut *seen.cast::<Seen>() };
    *seen = Seen { calls: seen.calls + 1, fd, what };
}

fn with_base(test: impl FnOnce(*mut event_base)) {
    let base = unsafe { event_base_new() };
    assert!(!base.is_null());
    test(base);
    unsafe { event_base_free(base) };
}

fn turn(base: *mut event_base) {
    assert_ne!(unsafe { event_base_loop(base, EVLOOP_ONCE) }, -1);
}

const SOON: timeval = timeval { tv_sec: 0, tv_usec: 1_000 };
const LATER: timeval = timeval { tv_sec: 3_600, tv_usec: 0 };

#[test]
fn a_timer_fires_once_after_its_time() {
    with_base(|base| unsafe {
        let mut seen = Seen::default();
        let timer = evtimer_new(base, Some(note), seen.arg());
        assert_ne!(evtimer_initialized(timer), 0);
        assert_eq!(evtimer_pending(timer, null_mut()), 0);
        assert_eq!(evtimer_add(timer, &SOON), 0);
        assert_eq!(evtimer_pending(timer, null_mut()), c_int::from(EV_TIMEOUT));
        turn(base);
        assert_eq!(seen, Seen { calls: 1, fd: -1, what: EV_TIMEOUT });
        assert_eq!(evtimer_pending(timer, null_mut()), 0);
        event_free(timer);
    });
}

#[test]
fn a_timer_in_memory_of_our_own_can_be_stopped() {
    with_base(|base| unsafe {
        let mut seen = Seen::default();
        let mut memory: event = zeroed();
        assert_eq!(evtimer_initialized(&memory), 0);
        assert_eq!(evtimer_assign(&mut memory, base, Some(note), seen.arg()), 0);
        assert_ne!(evtimer_initialized(&memory), 0);
        let mut expiry = timeval { tv_sec: 0, tv_usec: 0 };
        assert_eq!(evtimer_add(&mut memory, &LATER), 0);
        assert_ne!(evtimer_pending(&memory, &mut expiry), 0);
        assert!(evutil_timercmp(&expiry, &LATER).is_gt(), "a time of day, {} s", expiry.tv_sec);
        assert_eq!(evtimer_del(&mut memory), 0);
        assert_eq!(event_base_dispatch(base), 1, "nothing is left to wait for");
        assert_eq!(seen.calls, 0);
    });
}

/// One test, as signals are the process's: only one base may wait for them.
#[test]
fn a_signal_event_sees_each_signal_until_it_is_stopped() {
    with_base(|base| unsafe {
        let mut seen = Seen::default();
        let event = evsignal_new(base, libc::SIGUSR1, Some(note), seen.arg());
        assert_ne!(evsignal_initialized(event), 0);
        assert_eq!(event_get_signal(event), libc::SIGUSR1);
        assert_eq!(evsignal_add(event, null()), 0);
        assert_eq!(evsignal_pending(event, null_mut()), c_int::from(EV_SIGNAL));
        for calls in 1..=2 {
            libc::raise(libc::SIGUSR1);
            turn(base);
            let fd = libc::SIGUSR1;
            assert_eq!(seen, Seen { calls, fd, what: EV_SIGNAL }, "it is persistent");
        }
        assert_eq!(evsignal_del(event), 0);
        assert_eq!(evsignal_pending(event, null_mut()), 0);
        event_free(event);

        let mut memory: event = zeroed();
        assert_eq!(evsignal_initialized(&memory), 0);
        let arg = seen.arg();
        assert_eq!(evsignal_assign(&mut memory, base, libc::SIGUSR2, Some(note), arg), 0);
        assert_eq!(event_get_signal(&memory), libc::SIGUSR2);
        assert_eq!(event_get_events(&memory), EV_SIGNAL | EV_PERSIST, "as evsignal_new makes them");
        assert_eq!(evsignal_add(&mut memory, null()), 0);
        libc::raise(libc::SIGUSR2);
        turn(base);
        assert_eq!(seen.fd, libc::SIGUSR2);
        assert_eq!(evsignal_del(&mut memory), 0);
    });
}

#[test]
fn a_user_event_fires_when_triggered_and_not_when_taken_back() {
    with_base(|base| unsafe {
        let mut seen = Seen::default();
        let event = evuser_new(base, Some(note), seen.arg());
        assert_ne!(evuser_initialized(event), 0);
        evuser_trigger(event);
        turn(base);
        assert_eq!(seen, Seen { calls: 1, fd: -1, what: 0 });
        evuser_trigger(event);
        assert_eq!(evuser_pending(event, null_mut()), 0, "as upstream has it");
        assert_eq!(evuser_del(event), 0);
        assert_eq!(event_base_loop(base, EVLOOP_NONBLOCK), 1);
        assert_eq!(seen.calls, 1);
        event_free(event);
    });
}

fn time(tv_sec: libc::time_t, tv_usec: libc::suseconds_t) -> timeval {
    timeval { tv_sec, tv_usec }
}

fn parts(time: timeval) -> (libc::time_t, libc::suseconds_t) {
    (time.tv_sec, time.tv_usec)
}

#[test]
fn times_carry_and_borrow() {
    assert_eq!(parts(evutil_timeradd(&time(1, 600_000), &time(2, 400_000))), (4, 0));
    assert_eq!(parts(evutil_timeradd(&time(1, 599_999), &time(2, 400_000))), (3, 999_999));
    assert_eq!(parts(evutil_timersub(&time(4, 0), &time(2, 400_000))), (1, 600_000));
    assert_eq!(parts(evutil_timersub(&time(4, 500_000), &time(2, 500_000))), (2, 0));
}

#[test]
fn times_compare_by_seconds_first() {
    assert_eq!(evutil_timercmp(&time(1, 999_999), &time(2, 0)), Ordering::Less);
    assert_eq!(evutil_timercmp(&time(2, 1), &time(2, 0)), Ordering::Greater);
    assert_eq!(evutil_timercmp(&time(2, 1), &time(2, 1)), Ordering::Equal);
}

#[test]
fn a_time_is_set_unless_cleared() {
    let mut both = time(1, 1);
    assert!(evutil_timerisset(&both));
    evutil_timerclear(&mut both);
    assert_eq!(parts(both), (0, 0));
    assert!(!evutil_timerisset(&both));
    assert!(evutil_timerisset(&time(0, 1)));
    assert!(evutil_timerisset(&time(1, 0)));
}

#[test]
fn the_time_of_day_is_the_systems() {
    let mut now = time(0, 0);
    assert_eq!(unsafe { evutil_gettimeofday(&mut now, null_mut()) }, 0);
    let system = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    assert!(system.abs_diff(now.tv_sec as u64) <= 1);
}

#[test]
fn the_last_socket_error_is_the_threads_own() {
    EVUTIL_SET_SOCKET_ERROR(libc::ECONNRESET);
    assert_eq!(EVUTIL_SOCKET_ERROR(), libc::ECONNRESET);
    assert_eq!(evutil_socket_geterror(0), libc::ECONNRESET);
    let other = std::thread::spawn(|| {
        EVUTIL_SET_SOCKET_ERROR(libc::EPIPE);
        EVUTIL_SOCKET_ERROR()
    });
    assert_eq!(other.join().unwrap(), libc::EPIPE);
    assert_eq!(EVUTIL_SOCKET_ERROR(), libc::ECONNRESET);
}

#[test]
fn the_last_socket_error_is_set_by_libevent() {
    assert_eq!(unsafe { EVUTIL_CLOSESOCKET(EVUTIL_INVALID_SOCKET) }, -1);
    assert_eq!(EVUTIL_SOCKET_ERROR(), libc::EBADF);
}

#[test]
fn a_socket_error_has_the_systems_text() {
    let text = unsafe { CStr::from_ptr(evutil_socket_error_to_string(libc::EPIPE)) };
    let std = std::io::Error::from_raw_os_error(libc::EPIPE).to_string();
    assert!(std.starts_with(text.to_str().unwrap()), "{text:?}, {std}");
}

#[test]
fn a_closed_socket_reads_as_the_end_on_the_other_side() {
    let mut pair: [evutil_socket_t; 2] = [EVUTIL_INVALID_SOCKET; 2];
    unsafe {
        let made = evutil_socketpair(libc::AF_UNIX, libc::SOCK_STREAM, 0, pair.as_mut_ptr());
        assert_eq!(made, 0);
        assert_eq!(EVUTIL_CLOSESOCKET(pair[0]), 0);
        let mut byte = 0u8;
        assert_eq!(libc::read(pair[1], (&raw mut byte).cast(), 1), 0);
        assert_eq!(EVUTIL_CLOSESOCKET(pair[1]), 0);
    }
}

#[test]
fn getaddrinfo_reads_its_flags_and_returns_its_errors() {
    unsafe {
        let mut hints: evutil_addrinfo = zeroed();
        hints.ai_flags = EVUTIL_AI_NUMERICHOST;
        let mut found: *mut evutil_addrinfo = null_mut();
        let host = c"not.a.number";
        let result = evutil_getaddrinfo(host.as_ptr(), null(), &hints, &mut found);
        assert_eq!(result, EVUTIL_EAI_NONAME);
        let result = evutil_getaddrinfo(c"::1".as_ptr(), null(), &hints, &mut found);
        assert_eq!(result, 0);
        assert_eq!((*found).ai_family, libc::AF_INET6);
        evutil_freeaddrinfo(found);
        let text = CStr::from_ptr(evutil_gai_strerror(EVUTIL_EAI_CANCEL));
        assert_eq!(text, c"Request canceled");
    }
}

#[test]
fn the_largest_rate_is_accepted_and_no_larger_one() {
    let largest = EV_RATE_LIMIT_MAX as usize;
    let make = |rate| unsafe { ev_token_bucket_cfg_new(rate, rate, rate, rate, null()) };
    let accepted = make(largest);
    assert!(!accepted.is_null());
    unsafe { ev_token_bucket_cfg_free(accepted) };
    assert!(make(largest + 1).is_null());
}

#[test]
fn all_options_of_a_resolv_conf_are_read() {
    let path = std::env::temp_dir().join(format!("libevent-sys-{}.conf", std::process::id()));
    std::fs::write(&path, "nameserver 192.0.2.1\nnameserver 192.0.2.2\n").unwrap();
    let c_path = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
    with_base(|base| unsafe {
        let dns = evdns_base_new(base, 0);
        let parsed = evdns_base_resolv_conf_parse(dns, DNS_OPTIONS_ALL, c_path.as_ptr());
        assert_eq!((parsed, evdns_base_count_nameservers(dns)), (0, 2));
        evdns_base_free(dns, 0);
    });
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_fields_offset_leads_to_it() {
    with_base(|base| unsafe {
        let event = event_new(base, 7, EV_READ, Some(note), null_mut());
        let fd: *mut evutil_socket_t = event.byte_add(evutil_offsetof!(event, ev_fd)).cast();
        assert_eq!(*fd, 7);
        event_free(event);
    });
}
