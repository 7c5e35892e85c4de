//! What the peers share: the way into the programs that are written in C, and
//! mio's wait.

use std::ffi::{CString, c_char, c_int};
use std::io;
use std::process::ExitCode;

/// `main` of a program in C.
pub type Main = unsafe extern "C" fn(c_int, *mut *mut c_char) -> c_int;

/// Runs a program in C with this process's arguments.
pub fn run(main: Main) -> ExitCode {
    let words: Vec<CString> =
        std::env::args().map(|word| CString::new(word).expect("arguments have no NUL")).collect();
    let mut argv: Vec<*mut c_char> = words.iter().map(|word| word.as_ptr().cast_mut()).collect();
    let argc = c_int::try_from(argv.len()).expect("a few arguments");
    argv.push(std::ptr::null_mut());
    // SAFETY: as the C standard has it: `argc` strings, and a null pointer.
    let code = unsafe { main(argc, argv.as_mut_ptr()) };
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// Waits for events; a signal is none.
pub fn poll(poll: &mut mio::Poll, events: &mut mio::Events) -> io::Result<()> {
    match poll.poll(events, None) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
        done => done,
    }
}
