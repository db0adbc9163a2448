//! The token, which nothing shows.

use std::fmt;

/// Tokens shorter than this are not looked for in texts: they would be found in ordinary words.
const REDACTED_LENGTH: usize = 6;
/// What stands in a token's place.
const REDACTED: &str = "…";

/// An API token. `Debug` and `Display` do not show it.
///
/// ```
/// use tagmeter::apptuit::Token;
///
/// let token = Token::new("very secret")?;
/// assert_eq!(format!("{token} {token:?}"), "… Token(…)");
/// # Ok::<(), tagmeter::apptuit::InvalidToken>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    text: Box<str>,
    /// As it stands in the header.
    latin1: Box<[u8]>,
}

/// The text is not a token. It is not repeated here.
///
/// ```
/// let error = tagmeter::apptuit::Token::new("secret\0").unwrap_err();
/// assert!(!error.to_string().contains("secret"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the token holds a control character or one beyond U+00FF: expected text that fits into an HTTP header"
)]
pub struct InvalidToken(());

impl Token {
    /// A token, taken as it is: blanks are part of it.
    ///
    /// # Errors
    ///
    /// A character cannot stand in an HTTP header.
    ///
    /// ```
    /// assert!(tagmeter::apptuit::Token::new("line\nbreak").is_err());
    /// ```
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidToken> {
        let text: String = text.into();
        let latin1: Option<Box<[u8]>> = text.chars().map(header_byte).collect();
        Ok(Token { latin1: latin1.ok_or(InvalidToken(()))?, text: text.into() })
    }

    /// The value of the `Authorization` header.
    pub(super) fn bearer(&self) -> Vec<u8> {
        [b"Bearer ".as_slice(), &self.latin1].concat()
    }

    /// The text with the token taken out, should a server have repeated it.
    pub(super) fn redact(&self, text: String) -> String {
        if self.text.len() < REDACTED_LENGTH || !text.contains(&*self.text) {
            return text;
        }
        text.replace(&*self.text, REDACTED)
    }
}

/// Latin-1, as HTTP reads header values; `None` for what cannot stand in one.
fn header_byte(c: char) -> Option<u8> {
    u8::try_from(u32::from(c)).ok().filter(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f))
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({REDACTED})")
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latin1_goes_out_as_latin1() {
        assert_eq!(Token::new("s3cr3t-é").unwrap().bearer(), b"Bearer s3cr3t-\xe9");
    }

    #[test]
    fn what_cannot_stand_in_a_header_is_refused_and_not_repeated() {
        for text in ["secret\r\nX: y", "secret\u{7f}", "secret€", "secret\0"] {
            let error = Token::new(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("secret"));
        }
    }

    #[test]
    fn a_repeated_token_is_taken_out_of_texts() {
        let token = Token::new("s3cr3t").unwrap();
        assert_eq!(token.redact("no token s3cr3t here".into()), "no token … here");
        assert_eq!(Token::new(" ").unwrap().redact("a b".into()), "a b");
    }
}
