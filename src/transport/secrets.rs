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

    /// The text with each secret taken out.
    pub(super) fn redact(&self, text: String) -> String {
        self.0.iter().fold(text, |text, secret| match text.contains(&**secret) {
            true => text.replace(&**secret, REDACTED),
            false => text,
        })
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_repeated_is_taken_out() {
        let mut secrets = Secrets::default();
        ["s3cr3t", "hunter2", " "].iter().for_each(|secret| secrets.add(secret));
        assert_eq!(secrets.redact("no s3cr3t, no hunter2, s3cr3t".into()), "no …, no …, …");
        assert_eq!(secrets.redact("a b".into()), "a b");
        assert_eq!(format!("{secrets:?}"), "…");
    }
}
