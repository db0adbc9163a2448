//! Tags from a struct that implements `serde::Serialize`.

use std::fmt;

use serde::ser::{Impossible, Serialize, SerializeStruct, Serializer};

/// Calls `out` with key and value of every field, in the order of the struct.
///
/// | field | value |
/// |---|---|
/// | text, character | as it is |
/// | bool, whole number | `true`, `-3` |
/// | float | shortest text that reads back the same: `0.5`, `1e16`, `NaN` |
/// | enum without data | name of the variant |
/// | newtype | what is inside |
/// | `Option` | what is inside; `None`, like `()` and skipped fields, is the empty value, an absent tag |
///
/// So the keys are those of the struct, whatever its value.
///
/// # Errors
///
/// The value is no struct or a field holds something else: a list, a map, a struct, an enum with data, bytes.
pub(crate) fn pairs_of<T, F>(value: &T, out: &mut F) -> Result<(), UnfitTags>
where
    T: Serialize + ?Sized,
    F: FnMut(&'static str, &str),
{
    value.serialize(Fields { out })
}

/// Why a value is no set of tags.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnfitTags {
    /// The whole is something else.
    #[error("found {found}, expected a struct whose fields are tags")]
    NoStruct {
        /// What it is.
        found: &'static str,
    },
    /// A field is no single value.
    #[error("tag {key:?} is {found}, expected text, a number, a bool or an enum without data")]
    NoScalar {
        /// The field's name.
        key: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// The type's own `Serialize` failed.
    #[error("the tags cannot be serialized: {message}")]
    Custom {
        /// What it says.
        message: String,
    },
}

impl serde::ser::Error for UnfitTags {
    fn custom<T: fmt::Display>(message: T) -> Self {
        UnfitTags::Custom { message: message.to_string() }
    }
}

/// Takes the struct apart.
struct Fields<'a, F> {
    out: &'a mut F,
}

/// Writes one field.
struct Field<'a, F> {
    key: &'static str,
    out: &'a mut F,
}

impl<F: FnMut(&'static str, &str)> Field<'_, F> {
    fn give(self, value: &str) -> Result<(), UnfitTags> {
        (self.out)(self.key, value);
        Ok(())
    }

    fn refuse<T>(self, found: &'static str) -> Result<T, UnfitTags> {
        Err(UnfitTags::NoScalar { key: self.key, found })
    }
}

impl<F> Fields<'_, F> {
    fn refuse<T>(self, found: &'static str) -> Result<T, UnfitTags> {
        Err(UnfitTags::NoStruct { found })
    }
}

impl<F: FnMut(&'static str, &str)> SerializeStruct for Fields<'_, F> {
    type Ok = ();
    type Error = UnfitTags;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), UnfitTags> {
        value.serialize(Field { key, out: &mut *self.out })
    }

    fn skip_field(&mut self, key: &'static str) -> Result<(), UnfitTags> {
        Field { key, out: &mut *self.out }.give("")
    }

    fn end(self) -> Result<(), UnfitTags> {
        Ok(())
    }
}

/// A method that refuses its one value.
macro_rules! refuse {
    ($($method:ident($type:ty) = $found:literal)*) => {
        $(fn $method(self, _: $type) -> Result<(), UnfitTags> {
            self.refuse($found)
        })*
    };
}

