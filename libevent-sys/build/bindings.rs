//! How bindgen reads libevent's headers: the one place with its options.
//!
//! `scripts/bindings` (which writes the committed `src/bindings*.rs`) and the
//! feature `buildtime-bindgen` both call [`generate`], so that they cannot
//! drift apart.

mod overlay;
mod widths;

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

/// Written by hand in `src/`, because the right answer differs by target and
/// bindgen sees only one; with these apart, it reads the same for each.
const BY_HAND: &[&str] = &[
    "evutil_socket_t",
    "ev_ssize_t",
    "ev_socklen_t",
    "ev_off_t",
    "evbuffer_iovec",
    "evutil_addrinfo",
    "ssl_st",
    "EVUTIL_INVALID_SOCKET",
    "EV_U?INT64_.*",
    "EV_S?SIZE_.*",
    "EV_RATE_LIMIT_MAX",
    "EVUTIL_(AI|EAI)_.*",
    "evutil_gettimeofday",
    "evutil_socket_(geterror|error_to_string)",
    "evthread_use_.*",
    "evdns_(base_)?config_windows_nameservers",
];

/// The Rust text for the headers found in `include`, the folders that hold
/// `event2/`.
pub fn generate(part: Part, include: &[PathBuf]) -> Result<String, String> {
    let builder = overlay::lay(style(part), include)?
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
        .parse_callbacks(Box::new(widths::Widths))
        .allowlist_file(format!(".*/event2/({})[.]h", part.headers.join("|")))
        // What is not libevent's own is named, and `types.rs` says what it is.
        .allowlist_recursively(false);
    BY_HAND.iter().fold(builder, |builder, name| builder.blocklist_item(*name))
}
