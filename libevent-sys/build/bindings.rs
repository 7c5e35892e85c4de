//! How bindgen reads libevent's headers: the one place with its options.
//!
//! `scripts/bindings` (which writes the committed `src/bindings*.rs`) and the
//! feature `buildtime-bindgen` both call [`generate`], so that they cannot
//! drift apart.

use bindgen::callbacks::{
    DeriveTrait, ImplementsTrait, IntKind, MacroParsingBehavior, ParseCallbacks,
};
use std::path::PathBuf;

/// One generated file, and the headers whose items go into it.
#[derive(Clone, Copy)]
pub struct Part {
    /// Its name, under `src/` and under `OUT_DIR`.
    pub file: &'static str,
    headers: &'static [&'static str],
}

/// Every generated file; all but the first belong to a feature.
pub const PARTS: [Part; 4] = [
    Part {
        file: "bindings.rs",
        headers: &[
            "event",
            "event_struct",
            "buffer",
            "bufferevent",
            "bufferevent_struct",
            "dns",
            "dns_struct",
            "http",
            "http_struct",
            "keyvalq_struct",
            "listener",
            "rpc",
            "rpc_struct",
            "tag",
            "util",
        ],
    },
    Part { file: "bindings_threads.rs", headers: &["thread"] },
    Part { file: "bindings_openssl.rs", headers: &["bufferevent_ssl"] },
    Part {
        file: "bindings_compat.rs",
        headers: &[
            "buffer_compat",
            "bufferevent_compat",
            "dns_compat",
            "event_compat",
            "http_compat",
            "rpc_compat",
            "tag_compat",
        ],
    },
];

/// Written by hand in `src/types.rs` and `src/macros.rs`, because the right
/// answer differs by target and bindgen sees only the host's.
const BY_HAND: &[&str] = &[
    "evutil_socket_t",
    "ev_ssize_t",
    "ev_socklen_t",
    "ev_off_t",
    "evbuffer_iovec",
    "evutil_addrinfo",
    "EVUTIL_INVALID_SOCKET",
    "EV_SIZE_MAX",
    "EV_SSIZE_MAX",
    "EV_SSIZE_MIN",
    "EV_RATE_LIMIT_MAX",
    "EVUTIL_[AE]+I_.*",
    "ssl_st",
    "evutil_gettimeofday",
    "evthread_use_pthreads",
];

/// The Rust text for the headers found in `include`, the folders that hold
/// `event2/`.
pub fn generate(part: Part, include: &[PathBuf]) -> Result<String, String> {
    let builder = overlay(style(part), include)?
        .clang_args(include.iter().map(|dir| format!("-I{}", dir.display())))
        .header_contents("libevent-headers.h", &includes(part));
    let bindings =
        builder.generate().map_err(|error| format!("bindgen on {}: {error}", part.file))?;
    Ok(flags_as_int(bindings.to_string()))
}

/// C's enumerators are `int`, and so is every parameter these flags are made
/// for; no function names the types themselves.
fn flags_as_int(text: String) -> String {
    FLAGS.iter().fold(text, |text, name| {
        text.replace(
            &format!("pub type {name} = libc::c_uint;"),
            &format!("pub type {name} = libc::c_int;"),
        )
    })
}

const FLAGS: [&str; 4] = [
    "event_method_feature",
    "event_base_config_flag",
    "bufferevent_options",
    "bufferevent_trigger_options",
];

fn includes(part: Part) -> String {
    // The compat headers lean on all the others and say so only in part.
    let names = PARTS[0].headers.iter().chain(part.headers);
    names.map(|name| format!("#include <event2/{name}.h>\n")).collect()
}

