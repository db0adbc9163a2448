//! JSON with numbers that JSON does not have.

/// The text with `NaN`, `Infinity` and `-Infinity` in quotes where they stand bare, as servers written in Java and
/// Python send them. What stands in strings is left as it is.
pub(super) fn quoted(json: &str) -> String {
    const BARE: [&str; 3] = ["NaN", "Infinity", "-Infinity"];
    let mut quoted = String::with_capacity(json.len());
    let mut rest = json;
    while !rest.is_empty() {
        let taken = match BARE.iter().find(|bare| rest.starts_with(**bare)) {
            Some(bare) => {
                quoted.extend(["\"", bare, "\""]);
                bare.len()
            }
            None => {
                let length =
                    string_length(rest).unwrap_or_else(|| rest.chars().next().map_or(1, char::len_utf8));
                quoted.push_str(&rest[..length]);
                length
            }
        };
        rest = &rest[taken..];
    }
    quoted
}

/// How long the string is that the text begins with, its quotes included.
fn string_length(json: &str) -> Option<usize> {
    let mut bytes = json.bytes().enumerate();
    bytes.next().filter(|(_, first)| *first == b'"')?;
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    Some(json.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_what_stands_bare_is_quoted() {
        let json = r#"{"NaN\"NaN":[NaN,-Infinity, 1,Infinity],"é":"Infinity\\"}"#;
        let expected = r#"{"NaN\"NaN":["NaN","-Infinity", 1,"Infinity"],"é":"Infinity\\"}"#;
        assert_eq!(quoted(json), expected);
    }

    proptest! {
        #[test]
        fn json_stays_as_it_is(texts: Vec<String>, numbers: Vec<i64>) {
            let json = serde_json::json!([texts, numbers, null]).to_string();
            prop_assert_eq!(quoted(&json), json);
        }

        #[test]
        fn no_text_panics(text: String) {
            quoted(&text);
        }
    }
}
