//! What bindgen is shown in place of some headers.

use std::path::PathBuf;

/// Lays edited copies over some headers: no answer of the host's configuration
/// decides what is declared, and what is a macro or a bit-field in C but has a
/// plain equivalent reaches bindgen as that.
pub fn lay(builder: bindgen::Builder, include: &[PathBuf]) -> Result<bindgen::Builder, String> {
    let edits: [(&str, Edit); 3] =
        [("event-config.h", configure), ("util.h", macros_to_types), ("http_struct.h", plain_bits)];
    edits.into_iter().try_fold(builder, |builder, (header, edit)| {
        let (path, text) = read(include, &format!("event2/{header}"))?;
        let text =
            edit(&text).ok_or_else(|| format!("{path} is not the libevent 2.1 that we know"))?;
        Ok(builder.header_contents(&path, &text))
    })
}

type Edit = fn(&str) -> Option<String>;

fn read(include: &[PathBuf], header: &str) -> Result<(String, String), String> {
    let path = include.iter().map(|dir| dir.join(header)).find(|path| path.is_file());
    let path = path.ok_or_else(|| format!("no {header} in {include:?}"))?;
    let text =
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok((path.display().to_string(), text))
}

/// Without the native iovec and addrinfo the headers keep libevent's own names
/// for them, which `types.rs` defines per target; and C's `va_list`, another
/// thing on each, gets such a name. bindgen forgets the `const` of a structure
/// that is first named inside another.
const CONFIG: &str = "
#include <stdarg.h>
#include <stdio.h>
typedef void *ev_va_list;
#define va_list ev_va_list
struct bufferevent_ops;
#undef EVENT__HAVE_SYS_UIO_H
#undef EVENT__HAVE_STRUCT_ADDRINFO
#undef EVENT__HAVE_ARC4RANDOM
#undef EVENT__HAVE_GETTIMEOFDAY
#undef EVENT__DISABLE_THREAD_SUPPORT
#undef EVENT__DISABLE_MM_REPLACEMENT
#undef EVENT__HAVE_PTHREADS
#define EVENT__HAVE_PTHREADS 1
#undef EVENT__HAVE_OPENSSL
#define EVENT__HAVE_OPENSSL 1
";

fn configure(text: &str) -> Option<String> {
    Some(format!("{text}\n{CONFIG}"))
}

/// `#define ev_x_t y` becomes `typedef y ev_x_t;`.
fn macros_to_types(text: &str) -> Option<String> {
    let edited: String =
        text.lines().map(|line| type_line(line).unwrap_or(line.into()) + "\n").collect();
    TYPE_MACROS.iter().all(|name| edited.contains(&format!(" {name};"))).then_some(edited)
}

const TYPE_MACROS: [&str; 4] = ["evutil_socket_t", "ev_off_t", "ev_ssize_t", "ev_socklen_t"];

fn type_line(line: &str) -> Option<String> {
    let (name, meaning) = line.strip_prefix("#define ")?.split_once(' ')?;
    TYPE_MACROS.contains(&name).then(|| format!("typedef {meaning} {name};"))
}

/// The two one-bit fields of `evhttp_request` share one `unsigned` on every
/// ABI; as such they cost no five hundred generated lines. `types.rs` reads them.
fn plain_bits(text: &str) -> Option<String> {
    let (before, rest) = text.split_once("unsigned chunked:1,")?;
    let (_, after) = rest.split_once("userdone:1;")?;
    Some(format!("#include <event2/http.h>\n{before}unsigned bits_;{after}"))
}
