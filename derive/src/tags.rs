//! `#[derive(Tags)]`.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Fields, Generics, Ident, Result, Type};

use crate::attribute::{Options, Place};
use crate::case::Case;
use crate::names::{Written, check_different};

/// A field that is a tag.
struct Tag<'a> {
    field: &'a Ident,
    ty: &'a Type,
    key: Written,
}

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let tags = tags(input)?;
    check_different(tags.iter().map(|tag| &tag.key), "tag key")?;

    let keys = tags.iter().map(|tag| tag.key.literal());
    let counts = tags.iter().map(count);
    let indices = tags.iter().map(index);
    let values = with_values(&tags);
    let name = &input.ident;
    let generics = bounded(&input.generics, &tags);
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics ::tagmeter::tag::TagSet for #name #type_generics #where_clause {
            const KEYS: &'static [&'static ::core::primitive::str] = &[#(#keys),*];
            const CARDINALITY: ::core::option::Option<::core::primitive::usize> =
                ::tagmeter::tag::cardinality(&[#(#counts),*]);

            #[inline]
            fn index(&self) -> ::core::primitive::usize {
                let __index = 0;
                #(let __index = #indices;)*
                __index
            }

            #[inline]
            fn with_values<__R>(
                &self,
                __read: impl ::core::ops::FnOnce(&[&::core::primitive::str]) -> __R,
            ) -> __R {
                #values
            }
        }
    })
}

/// The tags of a struct with named fields.
fn tags(input: &DeriveInput) -> Result<Vec<Tag<'_>>> {
    let refused = |what| {
        let message =
            format!("`Tags` is derived for structs with named fields, which are the tags; this is {what}");
        Err(Error::new(input.ident.span(), message))
    };
    let fields = match &input.data {
        Data::Struct(data) => &data.fields,
        Data::Enum(_) => return refused("an enum; the value of one tag is derived by `TagValue`"),
        Data::Union(_) => return refused("a union"),
    };
    if matches!(fields, Fields::Unnamed(_)) {
        return refused("a tuple struct");
    }
    let rename_all = Options::of(&input.attrs, Place::Container)?.rename_all;
    fields.iter().filter_map(|field| tag(field, rename_all).transpose()).collect()
}

/// The tag that a field is, unless it is skipped.
fn tag(field: &syn::Field, rename_all: Option<Case>) -> Result<Option<Tag<'_>>> {
    let options = Options::of(&field.attrs, Place::Field)?;
    let (Some(ident), false) = (&field.ident, options.skip) else {
        return Ok(None);
    };
    let key = Written::new(ident, &options, |name| match rename_all {
        Some(case) => case.of_field(name),
        None => name.to_owned(),
    });
    key.check_key()?;
    Ok(Some(Tag { field: ident, ty: &field.ty, key }))
}

impl Tag<'_> {
    /// Where code about the tag is said to stand, so that the compiler shows the type that is no value of a tag. Only the
    /// place: what the names in it mean is decided where the macro is called, even if the type comes from another macro.
    fn place(&self) -> Span {
        Span::call_site().located_at(self.ty.span())
    }

    /// The field of `self`.
    fn borrowed(&self) -> TokenStream {
        let mut field = self.field.clone();
        field.set_span(field.span().located_at(self.ty.span()));
        quote_spanned! { self.place() => &self.#field }
    }

    /// The name of its text in `with_values`.
    fn text(&self) -> Ident {
        format_ident!("__text_{}", self.field.unraw())
    }
}

/// How many values a tag has.
fn count(tag: &Tag<'_>) -> TokenStream {
    let ty = tag.ty;
    quote_spanned! { tag.place() => <#ty as ::tagmeter::tag::TagValue>::COUNT }
}

/// The index of the set up to this tag.
fn index(tag: &Tag<'_>) -> TokenStream {
    let field = tag.borrowed();
    quote_spanned! { tag.place() => ::tagmeter::tag::index_with(__index, #field) }
}

/// Texts are lent, so each field's function calls the next one's, and the last calls `__read` with all of them.
fn with_values(tags: &[Tag<'_>]) -> TokenStream {
    let texts = tags.iter().map(Tag::text);
    tags.iter().rev().fold(quote! { __read(&[#(#texts),*]) }, |next, tag| {
        let (field, text) = (tag.borrowed(), tag.text());
        quote_spanned! { tag.place() => ::tagmeter::tag::TagValue::with_text(#field, |#text| #next) }
    })
}

/// The struct's generics; every tag whose type depends on one of its type parameters has to be a value.
fn bounded(generics: &Generics, tags: &[Tag<'_>]) -> Generics {
    let parameters: Vec<&Ident> = generics.type_params().map(|parameter| &parameter.ident).collect();
    let mut bounded = generics.clone();
    let generic = tags.iter().map(|tag| tag.ty).filter(|ty| mentions(ty.to_token_stream(), &parameters));
    let bounds = generic.map(|ty| syn::parse_quote!(#ty: ::tagmeter::tag::TagValue));
    let bounds: Vec<syn::WherePredicate> = bounds.collect();
    if !bounds.is_empty() {
        bounded.make_where_clause().predicates.extend(bounds);
    }
    bounded
}

/// Whether one of these names is among the tokens.
fn mentions(tokens: TokenStream, names: &[&Ident]) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => names.iter().any(|name| **name == ident),
        TokenTree::Group(group) => mentions(group.stream(), names),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}
