//! What the generated files declare, read back from their text.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use syn::{ForeignItem, ForeignItemFn, Item, Type};

#[derive(Default)]
pub struct Declared {
    pub structs: BTreeSet<String>,
    /// Structures that the headers only name.
    pub opaque: BTreeSet<String>,
    pub enums: BTreeSet<String>,
    /// Types of callbacks, by name.
    pub callbacks: Vec<(String, Type)>,
    pub functions: Vec<ForeignItemFn>,
}

impl Declared {
    pub fn read(files: &[&str], folder: &Path) -> Self {
        let mut declared = Self::default();
        for file in files {
            let text = fs::read_to_string(folder.join(file)).expect("the committed bindings");
            let parsed = syn::parse_file(&text).expect("bindings that compile");
            parsed.items.into_iter().for_each(|item| declared.add(item));
        }
        declared
    }

    fn add(&mut self, item: Item) {
        match item {
            Item::Struct(item) => {
                let name = item.ident.to_string();
                if item
                    .fields
                    .iter()
                    .any(|field| field.ident.as_ref().is_some_and(|field| field == "_unused"))
                {
                    self.opaque.insert(name.clone());
                }
                self.structs.insert(name);
            }
            Item::Type(item) if is_option(&item.ty) => {
                self.callbacks.push((item.ident.to_string(), *item.ty))
            }
            // No alias of libevent's own is left but those of its enumerations.
            Item::Type(item) => drop(self.enums.insert(item.ident.to_string())),
            Item::ForeignMod(item) => {
                self.functions.extend(item.items.into_iter().filter_map(function))
            }
            _ => {}
        }
    }
}

fn function(item: ForeignItem) -> Option<ForeignItemFn> {
    match item {
        ForeignItem::Fn(function) => Some(function),
        _ => None,
    }
}

fn is_option(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Option"))
}
