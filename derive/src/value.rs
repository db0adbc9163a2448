//! `#[derive(TagValue)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, Result, Variant};

use crate::attribute::{Options, Place};
use crate::case::Case;
use crate::names::{Written, check_different};

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let variants = variants(input)?;
    let rename_all = Options::of(&input.attrs, Place::Container)?.rename_all;
    let texts = variants.iter().map(|variant| text(variant, rename_all)).collect::<Result<Vec<_>>>()?;
    check_different(texts.iter(), "the text")?;

    let idents: Vec<_> = variants.iter().map(|variant| &variant.ident).collect();
    let texts = texts.iter().map(Written::literal);
    let indices = 0..idents.len();
    let count = idents.len();
    let name = &input.ident;
    let (impl_generics, type_generics, where_clause) = input.generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics ::tagmeter::tag::TagValue for #name #type_generics #where_clause {
            const COUNT: ::core::option::Option<::core::primitive::usize> = ::core::option::Option::Some(#count);

            #[inline]
            fn index(&self) -> ::core::primitive::usize {
                match self {
                    #(Self::#idents => #indices,)*
                }
            }

            #[inline]
            fn with_text<__R>(
                &self,
                __read: impl ::core::ops::FnOnce(&::core::primitive::str) -> __R,
            ) -> __R {
                __read(match self {
                    #(Self::#idents => #texts,)*
                })
            }
        }
    })
}

/// The variants of an enum without data.
fn variants(input: &DeriveInput) -> Result<Vec<&Variant>> {
    let Data::Enum(data) = &input.data else {
        return Err(Error::new(
            input.ident.span(),
            "`TagValue` is derived for enums without data; for structs there is `Tags`",
        ));
    };
    if data.variants.is_empty() {
        return Err(Error::new(input.ident.span(), "an enum without variants has no value for a tag"));
    }
    match data.variants.iter().find(|variant| !matches!(variant.fields, Fields::Unit)) {
        Some(variant) => Err(Error::new_spanned(
            &variant.fields,
            format!("variant `{}` has data, expected an enum without data", variant.ident),
        )),
        None => Ok(data.variants.iter().collect()),
    }
}

fn text(variant: &Variant, rename_all: Option<Case>) -> Result<Written> {
    let options = Options::of(&variant.attrs, Place::Variant)?;
    let text = Written::new(&variant.ident, &options, |name| match rename_all {
        Some(case) => case.of_variant(name),
        None => name.to_owned(),
    });
    text.check_text()?;
    Ok(text)
}
