//! What can be the value of a tag in a type of the user's.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

/// A type whose values are values of a tag.
///
/// `#[derive(TagValue)]` (feature `derive`) gives it to enums without data.
///
/// | type | text | closed |
/// |---|---|---|
/// | `&str`, `String`, `char` | as it is | no |
/// | `bool` | `true`, `false` | yes |
/// | whole numbers | decimal: `-3` | no |
/// | enums that derive it | name of the variant, or what `#[tag(…)]` makes of it | yes |
/// | `Option` | what is inside; `None` is the empty text, an absent tag | as what is inside |
/// | `&T`, `Box`, `Rc`, `Arc`, `Cow` | what they point to | as that |
///
/// A *closed* type knows all its values, so that a family finds the series by an index instead of by text. Floats are
/// left out on purpose: every one would be a series.
///
/// ```
/// use tagmeter::tag::TagValue;
///
/// /// A status code, told apart by its class only.
/// struct Class(u16);
///
/// impl TagValue for Class {
///     fn with_text<R>(&self, read: impl FnOnce(&str) -> R) -> R {
///         read(match self.0 {
///             200..300 => "2xx",
///             400..500 => "4xx",
///             _ => "other",
///         })
///     }
/// }
///
/// assert_eq!(Class(404).with_text(str::len), 3);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no value of a tag",
    label = "expected text, a whole number, a bool or an enum that derives `TagValue`",
    note = "`#[derive(TagValue)]` gives it to enums without data; a field that is no tag takes `#[tag(skip)]`"
)]
pub trait TagValue {
    /// How many values there are, if that is known: then each has an [`index`](TagValue::index) below it.
    ///
    /// ```
    /// # use tagmeter::tag::TagValue;
    /// assert_eq!(<Option<bool>>::COUNT, Some(3));
    /// assert_eq!(u8::COUNT, None);
    /// ```
    const COUNT: Option<usize> = None;

    /// Which of the values this is; without meaning where there is no [`COUNT`](TagValue::COUNT).
    ///
    /// Different texts have different indices: a family remembers series by them.
    ///
    /// ```
    /// # use tagmeter::tag::TagValue;
    /// assert_eq!([None, Some(false), Some(true)].map(|value| value.index()), [0, 1, 2]);
    /// ```
    #[inline]
    fn index(&self) -> usize {
        0
    }

    /// Calls `read` with the text. Empty is an absent tag.
    ///
    /// The text is lent to a function rather than returned, so that numbers need no allocation.
    ///
    /// ```
    /// # use tagmeter::tag::TagValue;
    /// assert_eq!((-3).with_text(str::to_owned), "-3");
    /// assert_eq!(None::<u8>.with_text(str::to_owned), "");
    /// ```
    fn with_text<R>(&self, read: impl FnOnce(&str) -> R) -> R;
}

impl TagValue for str {
    #[inline]
    fn with_text<R>(&self, read: impl FnOnce(&str) -> R) -> R {
        read(self)
    }
}

impl TagValue for String {
    #[inline]
    fn with_text<R>(&self, read: impl FnOnce(&str) -> R) -> R {
        read(self)
    }
}

impl TagValue for char {
    #[inline]
    fn with_text<R>(&self, read: impl FnOnce(&str) -> R) -> R {
        read(self.encode_utf8(&mut [0; 4]))
    }
}

impl TagValue for bool {
    const COUNT: Option<usize> = Some(2);

    #[inline]
    fn index(&self) -> usize {
        usize::from(*self)
    }

    #[inline]
    fn with_text<R>(&self, read: impl FnOnce(&str) -> R) -> R {
        read(if *self { "true" } else { "false" })
    }
}

impl<T: TagValue> TagValue for Option<T> {
    const COUNT: Option<usize> = match T::COUNT {
        Some(count) => count.checked_add(1),
        None => None,
    };

    #[inline]
    fn index(&self) -> usize {
        self.as_ref().map_or(0, |value| 1 + value.index())
    }

    #[inline]
    fn with_text<R>(&self, read: impl FnOnce(&str) -> R) -> R {
        match self {
            Some(value) => value.with_text(read),
            None => read(""),
        }
    }
}

macro_rules! whole_numbers {
    ($($number:ty)*) => {$(
        impl TagValue for $number {
            #[inline]
            fn with_text<R>(&self, read: impl FnOnce(&str) -> R) -> R {
                read(itoa::Buffer::new().format(*self))
            }
        }
    )*};
}

whole_numbers! { u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize }

macro_rules! pointers {
    ($(($($bound:tt)*) $pointer:ty;)*) => {$(
        impl<T: TagValue + ?Sized $($bound)*> TagValue for $pointer {
            const COUNT: Option<usize> = T::COUNT;

            #[inline]
            fn index(&self) -> usize {
                (**self).index()
            }

            #[inline]
            fn with_text<R>(&self, read: impl FnOnce(&str) -> R) -> R {
                (**self).with_text(read)
            }
        }
    )*};
}

pointers! {
    () &T;
    () Box<T>;
    () Rc<T>;
    () Arc<T>;
    (+ ToOwned) Cow<'_, T>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: impl TagValue) -> String {
        value.with_text(str::to_owned)
    }

    #[test]
    fn text_is_as_it_is() {
        let texts = [text("é"), text(String::from("é")), text('é'), text(Box::<str>::from("é"))];
        assert!(texts.iter().all(|text| text == "é"));
        assert_eq!(text(Cow::Borrowed("a")) + &text(Arc::<str>::from("b")) + &text(Rc::new("c")), "abc");
    }

    #[test]
    fn whole_numbers_are_decimal() {
        assert_eq!(text(u128::MAX), u128::MAX.to_string());
        assert_eq!(text(i128::MIN), i128::MIN.to_string());
        assert_eq!(text(200_u16), "200");
    }

    #[test]
    fn nothing_is_an_absent_tag() {
        assert_eq!(text(None::<&str>), "");
        assert_eq!(text(Some(Some("a"))), "a");
    }

    #[test]
    fn indices_of_closed_types_are_dense() {
        let all = [None, Some(None), Some(Some(false)), Some(Some(true))];
        assert_eq!(all.map(|value| value.index()), [0, 1, 2, 3]);
        assert_eq!(<Option<Option<bool>>>::COUNT, Some(4));
        assert_eq!(Box::new(&true).index(), 1);
        assert_eq!(<Box<&bool>>::COUNT, Some(2));
    }

    #[test]
    fn open_types_have_no_count() {
        assert_eq!(<Option<&str>>::COUNT, None);
        assert_eq!(u8::COUNT, None);
    }
}
