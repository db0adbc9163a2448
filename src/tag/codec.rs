//! Apptuit's text form of a name with tags.

use super::characters::{is_blank, trim};
use super::json::{InvalidJson, read_object, write_text};
use super::{Id, Tags};

/// Begins the tags; names therefore cannot hold it.
const BRACE: char = '{';

impl Id {
    /// The name and the tags in one text, as Apptuit's Python client keys its registry.
    ///
    /// | name | tags | text |
    /// |---|---|---|
    /// | `node.cpu` | none | `node.cpu{}` |
    /// | `node.cpu` | type = idle, host = a | `node.cpu{"host": "a", "type": "idle"}` |
    /// | `temp` | zone = hé | `temp{"zone": "h\u00e9"}` |
    ///
    /// Keys are sorted, everything outside ASCII is escaped in the tags and kept in the name. [`Id::decode`] gives the
    /// same `Id` back.
    ///
    /// # Errors
    ///
    /// What could not be decoded: an empty name, one with blanks at its ends or with `{`, and an empty key.
    ///
    /// ```
    /// use tagmeter::tag::Id;
    ///
    /// let id: Id = ("node.cpu", [("type", "idle")]).into();
    /// assert_eq!(id.encode()?, r#"node.cpu{"type": "idle"}"#);
    /// assert!(Id::from("a{b").encode().is_err());
    /// # Ok::<(), tagmeter::tag::EncodeError>(())
    /// ```
    pub fn encode(&self) -> Result<String, EncodeError> {
        let name = self.name.as_str();
        check_name(name)?;
        let mut text = String::with_capacity(name.len() + 2);
        text.push_str(name);
        text.push(BRACE);
        for (at, (key, value)) in self.tags.iter().enumerate() {
            if key.is_empty() {
                return Err(EncodeError::EmptyKey { name: name.into() });
            }
            text.push_str(if at == 0 { "" } else { ", " });
            write_text(key, &mut text);
            text.push_str(": ");
            write_text(value, &mut text);
        }
        text.push('}');
        Ok(text)
    }

    /// Reads what [`Id::encode`] writes.
    ///
    /// | text | name | tags |
    /// |---|---|---|
    /// | `node.cpu` | `node.cpu` | none |
    /// | `node.cpu {"type":"idle"}` | `node.cpu` | type = idle |
    /// | `a b{"k": "1", "k": "2"}` | `a b` | k = 2 |
    /// | `a{"k": 5}`, `a{"k": "v"}x`, `{"k": "v"}`, a blank text | error | |
    ///
    /// Blanks around the name are left out. Tags are text: a number, `true`, `null`, a list or a map as a value is an
    /// error.
    ///
    /// # Errors
    ///
    /// There is no name, or what follows it from the first `{` on is not one JSON object of texts with keys that are
    /// not empty.
    ///
    /// ```
    /// use tagmeter::tag::Id;
    ///
    /// let id = Id::decode(r#"node.cpu {"type": "idle"}"#)?;
    /// assert_eq!(id.name, "node.cpu");
    /// assert_eq!(id.tags.get("type"), Some("idle"));
    /// # Ok::<(), tagmeter::tag::DecodeError>(())
    /// ```
    pub fn decode(text: &str) -> Result<Id, DecodeError> {
        let (name, tags) = text.split_at(text.find(BRACE).unwrap_or(text.len()));
        let name = trim(name);
        if name.is_empty() {
            return Err(DecodeError::NoName { text: text.into() });
        }
        Ok(Id { name: name.into(), tags: decode_tags(text, trim(tags))? })
    }
}

fn check_name(name: &str) -> Result<(), EncodeError> {
    let found = match name {
        "" => "is empty",
        _ if name.contains(BRACE) => "holds '{'",
        _ if name.starts_with(is_blank) || name.ends_with(is_blank) => "has blanks at its ends",
        _ => return Ok(()),
    };
    Err(EncodeError::Name { name: name.into(), found })
}

