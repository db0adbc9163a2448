//! Derive macros of `tagmeter`: tags from your own structs and enums.
//!
//! Not used by itself: with the feature `derive`, `tagmeter` has both macros beside the traits they implement.
//!
//! ```
//! use tagmeter::{TagValue, Tags};
//!
//! #[derive(TagValue)]
//! #[tag(rename_all = "lowercase")]
//! enum Method { Get, Post }
//!
//! #[derive(Tags)]
//! struct Route { method: Method, status: u16 }
//!
//! let registry = tagmeter::Registry::new();
//! let requests = registry.define("requests").help("Requests.").typed::<Route>().counters()?;
//! requests.with(&Route { method: Method::Get, status: 200 }).inc();
//! assert_eq!(registry.value(("requests", [("method", "get"), ("status", "200")])), Some(1.0));
//! # let _ = Method::Post;
//! # Ok::<(), tagmeter::registry::RegisterError>(())
//! ```

mod attribute;
mod case;
mod names;
mod tags;
mod value;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Implements `tagmeter::tag::TagSet`: a struct with named fields is a set of tags, its fields are keys and values.
///
/// | on | option | the key is |
/// |---|---|---|
/// | the struct | `#[tag(rename_all = "kebab-case")]` | written like that, see [`TagValue`](macro@TagValue) |
/// | a field | `#[tag(rename = "…")]` | this |
/// | a field | `#[tag(skip)]` | none: the field is no tag |
///
/// Fields are `tagmeter::TagValue`s: text, whole numbers, bools, enums that derive it, `Option`s of these. A struct
/// whose fields are all bools and enums is closed, and families find its series by an index.
///
/// ```
/// use tagmeter::Tags;
/// use tagmeter::tag::TagSet;
///
/// #[derive(Tags)]
/// #[tag(rename_all = "kebab-case")]
/// struct Query<'a, Z> {
///     table_name: &'a str,
///     #[tag(rename = "region")]
///     zone: Option<Z>,
///     #[tag(skip)]
///     text: String,
/// }
///
/// assert_eq!(Query::<u8>::KEYS, ["table-name", "region"]);
/// let query = Query { table_name: "orders", zone: Some(3_u8), text: "select 1".to_owned() };
/// query.with_values(|values| assert_eq!(values, ["orders", "3"]));
/// # let _ = query.text;
/// ```
#[proc_macro_derive(Tags, attributes(tag))]
pub fn derive_tags(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    tags::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Implements `tagmeter::TagValue`: an enum without data is the value of a tag, by the name of its variant.
///
/// | on | option | the text is |
/// |---|---|---|
/// | the enum | `#[tag(rename_all = "…")]` | written like that |
/// | a variant | `#[tag(rename = "…")]` | this |
///
/// | `rename_all` | variant `NotFound` |
/// |---|---|
/// | `lowercase` | `notfound` |
/// | `UPPERCASE` | `NOTFOUND` |
/// | `PascalCase` | `NotFound` |
/// | `camelCase` | `notFound` |
/// | `snake_case` | `not_found` |
/// | `SCREAMING_SNAKE_CASE` | `NOT_FOUND` |
/// | `kebab-case` | `not-found` |
///
/// ```
/// use tagmeter::TagValue;
///
/// #[derive(TagValue)]
/// #[tag(rename_all = "snake_case")]
/// enum Answer {
///     Found,
///     NotFound,
///     #[tag(rename = "down")]
///     ServiceUnavailable,
/// }
///
/// let text = |answer: Answer| answer.with_text(str::to_owned);
/// assert_eq!([Answer::NotFound, Answer::ServiceUnavailable].map(text), ["not_found", "down"]);
/// assert_eq!(Answer::COUNT, Some(3));
/// # let _ = Answer::Found;
/// ```
#[proc_macro_derive(TagValue, attributes(tag))]
pub fn derive_tag_value(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    value::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
