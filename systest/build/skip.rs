//! What ctest cannot compare by itself, each with its reason.

use crate::Headers;
use crate::declared::Declared;
use ctest::TestGenerator;
use std::rc::Rc;

/// Structures without a name in C, by the place where C declares them.
const ANONYMOUS: [(&str, &str); 13] = [
    ("evbuffer_ptr__bindgen_ty_1", "evbuffer_ptr *)0)->internal_"),
    ("event__bindgen_ty_1", "event *)0)->ev_timeout_pos"),
    ("event__bindgen_ty_1__bindgen_ty_1", "event *)0)->ev_timeout_pos.ev_next_with_common_timeout"),
    ("event__bindgen_ty_2", "event *)0)->ev_"),
    ("event__bindgen_ty_2__bindgen_ty_1", "event *)0)->ev_.ev_io"),
    ("event__bindgen_ty_2__bindgen_ty_1__bindgen_ty_1", "event *)0)->ev_.ev_io.ev_io_next"),
    ("event__bindgen_ty_2__bindgen_ty_2", "event *)0)->ev_.ev_signal"),
    ("event__bindgen_ty_2__bindgen_ty_2__bindgen_ty_1", "event *)0)->ev_.ev_signal.ev_signal_next"),
    ("event_callback__bindgen_ty_1", "event_callback *)0)->evcb_active_next"),
    ("event_callback__bindgen_ty_2", "event_callback *)0)->evcb_cb_union"),
    ("evhttp_request__bindgen_ty_1", "evhttp_request *)0)->next"),
    ("evkeyval__bindgen_ty_1", "evkeyval *)0)->next"),
    ("evrpc__bindgen_ty_1", "evrpc *)0)->next"),
];

/// Enumerations whose values are flags, put together in an `int`.
const FLAGS: [&str; 4] = [
    "event_method_feature",
    "event_base_config_flag",
    "bufferevent_options",
    "bufferevent_trigger_options",
];

fn anonymous(name: &str) -> Option<String> {
    let (_, place) = ANONYMOUS.iter().find(|(rust, _)| *rust == name)?;
    Some(format!("__typeof__(((struct {place})"))
}

/// Names that differ between Rust and C.
pub fn rename(test: &mut TestGenerator, declared: &Rc<Declared>) {
    test.rename_struct_ty(anonymous).rename_union_ty(anonymous);
    let known = Rc::clone(declared);
    test.alias_is_c_enum(move |name| known.enums.contains(name));
    test.rename_type(|name| crate::FOREIGN.contains(&name).then(|| format!("struct {name}")));
    // `type` is a word of Rust.
    test.rename_struct_field(|_, field| (field.ident() == "type_").then(|| "type".into()));
}

pub fn skip(test: &mut TestGenerator, declared: &Rc<Declared>, headers: &Headers) {
    // C does not know their size either.
    let known = Rc::clone(declared);
    test.skip_struct(move |item| {
        known.opaque.contains(item.ident()) || item.ident() == "bufferevent_ops"
    });
    // Two bit-fields, whose place the neighbours' offsets prove; see `types.rs`.
    test.skip_struct_field(|item, field| {
        item.ident() == "evhttp_request" && field.ident() == "bits_"
    });
    // Not types of C's by these names, or not ones with a size: Rust's way to
    // pass a `va_list`, and OpenSSL's own structure.
    test.skip_alias(|alias| matches!(alias.ident(), "ev_va_list" | "ssl_st"));
    // A function type in C, a pointer in Rust; `signatures.rs` compares them.
    test.skip_alias(|alias| alias.ident() == "evhttp_bound_socket_foreach_fn");
    // `int`, which C's enumerators and all parameters for them are.
    test.skip_signededness(|name| FLAGS.contains(&name));
    // Of a type that ctest cannot compare; a test of libevent-sys does.
    test.skip_const(|item| item.ident() == "LIBEVENT_VERSION");
    if !headers.vendored {
        // Of another release than the one that was bound.
        test.skip_const(|item| item.ident() == "LIBEVENT_VERSION_NUMBER");
    }
    let absent = headers.lacks();
    test.skip_fn(move |function| absent.contains(&function.ident()));
}