fn decode_tags(text: &str, tags: &str) -> Result<Tags, DecodeError> {
    if tags.is_empty() {
        return Ok(Tags::new());
    }
    let pairs = read_object(tags).map_err(|source| DecodeError::Tags { text: text.into(), source })?;
    match pairs.iter().any(|(key, _)| key.is_empty()) {
        true => Err(DecodeError::EmptyKey { text: text.into() }),
        false => Ok(pairs.into()),
    }
}

/// Why a name with tags has no text form.
///
/// ```
/// let error = tagmeter::tag::Id::from("a{b").encode().unwrap_err();
/// assert_eq!(error.to_string(), "name \"a{b\" holds '{', expected a name that can be decoded again");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The name would not come back.
    #[error("name {name:?} {found}, expected a name that can be decoded again")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it, as the end of a sentence.
        found: &'static str,
    },
    /// A tag has no key.
    #[error("a tag of {name:?} has an empty key, expected at least one character")]
    EmptyKey {
        /// The metric.
        name: String,
    },
}

/// Why a text is not a name with tags.
///
/// ```
/// let error = tagmeter::tag::Id::decode("{}").unwrap_err();
/// assert_eq!(error.to_string(), "\"{}\" holds no name, expected name{\"key\": \"value\"}");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Nothing but blanks before the brace or the end.
    #[error("{text:?} holds no name, expected name{{\"key\": \"value\"}}")]
    NoName {
        /// The whole text.
        text: String,
    },
    /// A tag has no key.
    #[error("a tag of {text:?} has an empty key, expected at least one character")]
    EmptyKey {
        /// The whole text.
        text: String,
    },
    /// What follows the name is something else.
    #[error("the tags of {text:?} cannot be read, expected name{{\"key\": \"value\"}}")]
    Tags {
        /// The whole text.
        text: String,
        /// Where, counted from the brace, and what was expected there.
        source: InvalidJson,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_are_sorted_by_code_point() {
        let id = Id::from(("m", [("\u{10000}", "2"), ("\u{ffff}", "1")]));
        assert_eq!(id.encode().unwrap(), r#"m{"\uffff": "1", "\ud800\udc00": "2"}"#);
    }

    #[test]
    fn names_that_would_not_come_back_are_refused() {
        for name in ["", " a", "a\n", "\u{a0}a", "a{b"] {
            assert!(matches!(Id::from(name).encode(), Err(EncodeError::Name { .. })), "{name:?}");
        }
        assert!(matches!(Id::from(("a", [("", "v")])).encode(), Err(EncodeError::EmptyKey { .. })));
    }

    #[test]
    fn the_last_of_equal_keys_counts() {
        assert_eq!(Id::decode(r#"a{"k":"1","k":"2"}"#).unwrap(), Id::from(("a", [("k", "2")])));
    }

    #[test]
    fn values_that_are_no_texts_are_refused() {
        for value in ["5", "true", "null", "[]", "{}", "NaN"] {
            assert!(
                matches!(Id::decode(&format!("a{{\"k\":{value}}}")), Err(DecodeError::Tags { .. })),
                "{value}"
            );
        }
    }

    fn ids() -> impl Strategy<Value = Id> {
        let name = any::<String>().prop_map(|name| trim(&name.replace(BRACE, "")).to_string());
        let tags = prop::collection::vec((".+", any::<String>()), 0..5);
        (name.prop_filter("a name", |name| !name.is_empty()), tags).prop_map(Id::from)
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_the_same(id in ids()) {
            prop_assert_eq!(Id::decode(&id.encode().unwrap()).unwrap(), id);
        }

        #[test]
        fn what_decodes_can_be_encoded(text in r#"[a \t]{0,3}(\{[ "a:,\\u0{}]{0,8}\})?|.{0,12}"#) {
            if let Ok(id) = Id::decode(&text) {
                prop_assert_eq!(Id::decode(&id.encode().unwrap()).unwrap(), id);
            }
        }
    }
}
