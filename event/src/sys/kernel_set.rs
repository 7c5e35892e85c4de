//! A fresh epoll set under a base, for registrations in the old one that are
//! out of reach (H18). `event_reinit` would make one as well, but it closes
//! libevent's signal pipe twice: by then the number may be another thread's.

use std::collections::BTreeMap;
use std::ffi::{c_int, c_void};
use std::fs;
use std::io;
#[cfg(not(event_portable))]
use std::os::fd::BorrowedFd;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use libevent_sys as ffi;

use super::forked::replace_file;
use super::{Forked, RawBase, What};

/// Numbers beyond this are not looked at: a limit may be as good as none.
const NUMBERS: RawFd = 1 << 20;

impl RawBase {
    /// Puts a new set in the place of the one behind the base, with all that
    /// the base waits for. What libevent knows stays true. On failure nothing
    /// has changed. `landmark` is a descriptor that this base alone watches,
    /// for edges of READ.
    pub(crate) fn renew_set(&self, landmark: RawFd) -> io::Result<()> {
        // Found first: the fresh one will watch the landmark as well.
        let old = find(landmark).ok_or(io::ErrorKind::NotFound)?;
        let fresh = create()?;
        let mut watched = self.watched();
        if let Some(alarm) = self.alarm(old, &watched) {
            watched.insert(alarm, What::READ);
        }
        for (fd, what) in watched {
            let added = control(fresh.as_raw_fd(), libc::EPOLL_CTL_ADD, fd, what);
            added.or_else(pass_over_closed)?;
        }
        replace_file(old, &fresh)
    }

    /// The alarm of a base of C's that is a precise one: in the set, and no
    /// event. (Without `/proc` it is not found.)
    fn alarm(&self, set: RawFd, watched: &BTreeMap<RawFd, What>) -> Option<RawFd> {
        if !self.is_foreign() {
            return None;
        }
        let mut alarms = fs::read_dir("/proc/self/fd").ok()?.flatten().filter_map(timerfd);
        let same = |fd: RawFd| control(set, libc::EPOLL_CTL_MOD, fd, What::READ).is_ok();
        alarms.find(|fd| !watched.contains_key(fd) && same(*fd))
    }

    /// The set behind the base, found by the landmark.
    #[cfg(not(event_portable))]
    pub(crate) fn kernel_set(&self, landmark: RawFd) -> Option<BorrowedFd<'_>> {
        // SAFETY: [BASE-OUTLIVES] open until the base is freed; a new set that
        // takes its place has the same number, and `event_reinit` is followed
        // by another search.
        find(landmark).map(|number| unsafe { BorrowedFd::borrow_raw(number) })
    }

    /// In a forked child: if there are events to be deleted, an empty set takes
    /// the place of the parent's, so that they are not deleted there. (Finding
    /// that place makes the parent look at its bell once more.)
    pub(crate) fn part_from_parent(&self, _child: &Forked, landmark: RawFd) -> io::Result<()> {
        if !self.has_orphans() || !self.has_edges() {
            return Ok(());
        }
        // `None` if an earlier attempt got this far.
        find(landmark).map_or(Ok(()), |old| replace_file(old, &create()?))
    }

    /// What the kernel is to report, descriptor by descriptor.
    fn watched(&self) -> BTreeMap<RawFd, What> {
        let mut watched = BTreeMap::new();
        let arg = (&raw mut watched).cast::<c_void>();
        // SAFETY: [BASE-OUTLIVES] live; `collect` takes `arg` for what it is,
        // and neither adds nor deletes events.
        let _ = unsafe { ffi::event_base_foreach_event(self.as_ptr(), Some(collect), arg) };
        watched
    }
}

extern "C" fn collect(
    _base: *const ffi::event_base,
    event: *const ffi::event,
    arg: *mut c_void,
) -> c_int {
    // SAFETY: [FOREACH] libevent passes a live event of the base.
    let event = unsafe { &*event };
    // SAFETY: [FOREACH] `watched` is borrowed by nobody else during the call.
    let watched = unsafe { &mut *arg.cast::<BTreeMap<RawFd, What>>() };
    let inserted = event.ev_evcallback.evcb_flags & ffi::EVLIST_INSERTED != 0;
    if inserted && event.ev_events & ffi::EV_SIGNAL == 0 {
        let what = watched.entry(event.ev_fd).or_insert(What::empty());
        *what |= What::from_bits_truncate(event.ev_events);
    }
    0
}

/// C may have closed what it still waits for: nobody could report of that.
fn pass_over_closed(error: io::Error) -> io::Result<()> {
    match error.raw_os_error() {
        Some(libc::EBADF | libc::EPERM) => Ok(()),
        _ => Err(error),
    }
}

fn create() -> io::Result<OwnedFd> {
    // SAFETY: [NO-MEMORY] takes and keeps no pointer.
    match unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) } {
        -1 => Err(io::Error::last_os_error()),
        // SAFETY: [CALLER-PROMISE] the kernel has just given it to us.
        fd => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
    }
}

/// The number of the set that watches the landmark: the one that would change
/// the registration into what it is. Any other descriptor refuses that
/// (`EBADF`, `EINVAL`, `ENOENT`) and is left as it was.
fn find(landmark: RawFd) -> Option<RawFd> {
    let same = What::READ | What::EDGE;
    (0..NUMBERS).find(|number| control(*number, libc::EPOLL_CTL_MOD, landmark, same).is_ok())
}

fn control(set: RawFd, operation: c_int, fd: RawFd, what: What) -> io::Result<()> {
    let mut event = libc::epoll_event { events: bits(what), u64: data(fd) };
    // SAFETY: [NO-MEMORY] the event lives for the call; a number that is no
    // epoll set, or not open, is an error.
    match unsafe { libc::epoll_ctl(set, operation, fd, &raw mut event) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// The number, if it is one of a timerfd.
fn timerfd(open: fs::DirEntry) -> Option<RawFd> {
    let kind = fs::read_link(open.path()).ok()?;
    let number = open.file_name().to_str()?.parse().ok();
    number.filter(|_| kind.as_os_str() == "anon_inode:[timerfd]")
}

/// As libevent's epoll backend translates them.
fn bits(what: What) -> u32 {
    let table = [
        (What::READ, libc::EPOLLIN),
        (What::WRITE, libc::EPOLLOUT),
        (What::CLOSED, libc::EPOLLRDHUP),
        (What::EDGE, libc::EPOLLET),
    ];
    let wanted = table.into_iter().filter(|(bit, _)| what.contains(*bit));
    wanted.fold(0, |all, (_, bit)| all | bit as u32)
}

/// libevent finds its number in the first half of the field, as C's union has it.
fn data(fd: RawFd) -> u64 {
    let mut field = [0; 8];
    field[..4].copy_from_slice(&fd.to_ne_bytes());
    u64::from_ne_bytes(field)
}
