//! A C file that holds each bound function and callback type against the
//! headers: ctest compares a function's address and not its signature. It does
//! not run; that it compiles is the result.

use crate::Headers;
use crate::declared::Declared;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use syn::{FnArg, GenericArgument, PathArguments, ReturnType, Type};

pub fn compare(headers: &Headers, declared: &Declared, out: &Path) {
    let file = out.join("signatures.c");
    fs::write(&file, text(headers, declared)).expect("OUT_DIR is writable");
    let mut build = cc::Build::new();
    build.file(file).includes(&headers.include).define("_GNU_SOURCE", None).cargo_metadata(false);
    build.flag("-Wno-deprecated-declarations").compile("signatures");
}

fn text(headers: &Headers, declared: &Declared) -> String {
    let mut text = String::new();
    for header in crate::HEADERS {
        writeln!(text, "#include <event2/{header}.h>").expect("a string takes all");
    }
    let c = C(declared);
    // As a parameter, where a function type is the pointer that Rust has: one
    // of libevent's callback types is a function, the others are pointers.
    let callbacks = declared.callbacks.iter();
    let callbacks =
        callbacks.map(|(name, ty)| (format!("void ({name})"), format!("void ({})", c.ty(ty))));
    let functions = declared.functions.iter().map(|function| &function.sig);
    let functions =
        functions.filter(|function| !headers.lacks().iter().any(|name| function.ident == name));
    let functions =
        functions.map(|function| (format!("__typeof__({})", function.ident), c.function(function)));
    for (name, ty) in callbacks.chain(functions) {
        let same = format!("__builtin_types_compatible_p({name}, {ty})");
        writeln!(text, "_Static_assert({same}, \"{name} is not {ty}\");")
            .expect("a string takes all");
    }
    text
}

/// Writes Rust types as C.
struct C<'a>(&'a Declared);

impl C<'_> {
    fn function(&self, function: &syn::Signature) -> String {
        let arguments = function.inputs.iter().map(|argument| match argument {
            FnArg::Typed(argument) => self.ty(&argument.ty),
            FnArg::Receiver(_) => unreachable!("C has no methods"),
        });
        let variadic = function.variadic.is_some().then(|| "...".into());
        format!("{}({})", self.output(&function.output), list(arguments.chain(variadic)))
    }

    /// In C's inside-out notation a type is not a text that can be put into
    /// another; wrapped into `__typeof__` it is.
    fn ty(&self, ty: &Type) -> String {
        match ty {
            Type::Ptr(pointer) if pointer.const_token.is_some() => {
                format!("__typeof__(const {} *)", self.ty(&pointer.elem))
            }
            Type::Ptr(pointer) => format!("__typeof__({} *)", self.ty(&pointer.elem)),
            Type::Path(path) => self.path(path.path.segments.last().expect("a path has a name")),
            Type::BareFn(function) => {
                let arguments = function.inputs.iter().map(|argument| self.ty(&argument.ty));
                format!("__typeof__({} (*)({}))", self.output(&function.output), list(arguments))
            }
            _ => panic!("a type that the bindings did not use: {ty:?}"),
        }
    }

    fn path(&self, name: &syn::PathSegment) -> String {
        match &name.arguments {
            PathArguments::AngleBracketed(inside) => match inside.args.first() {
                Some(GenericArgument::Type(inside)) => self.ty(inside),
                _ => panic!("not an Option of a function: {inside:?}"),
            },
            _ => self.name(&name.ident.to_string()),
        }
    }

    fn name(&self, name: &str) -> String {
        let spelled = match name {
            "c_void" => "void",
            "c_char" => "char",
            "c_uchar" => "unsigned char",
            "c_short" => "short",
            "c_int" => "int",
            "c_uint" => "unsigned int",
            "c_long" => "long",
            "c_ulong" => "unsigned long",
            "u8" => "ev_uint8_t",
            "u16" => "ev_uint16_t",
            "u32" => "ev_uint32_t",
            "u64" => "ev_uint64_t",
            "i64" => "ev_int64_t",
            "usize" => "size_t",
            "ev_va_list" => "va_list",
            _ if self.0.enums.contains(name) => return format!("enum {name}"),
            _ if self.0.structs.contains(name) || crate::FOREIGN.contains(&name) => {
                return format!("struct {name}");
            }
            typedef => typedef,
        };
        spelled.into()
    }

    fn output(&self, output: &ReturnType) -> String {
        match output {
            ReturnType::Default => "void".into(),
            ReturnType::Type(_, ty) => self.ty(ty),
        }
    }
}

fn list(types: impl Iterator<Item = String>) -> String {
    let types: Vec<_> = types.collect();
    if types.is_empty() { "void".into() } else { types.join(", ") }
}
