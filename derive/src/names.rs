//! Names that have to be right: keys of tags and texts of variants.

use std::collections::HashMap;

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::{Error, Ident, LitStr, Result};

use crate::attribute::Options;

/// A name and where it was written, for errors.
pub(crate) struct Written {
    pub(crate) name: String,
    pub(crate) span: Span,
}

impl Written {
    /// What `rename` says, or the identifier as `rename_all` writes it.
    pub(crate) fn new(ident: &Ident, options: &Options, rename_all: impl FnOnce(&str) -> String) -> Written {
        match &options.rename {
            Some(rename) => Written { name: rename.value(), span: rename.span() },
            None => Written { name: rename_all(&ident.unraw().to_string()), span: ident.span() },
        }
    }

    pub(crate) fn literal(&self) -> LitStr {
        LitStr::new(&self.name, self.span)
    }

    pub(crate) fn error(&self, message: impl std::fmt::Display) -> Error {
        Error::new(self.span, message)
    }

    /// Refuses what a definition would refuse.
    pub(crate) fn check_key(&self) -> Result<()> {
        let name = &self.name;
        if name.is_empty() {
            return Err(self.error("a tag key is empty"));
        }
        if name == "le" || name == "quantile" || name.starts_with("__") {
            let reserved = "is reserved, as are `le`, `quantile` and everything that begins with `__`";
            return Err(self.error(format!("tag key {name:?} {reserved}")));
        }
        Ok(())
    }

    /// Refuses an empty text, which would be an absent tag.
    pub(crate) fn check_text(&self) -> Result<()> {
        if self.name.is_empty() {
            return Err(self.error("the text of a variant is empty: an absent tag is `None` of an `Option`"));
        }
        Ok(())
    }
}

/// Refuses a name that is there twice; `what` says what has it.
pub(crate) fn check_different<'a>(names: impl Iterator<Item = &'a Written>, what: &str) -> Result<()> {
    let mut seen = HashMap::new();
    for name in names {
        if let Some(first) = seen.insert(&name.name, name) {
            let mut error = name.error(format!("{what} {:?} is given twice", name.name));
            error.combine(first.error(format!("{what} {:?} is first given here", name.name)));
            return Err(error);
        }
    }
    Ok(())
}
