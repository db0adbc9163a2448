//! Ways of writing a name.

use syn::{Error, LitStr, Result};

/// What `rename_all` does to the names of variants and fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
}

impl Case {
    const ALL: [(&'static str, Case); 7] = [
        ("lowercase", Case::Lower),
        ("UPPERCASE", Case::Upper),
        ("PascalCase", Case::Pascal),
        ("camelCase", Case::Camel),
        ("snake_case", Case::Snake),
        ("SCREAMING_SNAKE_CASE", Case::ScreamingSnake),
        ("kebab-case", Case::Kebab),
    ];

    pub(crate) fn parse(literal: &LitStr) -> Result<Case> {
        let wanted = literal.value();
        let known = Case::ALL.iter().find(|(name, _)| *name == wanted);
        known.map(|(_, case)| *case).ok_or_else(|| {
            let names: Vec<String> = Case::ALL.iter().map(|(name, _)| format!("`{name}`")).collect();
            Error::new(
                literal.span(),
                format!("unknown case {wanted:?}, expected one of {}", names.join(", ")),
            )
        })
    }

    /// The name of a variant, which is in `PascalCase`.
    pub(crate) fn of_variant(self, name: &str) -> String {
        match self {
            Case::Lower | Case::Upper => self.of_words(&[name]),
            _ => self.of_words(&pascal_words(name)),
        }
    }

    /// The name of a field, which is in `snake_case`. Its underscores stay where the case has no other way to keep words
    /// apart.
    pub(crate) fn of_field(self, name: &str) -> String {
        match self {
            Case::Lower | Case::Upper => self.of_words(&[name]),
            _ => self.of_words(&name.split('_').collect::<Vec<_>>()),
        }
    }

    fn of_words(self, words: &[&str]) -> String {
        let each = |write: fn(&str) -> String| words.iter().map(|word| write(word)).collect::<Vec<_>>();
        match self {
            Case::Lower => each(str::to_lowercase).concat(),
            Case::Upper => each(str::to_uppercase).concat(),
            Case::Pascal => each(capitalized).concat(),
            Case::Camel => uncapitalized(&each(capitalized).concat()),
            Case::Snake => each(str::to_lowercase).join("_"),
            Case::ScreamingSnake => each(str::to_uppercase).join("_"),
            Case::Kebab => each(str::to_lowercase).join("-"),
        }
    }
}

/// `NotFound` is `Not` and `Found`: every capital begins a word.
fn pascal_words(name: &str) -> Vec<&str> {
    let starts = name.char_indices().filter(|(at, letter)| *at > 0 && letter.is_uppercase());
    let mut words = Vec::new();
    let mut start = 0;
    for (at, _) in starts {
        words.push(&name[start..at]);
        start = at;
    }
    words.push(&name[start..]);
    words
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

fn uncapitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().into_iter().flat_map(char::to_lowercase).chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proc_macro2::Span;

    #[test]
    fn every_case_writes_variants_and_fields_its_way() {
        let written = Case::ALL.map(|(_, case)| (case.of_variant("NotFound"), case.of_field("not_found")));
        let expected = [
            ("notfound", "not_found"),
            ("NOTFOUND", "NOT_FOUND"),
            ("NotFound", "NotFound"),
            ("notFound", "notFound"),
            ("not_found", "not_found"),
            ("NOT_FOUND", "NOT_FOUND"),
            ("not-found", "not-found"),
        ];
        assert_eq!(written, expected.map(|(variant, field)| (variant.to_owned(), field.to_owned())));
    }

    #[test]
    fn every_capital_begins_a_word() {
        assert_eq!(Case::Snake.of_variant("HTTP2Get"), "h_t_t_p2_get");
        assert_eq!(Case::Kebab.of_variant("ÄrgerÖl"), "ärger-öl");
    }

    #[test]
    fn cases_are_known_by_their_own_name() {
        for (name, case) in Case::ALL {
            assert_eq!(Case::parse(&LitStr::new(name, Span::call_site())).unwrap(), case);
        }
        let error = Case::parse(&LitStr::new("Snake", Span::call_site())).unwrap_err().to_string();
        assert!(error.starts_with(r#"unknown case "Snake", expected one of `lowercase`, "#), "{error}");
    }
}
