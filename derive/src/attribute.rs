//! What `#[tag(…)]` says.

use quote::ToTokens;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Error, LitStr, Result};

use crate::case::Case;

/// The options given to one struct, enum, field or variant.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) rename_all: Option<Case>,
    pub(crate) rename: Option<LitStr>,
    pub(crate) skip: bool,
}

/// Where an attribute stands, and so which options it may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// On a struct or an enum.
    Container,
    Field,
    Variant,
}

impl Place {
    fn options(self) -> &'static [&'static str] {
        match self {
            Place::Container => &["rename_all"],
            Place::Field => &["rename", "skip"],
            Place::Variant => &["rename"],
        }
    }
}

impl Options {
    pub(crate) fn of(attributes: &[Attribute], place: Place) -> Result<Options> {
        let mut options = Options::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("tag")) {
            attribute.parse_nested_meta(|option| options.take(&option, place))?;
        }
        match &options.rename {
            Some(rename) if options.skip => {
                Err(Error::new(rename.span(), "a field that is skipped has no name to change"))
            }
            _ => Ok(options),
        }
    }

    fn take(&mut self, option: &ParseNestedMeta<'_>, place: Place) -> Result<()> {
        let name = option.path.to_token_stream().to_string();
        if !place.options().contains(&name.as_str()) {
            let known: Vec<String> = place.options().iter().map(|known| format!("`{known}`")).collect();
            return Err(option.error(format!("unknown option `{name}`, expected {}", known.join(" or "))));
        }
        let twice = match name.as_str() {
            "rename_all" => self.rename_all.replace(Case::parse(&text(option)?)?).is_some(),
            "rename" => self.rename.replace(text(option)?).is_some(),
            _ => std::mem::replace(&mut self.skip, true),
        };
        if twice { Err(option.error(format!("`{name}` is given twice"))) } else { Ok(()) }
    }
}

/// The text after `=`.
fn text(option: &ParseNestedMeta<'_>) -> Result<LitStr> {
    option.value()?.parse()
}
