//! The types of constants.

use bindgen::callbacks::{
    DeriveTrait, ImplementsTrait, IntKind, MacroParsingBehavior, ParseCallbacks,
};

/// A C macro has no type: this gives each the one of the parameter or the
/// field it is made for.
#[derive(Debug)]
pub struct Widths;

impl ParseCallbacks for Widths {
    /// The foreign types that libevent's own structures hold by value; without
    /// this a union with a `timeval` becomes an opaque blob of the host's size.
    fn blocklisted_type_implements_trait(
        &self,
        name: &str,
        _derive: DeriveTrait,
    ) -> Option<ImplementsTrait> {
        let plain = ["timeval", "ev_ssize_t", "evutil_socket_t"]
            .contains(&name.trim_start_matches("struct "));
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