/// Everything that decides the shape of the output and not its source.
fn style(part: Part) -> bindgen::Builder {
    let builder = bindgen::builder()
        .rust_target(bindgen::RustTarget::stable(85, 0).expect("a released Rust"))
        .rust_edition(bindgen::RustEdition::Edition2024)
        .use_core()
        .ctypes_prefix("libc")
        .generate_comments(false)
        .layout_tests(false)
        .prepend_enum_name(false)
        .generate_cstr(true)
        .merge_extern_blocks(true)
        .disable_header_comment()
        .raw_line("use crate::*;")
        .parse_callbacks(Box::new(Widths))
        .allowlist_file(format!(".*/event2/({})[.]h", part.headers.join("|")))
        // What is not libevent's own is named, and `types.rs` says what it is.
        .allowlist_recursively(false);
    BY_HAND.iter().fold(builder, |builder, name| builder.blocklist_item(*name))
}

/// Lays edited copies over some headers: no answer of the host's configuration
/// decides what is declared, and what is a macro or a bit-field in C but has a
/// plain equivalent reaches bindgen as that.
fn overlay(builder: bindgen::Builder, include: &[PathBuf]) -> Result<bindgen::Builder, String> {
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

/// A C macro has no type: this gives each the one of the parameter or the
/// field it is made for.
#[derive(Debug)]
struct Widths;

impl ParseCallbacks for Widths {
    /// The foreign types that libevent's own structures hold by value; without
    /// this a union with a `timeval` becomes an opaque blob of the host's size.
    fn blocklisted_type_implements_trait(
        &self,
        name: &str,
        _derive: DeriveTrait,
    ) -> Option<ImplementsTrait> {
        let plain = name.ends_with("timeval") || BY_HAND.contains(&name);
        plain.then_some(ImplementsTrait::Yes)
    }

    fn int_macro(&self, name: &str, _value: i64) -> Option<IntKind> {
        let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
        Some(match name {
            "EVBUFFER_FLAG_DRAINS_TO_FD" => IntKind::U64,
            "EVBUFFER_CB_ENABLED"
            | "EVENT_DBG_ALL"
            | "EVENT_DBG_NONE"
            | "LIBEVENT_VERSION_NUMBER" => IntKind::U32,
            _ if starts(&SHORTS) => IntKind::Short,
            _ if starts(&UNSIGNED) => IntKind::UInt,
            _ => return limit(name).or(Some(IntKind::Int)),
        })
    }

    /// Feature tests and include guards are answers about one build.
    fn will_parse_macro(&self, name: &str) -> MacroParsingBehavior {
        let noise = name.ends_with("_IMPLEMENTED") || name.ends_with("_INCLUDED_");
        if noise { MacroParsingBehavior::Ignore } else { MacroParsingBehavior::Default }
    }
}

/// `short what` of a callback, `short events` of an event, `evcb_flags`.
const SHORTS: [&str; 14] = [
    "EV_TIMEOUT",
    "EV_READ",
    "EV_WRITE",
    "EV_SIGNAL",
    "EV_PERSIST",
    "EV_ET",
    "EV_FINALIZE",
    "EV_CLOSED",
    "BEV_EVENT_",
    "EVLIST_",
    "EVBUFFER_READ",
    "EVBUFFER_WRITE",
    "EVBUFFER_E",
    "EVBUFFER_TIMEOUT",
];

/// `unsigned flags` parameters.
const UNSIGNED: [&str; 8] = [
    "LEV_OPT_",
    "EVTHREAD_READ",
    "EVTHREAD_WRITE",
    "EVTHREAD_TRY",
    "EVTHREAD_LOCKTYPE_",
    "EVBUF_FS_",
    "EVENT_BASE_COUNT_",
    "EVHTTP_URI_",
];

/// `EV_INT16_MAX` is an i16, and so on.
fn limit(name: &str) -> Option<IntKind> {
    let kind = name
        .strip_prefix("EV_")?
        .strip_suffix("_MAX")
        .or(name.strip_prefix("EV_")?.strip_suffix("_MIN"))?;
    Some(match kind {
        "INT8" => IntKind::I8,
        "UINT8" => IntKind::U8,
        "INT16" => IntKind::I16,
        "UINT16" => IntKind::U16,
        "INT32" => IntKind::I32,
        "UINT32" => IntKind::U32,
        "INT64" => IntKind::I64,
        "UINT64" => IntKind::U64,
        _ => return None,
    })
}
