//! Every bound function is in the library: this file links, and takes the
//! address of each. Without it a declaration of nothing would be found by the
//! first user who calls it.

use std::collections::BTreeSet;

/// One function that lists a set of functions with their addresses.
macro_rules! functions {
    ($(#[$condition:meta])* $set:ident: $($name:ident)*) => {
        $(#[$condition])*
        pub fn $set() -> Vec<(&'static str, usize)> {
            vec![$((stringify!($name), libevent_sys::$name as *const () as usize)),*]
        }
    };
}

#[path = "linkage/functions.rs"]
mod functions;

functions! {
    #[cfg(all(unix, feature = "threads"))] threads: evthread_use_pthreads
}

fn linked() -> Vec<(&'static str, usize)> {
    [
        functions::bindings(),
        #[cfg(libevent_vendored)]
        functions::vendored_only(),
        #[cfg(feature = "threads")]
        functions::bindings_threads(),
        #[cfg(all(unix, feature = "threads"))]
        threads(),
        #[cfg(feature = "openssl")]
        functions::bindings_openssl(),
        #[cfg(feature = "compat")]
        functions::bindings_compat(),
    ]
    .concat()
}

#[test]
fn every_bound_function_is_linked_and_is_itself() {
    let linked = linked();
    let addresses: BTreeSet<usize> = linked.iter().map(|(_, address)| *address).collect();
    assert!(!addresses.contains(&0));
    assert_eq!(addresses.len(), linked.len());
}

/// The list cannot fall behind the bindings.
#[test]
fn no_bound_function_is_left_out() {
    let bindings = [
        include_str!("../src/bindings.rs"),
        #[cfg(feature = "threads")]
        include_str!("../src/bindings_threads.rs"),
        #[cfg(all(unix, feature = "threads"))]
        include_str!("../src/threads.rs"),
        #[cfg(feature = "openssl")]
        include_str!("../src/bindings_openssl.rs"),
        #[cfg(feature = "compat")]
        include_str!("../src/bindings_compat.rs"),
    ];
    let bound: BTreeSet<&str> = bindings.iter().flat_map(|text| declared(text)).collect();
    let mut listed: BTreeSet<&str> = linked().into_iter().map(|(name, _)| name).collect();
    listed.insert("evutil_secure_rng_add_bytes");
    assert!(bound.len() > 400, "found {}", bound.len());
    assert_eq!(bound, listed);
}

fn declared(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.trim().strip_prefix("pub fn ")?.split('(').next())
}