/// What neither a set of tags nor a tag can be.
macro_rules! refuse_compounds {
    () => {
        type SerializeSeq = Impossible<(), UnfitTags>;
        type SerializeTuple = Impossible<(), UnfitTags>;
        type SerializeTupleStruct = Impossible<(), UnfitTags>;
        type SerializeTupleVariant = Impossible<(), UnfitTags>;
        type SerializeMap = Impossible<(), UnfitTags>;
        type SerializeStructVariant = Impossible<(), UnfitTags>;

        refuse! { serialize_bytes(&[u8]) = "bytes" }

        fn serialize_newtype_struct<T: Serialize + ?Sized>(
            self,
            _: &'static str,
            value: &T,
        ) -> Result<(), UnfitTags> {
            value.serialize(self)
        }

        fn serialize_newtype_variant<T: Serialize + ?Sized>(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: &T,
        ) -> Result<(), UnfitTags> {
            self.refuse("an enum with data")
        }

        fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), UnfitTags> {
            value.serialize(self)
        }

        fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, UnfitTags> {
            self.refuse("a sequence")
        }

        fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, UnfitTags> {
            self.refuse("a tuple")
        }

        fn serialize_tuple_struct(
            self,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeTupleStruct, UnfitTags> {
            self.refuse("a tuple")
        }

        fn serialize_tuple_variant(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeTupleVariant, UnfitTags> {
            self.refuse("an enum with data")
        }

        fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, UnfitTags> {
            self.refuse("a map")
        }

        fn serialize_struct_variant(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeStructVariant, UnfitTags> {
            self.refuse("an enum with data")
        }
    };
}

impl<F: FnMut(&'static str, &str)> Serializer for Fields<'_, F> {
    type Ok = ();
    type Error = UnfitTags;
    type SerializeStruct = Self;

    refuse_compounds!();
    refuse! {
        serialize_bool(bool) = "a bool"
        serialize_i8(i8) = "a number"
        serialize_i16(i16) = "a number"
        serialize_i32(i32) = "a number"
        serialize_i64(i64) = "a number"
        serialize_i128(i128) = "a number"
        serialize_u8(u8) = "a number"
        serialize_u16(u16) = "a number"
        serialize_u32(u32) = "a number"
        serialize_u64(u64) = "a number"
        serialize_u128(u128) = "a number"
        serialize_f32(f32) = "a number"
        serialize_f64(f64) = "a number"
        serialize_char(char) = "a character"
        serialize_str(&str) = "text"
    }

    fn serialize_none(self) -> Result<(), UnfitTags> {
        self.refuse("nothing")
    }

    fn serialize_unit(self) -> Result<(), UnfitTags> {
        self.refuse("nothing")
    }

    /// A struct without fields: no tags.
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), UnfitTags> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), UnfitTags> {
        self.refuse("an enum")
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, UnfitTags> {
        Ok(self)
    }
}

/// A method that gives a number's text.
macro_rules! give_number {
    ($format:ident: $($method:ident($type:ty))*) => {
        $(fn $method(self, value: $type) -> Result<(), UnfitTags> {
            self.give($format::Buffer::new().format(value))
        })*
    };
}

impl<F: FnMut(&'static str, &str)> Serializer for Field<'_, F> {
    type Ok = ();
    type Error = UnfitTags;
    type SerializeStruct = Impossible<(), UnfitTags>;

    refuse_compounds!();
    give_number! {
        itoa: serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64) serialize_i128(i128)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_u128(u128)
    }
    give_number! { zmij: serialize_f32(f32) serialize_f64(f64) }

    fn serialize_bool(self, value: bool) -> Result<(), UnfitTags> {
        self.give(if value { "true" } else { "false" })
    }

    fn serialize_char(self, value: char) -> Result<(), UnfitTags> {
        self.give(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), UnfitTags> {
        self.give(value)
    }

    fn serialize_none(self) -> Result<(), UnfitTags> {
        self.give("")
    }

    fn serialize_unit(self) -> Result<(), UnfitTags> {
        self.give("")
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), UnfitTags> {
        self.give("")
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), UnfitTags> {
        self.give(variant)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, UnfitTags> {
        self.refuse("a struct")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serialize;
    use std::collections::BTreeMap;
    use std::marker::PhantomData;
    use std::net::Ipv4Addr;

    fn pairs<T: Serialize>(value: T) -> Result<Vec<(&'static str, String)>, UnfitTags> {
        let mut pairs = Vec::new();
        pairs_of(&value, &mut |key, value| pairs.push((key, value.to_string())))?;
        Ok(pairs)
    }

    fn one<T: Serialize>(only: T) -> Result<String, UnfitTags> {
        #[derive(Serialize)]
        struct One<T> {
            only: T,
        }
        Ok(pairs(One { only })?.remove(0).1)
    }

    #[derive(Serialize)]
    #[serde(rename_all = "lowercase")]
    enum Method {
        Get,
    }

    #[derive(Serialize)]
    struct Route<'a> {
        method: Method,
        path: &'a str,
        status: u16,
        cached: bool,
        zone: Option<char>,
        #[serde(skip_serializing_if = "Option::is_none")]
        shard: Option<i8>,
    }

    #[test]
    fn a_struct_of_scalars_is_a_set_of_tags() {
        let route = Route {
            method: Method::Get,
            path: "/o",
            status: 200,
            cached: true,
            zone: Some('é'),
            shard: Some(-1),
        };
        let expected = [
            ("method", "get"),
            ("path", "/o"),
            ("status", "200"),
            ("cached", "true"),
            ("zone", "é"),
            ("shard", "-1"),
        ];
        assert_eq!(pairs(&route).unwrap(), expected.map(|(key, value)| (key, value.to_string())));
    }

    #[test]
    fn keys_do_not_depend_on_the_value() {
        let route =
            Route { method: Method::Get, path: "", status: 0, cached: false, zone: None, shard: None };
        let absent = pairs(&route).unwrap().split_off(4);
        assert_eq!(absent, [("zone", String::new()), ("shard", String::new())]);
    }

    #[test]
    fn nothing_is_an_absent_tag() {
        assert_eq!(one(()).unwrap(), "");
        assert_eq!(one(PhantomData::<u8>).unwrap(), "");
    }

    #[test]
    fn newtypes_are_what_is_inside() {
        #[derive(Serialize)]
        struct Meters(f64);
        #[derive(Serialize)]
        struct Wrapped(Option<Meters>);
        assert_eq!(one(Wrapped(Some(Meters(0.5)))).unwrap(), "0.5");
        #[derive(Serialize)]
        struct Whole<'a>(Route<'a>);
        let route =
            Route { method: Method::Get, path: "/", status: 1, cached: true, zone: None, shard: None };
        assert_eq!(pairs(Whole(route)).unwrap().len(), 6);
    }

    #[test]
    fn numbers_are_written_in_full() {
        assert_eq!(one(u128::MAX).unwrap(), u128::MAX.to_string());
        assert_eq!(one(i64::MIN).unwrap(), i64::MIN.to_string());
        assert_eq!(one(0.1_f32).unwrap(), "0.1");
        assert_eq!(one(f64::NAN).unwrap(), "NaN");
    }

    #[test]
    fn types_that_write_themselves_do_too() {
        assert_eq!(one(Ipv4Addr::LOCALHOST).unwrap(), "127.0.0.1");
    }

    #[test]
    fn a_struct_without_fields_has_no_tags() {
        #[derive(Serialize)]
        struct Nothing;
        assert_eq!(pairs(Nothing), Ok(Vec::new()));
    }

    #[test]
    fn whatever_is_no_single_value_is_named() {
        #[derive(Serialize)]
        enum Shape {
            Named { _a: u8 },
            Tuple(u8, u8),
            Newtype(u8),
        }
        let refused = |found| Err(UnfitTags::NoScalar { key: "only", found });
        assert_eq!(one([1, 2].as_slice()), refused("a sequence"));
        assert_eq!(one((1, 2)), refused("a tuple"));
        assert_eq!(one(BTreeMap::from([(1, 2)])), refused("a map"));
        for data in [Shape::Named { _a: 1 }, Shape::Tuple(1, 2), Shape::Newtype(1)] {
            assert_eq!(one(data), refused("an enum with data"));
        }
        let error = one([1].as_slice()).unwrap_err().to_string();
        assert_eq!(
            error,
            r#"tag "only" is a sequence, expected text, a number, a bool or an enum without data"#
        );
    }

    #[test]
    fn whatever_is_no_struct_is_named() {
        assert_eq!(pairs(BTreeMap::from([("a", "b")])), Err(UnfitTags::NoStruct { found: "a map" }));
        assert_eq!(pairs("text"), Err(UnfitTags::NoStruct { found: "text" }));
        assert_eq!(pairs(None::<u8>), Err(UnfitTags::NoStruct { found: "nothing" }));
    }
}
