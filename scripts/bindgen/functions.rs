//! The names of all bound functions, for the test that each of them links.

/// Not in every libevent: the C library's own randomness may take its place.
const VENDORED_ONLY: &str = "evutil_secure_rng_add_bytes";

/// The names in one generated file, as a call of the test's own macro.
pub fn list(file: &str, text: &str) -> String {
    let names = names(text).filter(|name| *name != VENDORED_ONLY);
    let mut list = call(file.trim_end_matches(".rs"), condition(file), names);
    if text.contains(VENDORED_ONLY) {
        list += &call("vendored_only", "#[cfg(libevent_vendored)] ", [VENDORED_ONLY]);
    }
    list
}

fn names(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.trim().strip_prefix("pub fn ")?.split('(').next())
}

fn condition(file: &str) -> &'static str {
    match file {
        "bindings_threads.rs" => "#[cfg(feature = \"threads\")] ",
        "bindings_openssl.rs" => "#[cfg(feature = \"openssl\")] ",
        "bindings_compat.rs" => "#[cfg(feature = \"compat\")] ",
        _ => "",
    }
}

fn call<'a>(set: &str, condition: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let names: String = names.into_iter().map(|name| format!("    {name}\n")).collect();
    format!("functions! {{\n    {condition}{set}:\n{names}}}\n\n")
}
