//! Texts that must not be shown.

use std::fmt;
use std::sync::Arc;

/// Secrets shorter than this are not looked for in texts: they would be found in ordinary words.
const REDACTED_LENGTH: usize = 6;
/// What stands in a secret's place.
pub(super) const REDACTED: &str = "…";

/// What a request said that nothing may show. A server may repeat it in its answer.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Secrets(Vec<Arc<str>>);

impl Secrets {
    pub(super) fn add(&mut self, secret: &str) {
        if secret.len() >= REDACTED_LENGTH {
            self.0.push(secret.into());
        }
    }

    pub(super) fn add_all(&mut self, others: &Secrets) {
        self.0.extend_from_slice(&others.0);
    }

    /// The text with each secret taken out, as it is or as JSON writes it.
    pub(super) fn redact(&self, text: String) -> String {
        self.0.iter().fold(text, |text, secret| {
            let text = if text.contains(&**secret) { text.replace(&**secret, REDACTED) } else { text };
            redact_escaped(text, secret)
        })
    }
}

/// Takes out a secret that was escaped, once or several times: `a/b` as `a\/b`, `a\\/b` or `a\u002fb`. Backslashes tell
/// nothing here, those of the secret neither.
fn redact_escaped(text: String, secret: &str) -> String {
    let bare = secret.replace('\\', "");
    if bare.len() < REDACTED_LENGTH || !text.contains('\\') {
        return text;
    }
    let (mut redacted, mut rest) = (String::with_capacity(text.len()), &*text);
    while !rest.is_empty() {
        let (shown, behind) = match behind_escaped(rest, &bare) {
            Some(behind) => (REDACTED, behind),
            None => rest.split_at(step(rest)),
        };
        redacted.push_str(shown);
        rest = behind;
    }
    redacted
}

/// Bytes of the first character, or of all backslashes there: a long row of them is gone through once, not from each.
fn step(text: &str) -> usize {
    match text.len() - text.trim_start_matches('\\').len() {
        0 => text.chars().next().map_or(0, char::len_utf8),
        backslashes => backslashes,
    }
}

/// What follows a secret that the text begins with.
fn behind_escaped<'a>(text: &'a str, bare: &str) -> Option<&'a str> {
    bare.chars().try_fold(text, |rest, expected| {
        let plain = rest.trim_start_matches('\\');
        let number = || behind_number(plain, expected).filter(|_| plain.len() < rest.len());
        plain.strip_prefix(expected).or_else(number)
    })
}

/// What follows the number of a character as JSON writes it, `u002f`.
fn behind_number(text: &str, expected: char) -> Option<&str> {
    let (digits, rest) = text.strip_prefix('u')?.split_at_checked(4)?;
    let number = u32::from_str_radix(digits, 16).ok()?;
    (number == u32::from(expected)).then_some(rest)
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    #[test]
    fn what_is_repeated_is_taken_out() {
        let mut secrets = Secrets::default();
        ["s3cr3t", "hunter2", " "].iter().for_each(|secret| secrets.add(secret));
        assert_eq!(secrets.redact("no s3cr3t, no hunter2, s3cr3t".into()), "no …, no …, …");
        assert_eq!(secrets.redact("a b".into()), "a b");
        assert_eq!(format!("{secrets:?}"), "…");
    }

    #[test]
    fn a_row_of_backslashes_is_gone_through_once() {
        let mut secrets = Secrets::default();
        secrets.add("s3cr3t");
        let row = "\\".repeat(4 << 20);
        assert_eq!(secrets.redact(row.clone()), row);
    }

    #[test]
    fn what_is_repeated_in_json_is_taken_out() {
        let mut secrets = Secrets::default();
        [r#"pass"word\1"#, "dXNl/cjpw+w==", "hé<llo>", r"\\\\a\\\\"]
            .iter()
            .for_each(|secret| secrets.add(secret));
        for (said, shown) in [
            (r#"{"token": "pass\"word\\1"}"#, r#"{"token": "…"}"#),
            (r#"{"said": "{\"token\": \"pass\\\"word\\\\1\"}"}"#, r#"{"said": "{\"token\": \"…\"}"}"#),
            (r"Basic dXNl\/cjpw+w== / dXNl\u002FcjpwA", r"Basic … / dXNl\u002FcjpwA"),
            (r"dXNl\u002Fcjpw\u002bw\u003d\u003D, h\u00e9\u003cllo>", "…, …"),
            (r"dXNlu002fcjpw+w== \u00e9t\u00e9 \u00", r"dXNlu002fcjpw+w== \u00e9t\u00e9 \u00"),
            (r"\\\\a\\\\ \a\", r"… \a\"),
        ] {
            assert_eq!(secrets.redact(said.into()), shown, "{said}");
        }
    }

    proptest! {
        #[test]
        fn no_json_shows_a_secret(secret in "[ -~é]{6,20}".prop_filter("short", |secret| is_long(secret)), around: String) {
            let mut secrets = Secrets::default();
            secrets.add(&secret);
            let mut said = Value::from(secret.as_str()).to_string();
            for _ in 0..3 {
                let redacted = secrets.redact(format!("{around}{said}"));
                prop_assert!(redacted.trim_end_matches(['"', '\\']).ends_with('…'), "{redacted}");
                said = Value::from(said).to_string();
            }
        }
    }

    /// Without backslashes.
    fn is_long(secret: &str) -> bool {
        secret.replace('\\', "").len() >= REDACTED_LENGTH
    }
}
